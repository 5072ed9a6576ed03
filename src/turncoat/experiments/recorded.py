"""A training run as a tape: recorded once, for parties that share nothing but what the tape tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.engines.recorder import Recorder
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Schedule, Tampering, train
from turncoat.parties.programs.interpreter import interpret, run
from turncoat.parties.programs.plain import Plain
from turncoat.parties.programs.tape import Tape

Given = tuple[Any, Any, Any, Schedule]
"""The state, records, labels and schedule of a run: the arguments of `train`."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A tape, its private inputs and the corrupt party's errors, both by the number of the operation.

    `frame` is what is released, with `opened` in the places of what the parties will reveal; `tampered` is how many
    products the errors are added to. `added` are inputs that the corrupt party gives: see `as_inputs`.
    """

    tape: Tape
    inputs: Mapping[int, Any]
    errors: Mapping[int, Any]
    frame: Any
    opened: Sequence[Any]
    tampered: int
    added: frozenset[int] = frozenset()

    def released(self, revealed: Sequence[Any]) -> Any:
        """The released model, of what was revealed."""
        places = {id(placeholder): i for i, placeholder in enumerate(self.opened)}

        def one(leaf: Any) -> Any:
            found = places.get(id(leaf))
            if found is None:  # public all along
                return leaf
            return jnp.asarray(np.asarray(revealed[found]).reshape(leaf.shape), leaf.dtype)

        return jax.tree.map(one, self.frame)

    def computed(self, machine: Plain) -> list[Any]:
        """What is revealed, computed in the clear."""
        with np.errstate(all="ignore"):  # a run that is ruined is told by its numbers
            found: list[Any] = run(interpret(self.tape, machine, self.inputs, self.errors))
        return found


def largest_difference(one: Any, other: Any) -> float:
    """The largest difference of any number of two pytrees of arrays."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max(initial=0)) for a, b in pairs)


def record(
    deployed: Deployed, given: Given, tampering: Tampering | None = None, ideals: bool = False
) -> Recorded:
    """The training of a job as a tape; Refusal where a step cannot be recorded."""
    recorder = Recorder(ideals)
    frame, tally = train(deployed.step.on(recorder), *given, tampering)
    written = recorder.writing
    return Recorded(recorder.tape, written.inputs, written.errors, frame, written.opened, int(tally.errors))
