"""Measures of machine learning against errors, as steps around a job's step: they are computed with shares too.

Their own comparisons and products are sites: a party that adds its error behind a bound is not bounded by it. So a
measure is attacked as everything else is, and the adversary's rehearsals run with it. The update of a step is what it
adds to each floating-point leaf of the state.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.refusal import Refusal

Step = Callable[..., Any]


@dataclass(frozen=True)
class Measure:
    """What is done to the training: by default nothing; equal ones are one program."""

    @property
    def shuffles(self) -> bool:
        """Whether the records are put into a secret order before training."""
        return False

    def check(self, step: Step, state: Any, x: Any, y: Any, more: Any) -> None:
        """Refusal for a step that it cannot be put around, of which these are arguments of a few records."""

    def around(self, step: Step) -> Step:
        """The step with the measure."""
        return step


@dataclass(frozen=True)
class Shuffled(Measure):
    """The records' order is secret: they are shuffled under the protocol, once, before training."""

    @property
    def shuffles(self) -> bool:
        return True


@dataclass(frozen=True)
class Bound(Measure):
    """What is done to the updates of a step: `bounded(updates)` gives those that are made, leaf by leaf.

    `largest` is a bound; Refusal if it lets nothing pass.
    """

    largest: float

    def __post_init__(self) -> None:
        if not 0 < self.largest < float("inf"):
            raise Refusal(
                f"a bound on updates is a finite number above 0, not {self.largest:g}: at 0 nothing would be learned"
            )

    def bounded(self, updates: list[Array]) -> list[Array]:
        raise NotImplementedError

    def around(self, step: Step) -> Step:
        return Bounded(step, self)


@dataclass(frozen=True)
class ClippedEntries(Bound):
    """Each entry of an update within `largest` of zero: two comparisons and two selections an entry."""

    def bounded(self, updates: list[Array]) -> list[Array]:
        return [jnp.where(low < self.largest, low, self.largest) for low in map(self._above, updates)]

    def _above(self, update: Array) -> Array:
        return jnp.where(update > -self.largest, update, -self.largest)


@dataclass(frozen=True)
class ClippedNorm(Bound):
    """The whole update scaled to a Euclidean norm of at most `largest`: a secret factor times every entry."""

    def bounded(self, updates: list[Array]) -> list[Array]:
        square = sum((jnp.sum(u * u) for u in updates), jnp.zeros((), updates[0].dtype)) / self.largest**2
        within = square < 1.0
        factor = jnp.where(within, 1.0, jax.lax.rsqrt(jnp.where(within, 1.0, square)))
        return [factor * u for u in updates]


@dataclass(frozen=True)
class Around:
    """A step with a measure: hashable, and with the signature of the step that it is around."""

    step: Step
    measure: Bound

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.step)

    @property
    def __name__(self) -> str:
        return getattr(self.step, "__name__", "step")


@dataclass(frozen=True)
class Bounded(Around):
    """A step whose updates are bounded."""

    def __call__(self, state: Any, x: Any, y: Any, **more: Any) -> Any:
        new = self.step(state, x, y, **more)
        before, after = jax.tree.leaves(state), jax.tree.leaves(new)
        moved = floating(after)
        with jax.named_scope("bound"):
            updates = self.measure.bounded([after[i] - before[i] for i in moved])
        for i, update in zip(moved, updates, strict=True):
            after[i] = before[i] + update
        return jax.tree.unflatten(jax.tree.structure(new), after)


def floating(leaves: list[Any]) -> list[int]:
    """Which leaves a measure bounds: those of real numbers."""
    return [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
