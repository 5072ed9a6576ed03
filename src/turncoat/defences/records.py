"""Per-record clipping: what each record alone adds to the state in a step is bounded before records are averaged.

The step is run on every record alone, as a batch of one, so it must be a mean over the records of its batch: whether
it is, is found by running it. Optimizers that do more to a gradient than to scale it are none, nor is a norm over the
batch.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.defences.measures import Around, Bound, Step, floating
from turncoat.refusal import Refusal

APART = 1e-3
"""How far a step on a batch may end from the mean of its records' own steps, over how far it goes."""


@dataclass(frozen=True)
class ClippedRecords(Bound):
    """Each record's own update of the whole state scaled to a Euclidean norm of at most `largest`, then averaged.

    Source: Abadi et al., "Deep Learning with Differential Privacy" (CCS 2016), algorithm 1; the bound here is on the
    update, that is, on the learning rate times the gradient.
    """

    def check(self, step: Step, state: Any, x: Any, y: Any, more: Any) -> None:
        for _ in range(2):  # an optimizer may start from nothing, and show itself in the second step
            if apart(step, state, x, y, more) > APART:
                raise Refusal(
                    "what this step does on a batch is not the mean of what it does on each record alone (an "
                    "optimizer such as Adam, dropout, a norm over the batch, a sum over records): its records "
                    "cannot be clipped one by one; take clip-norm, which bounds the whole update"
                )
            state = step(state, x, y, **more)

    def around(self, step: Step) -> Step:
        return ByRecord(step, self)

    def averaged(self, updates: list[Array], key: Any) -> list[Array]:
        """The mean of the clipped updates, which stand in rows (records, ...) of each leaf."""
        return self.bounded(updates)

    def bounded(self, updates: list[Array]) -> list[Array]:
        with jax.named_scope("square"):
            squares = [_square(u) for u in updates]
        square = sum(squares[1:], squares[0]) / self.largest**2
        within = square < 1.0
        factor = jnp.where(within, 1.0, jax.lax.rsqrt(jnp.where(within, 1.0, square)))
        with jax.named_scope("mean"):
            return [jax.lax.dot_general(factor, u, (((0,), (0,)), ((), ()))) / len(u) for u in updates]


def _square(update: Array) -> Array:
    """The squared norm of each record's update (records, ...): one product of secrets a record, not one an entry."""
    own = tuple(range(1, update.ndim))
    found: Array = jax.lax.dot_general(update, update, ((own, own), ((0,), (0,))))
    return found


SEEDS = 3
"""One for each pair of three parties: each party lacks one of them."""


@dataclass(frozen=True)
class NoisyRecords(ClippedRecords):
    """The same with Gaussian noise: on the sum of the clipped updates `noise` times `largest` (DP-SGD).

    Each pair of parties draws noise of that size from its common seed, as its share of the sum: nothing is sent, and
    what a party lacks of it has all of that standard deviation. The model bears that of three draws.
    """

    noise: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.noise < float("inf"):
            raise Refusal(
                f"noise is a finite number above 0, in units of the bound, not {self.noise:g}; clip-records has none"
            )

    def averaged(self, updates: list[Array], key: Any) -> list[Array]:
        keys = jax.random.split(key, len(updates))
        means = zip(self.bounded(updates), keys, updates, strict=True)
        return [mean + self._drawn(k, mean) * (self.noise * self.largest / len(u)) for mean, k, u in means]

    def _drawn(self, key: Any, like: Array) -> Array:
        return jnp.sum(jax.random.normal(key, (SEEDS, *like.shape), like.dtype), 0)


@dataclass(frozen=True)
class ByRecord(Around):
    """A step that is run on each record alone, whose updates are bounded and averaged."""

    measure: ClippedRecords

    @property
    def __signature__(self) -> inspect.Signature:
        own = inspect.signature(self.step)
        if "key" in own.parameters or not isinstance(self.measure, NoisyRecords):
            return own
        key = inspect.Parameter("key", inspect.Parameter.KEYWORD_ONLY)
        return own.replace(parameters=[*own.parameters.values(), key])

    def __call__(self, state: Any, x: Any, y: Any, **more: Any) -> Any:
        key = more.get("key")
        known = inspect.signature(self.step).parameters
        new = alone(self.step, state, x, y, {name: v for name, v in more.items() if name in known})
        before, after = jax.tree.leaves(state), jax.tree.leaves(new)
        moved = floating(after)
        with jax.named_scope("bound"):
            updates = self.measure.averaged([after[i] - before[i] for i in moved], key)
        for i, update in zip(moved, updates, strict=True):
            after[i] = before[i] + update
        whole = [leaf if i in moved else leaf[0] for i, leaf in enumerate(after)]
        return jax.tree.unflatten(jax.tree.structure(new), whole)


def alone(step: Step, state: Any, x: Any, y: Any, more: Any) -> Any:
    """The states after a step on each record alone: each leaf has one for each record, (records, ...)."""
    return jax.vmap(lambda record, target: step(state, record[None], target[None], **more))(x, y)


def apart(step: Step, state: Any, x: Any, y: Any, more: Any) -> float:
    """How far a step on a batch ends from the mean of its records' own steps, over how far it goes."""
    each, new = alone(step, state, x, y, more), step(state, x, y, **more)
    far = gone = 0.0
    for old, own, whole in zip(*map(jax.tree.leaves, (state, each, new)), strict=True):
        if jnp.issubdtype(jnp.result_type(whole), jnp.inexact):
            far += float(np.sum(np.square(np.asarray(own, np.float64).mean(0) - np.asarray(whole))))
            gone += float(np.sum(np.square(np.asarray(whole, np.float64) - np.asarray(old))))
    return float(np.sqrt(far / gone)) if gone else float(far > 0)
