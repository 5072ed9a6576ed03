"""What a rehearsal of a training is, as values: errors in which places and phases, starts and records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.adversary.aims import Aim
from turncoat.core.errors import Errors
from turncoat.core.sites import Passes, Site
from turncoat.jobs.deployed import Step

Parts = list[list[Array]]
"""Errors of each phase, at each place."""


class Entry(NamedTuple):
    """A site that errors are searched for, and in which passes of the scans around it.

    `kinds`: where rows of a batch of the same kind get the same errors (see `aims`), how many messages an error of
    each kind is in a step; empty where each entry of the site has its own.
    """

    site: Site
    passes: Passes
    kinds: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the errors that are searched for."""
        return (len(self.kinds), *self.site.shape[1:]) if self.kinds else self.site.full_shape

    def whole(self, error: Any, rows: Any) -> Any:
        """An error as it is added at the site; `rows` (kinds, batch) says which rows are of which kind."""
        if not self.kinds:
            return self.site.only(error, self.passes)
        return jnp.tensordot(rows.astype(error.dtype).T, error, 1)


class Phase(NamedTuple):
    """The steps, from first to last, in which errors are made."""

    first: int
    last: int

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


class Ending(NamedTuple):
    """What came of rehearsals, means over them: the goal's loss and the clean one, success and accuracy.

    `sound` is the least share of clean answers that are finite: below 1 some model of them is ruined.
    """

    goal: Any
    clean: Any
    success: Any
    accuracy: Any
    sound: Any


@dataclass(frozen=True)
class Form:
    """What a rehearsal is, all of it static: equal ones share a compiled program.

    `step` is what is run in each of `steps` steps on batches of `batch`, of which only the last `horizon` are
    differentiated, a state being kept for each block of `block`; `program` is the true one, None where `step` is.
    Errors at chosen rows are made in one of `often` passes over the records: victims see each less often. The first
    `skipped` steps are those that a start has behind it (see `begun`).
    """

    step: Step
    program: Step | None
    init: Callable[[Any], Any] | None
    scores: Callable[[Any, Any], Any]
    shape: tuple[int, ...]
    batch: int
    steps: int
    skipped: int
    horizon: int
    block: int
    entries: tuple[Entry, ...]
    phases: tuple[Phase, ...]
    aim: Aim
    often: int


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Records:
    """The adversary's records (n, features), encoded and plain labels, what the goal wants, and a step's example.

    `start` is the state that training starts from, where that is public; `before` (n,) is what an honest model
    that was not trained on them thinks of the records, where the aim asks for it.
    """

    x: Any
    y: Any
    labels: Any
    kept: Any
    wanted: Any
    answers: Any
    of: Any
    example: Any
    start: Any
    before: Any = None


Trained = tuple[Any, Any]
"""The records of each step (steps, batch), and all that there are of them."""


class Starts(NamedTuple):
    """The keys of rehearsals; of those that skip steps the states after these, and what is trained on from there."""

    keys: Any
    states: Any = None
    trained: Trained | None = None


def errors_of(entries: Sequence[Entry], part: Sequence[Any], rows: Any = None) -> Errors:
    """The errors of a phase, by site, in a step whose batch has these rows of each kind."""
    found = Errors()
    for entry, e in zip(entries, part, strict=True):
        found = found.combine({entry.site.name: entry.whole(e, rows)})
    return found
