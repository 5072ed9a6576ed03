"""The errors of a search as variables: in units of what they add up to in the state, and never beyond a budget.

A descent needs steps of one size for all of them, so a variable is not the error but what it moves: the sum over the
steps of its phase of what it adds to the state, where that is known, else in units of the honest values there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.adversary.forms import Entry, Parts, Phase
from turncoat.adversary.limits import Budget, kept
from turncoat.adversary.rehearsals import Rehearsals

FIRST, BOLD = 1e-3, 0.1
"""The size of the errors that a descent starts from, and of those that a careful one does: they have to stand out
among the weights that rehearsals start from, so that slopes agree on what goes with them."""
B1, B2, EPS = 0.9, 0.99, 1e-8
"""Adam's constants, as Kingma and Ba 2015 have them but for a shorter memory of squares."""

AGREED = 3
"""The odd power of how far slopes agree, by which careful steps are multiplied."""
LITTLE = 0.03
"""What they are besides, of a plain step: where nothing agrees any more, small steps still lead down."""
FADES = 0.02
"""What fades of careful errors in each iteration, as a share of the step: all that slopes do not agree on."""
Move = Literal["each", "alike", "agreed"]

SITES = 0.1
"""What a site costs beside its entries."""

Moments = tuple[Parts, Parts, Parts]
"""Values, and Adam's means of slopes and of their squares."""


@dataclass(frozen=True, eq=False)
class Variables:
    """`scales[p][i]` times a variable of phase p at entry i is its error; `norms` bounds rows and columns of each."""

    entries: tuple[Entry, ...]
    phases: tuple[Phase, ...]
    scales: list[list[float]]
    budget: Budget
    norms: list[float]

    @classmethod
    def of(cls, rehearsals: Rehearsals, budget: Budget) -> Variables:
        """The variables of these rehearsals."""
        scales = [rehearsals.scales(phase) for phase in rehearsals.phases]
        norms = [] if budget.norm is None else [budget.norm * n for n in rehearsals.norms]
        return cls(rehearsals.entries, rehearsals.phases, scales, budget, norms)

    @property
    def few(self) -> bool:
        """Whether a few of the errors matter and the others do not, as where one row or neuron has to be found."""
        return any(entry.kinds and entry.kinds != (entry.site.shape[0],) for entry in self.entries)

    @property
    def alike(self) -> bool:
        """Whether all errors move by one scale, so that those that matter most move most."""
        return isfinite(self.budget.most) or self.few

    @property
    def all(self) -> int:
        """How many errors there would be if none were 0."""
        return self.count([[np.ones(e.shape, bool) for e in self.entries] for _ in self.phases])

    def drawn(self, key: Any, size: float = FIRST) -> Parts:
        """Values of about this size, different in each entry."""
        return [
            [_small(jax.random.fold_in(key, 1000 * p + i), e, size) for i, e in enumerate(self.entries)]
            for p in range(len(self.phases))
        ]

    def errors(self, values: Parts) -> Parts:
        """The errors that move so much."""
        return [[v * s for v, s in zip(*pair, strict=True)] for pair in zip(values, self.scales, strict=True)]

    def count(self, values: Sequence[Sequence[Any]]) -> int:
        """How many errors these are in all of training."""
        made = 0.0
        for phase, part in zip(self.phases, values, strict=True):
            for entry, v in zip(self.entries, part, strict=True):
                made += phase.steps * sum(n * np.count_nonzero(k) for n, k in _by_kind(entry, v))
        return round(made)

    def moved(
        self, course: Moments, slopes: Parts, number: int, rate: float, price: float, careful: bool = False
    ) -> Moments:
        """A step of Adam down these slopes of the errors, then what `price` and limits make of it.

        `careful`: only where slopes have agreed over iterations, while all else fades.
        """
        down = self.errors(
            slopes
        )  # of what errors move: by the chain rule, as often as they are its multiple
        how: Move = "alike" if self.alike else "agreed" if careful else "each"
        values, mean, square = _adam(course, down, jnp.asarray(number), jnp.asarray(rate, jnp.float32), how)
        fades = FADES if how == "agreed" else 0.0
        if price or fades:
            longest = max(phase.steps for phase in self.phases)
            prices = [rate * (price * phase.steps / longest + fades) for phase in self.phases]
            values = _thresholded(values, [jnp.asarray(p, jnp.float32) for p in prices])
        return self.limited(values), mean, square

    def limited(self, values: Parts) -> Parts:
        """Values whose errors are no larger than allowed, and do not add up to more in a row or column."""
        if self.budget.largest is not None:
            tops = [[self.budget.largest / abs(s) for s in part] for part in self.scales]
            values = [
                [jnp.clip(v, -t, t) for v, t in zip(*pair, strict=True)]
                for pair in zip(values, tops, strict=True)
            ]
        if self.norms:
            values = [
                [_in_norm(v, n / len(values)) for v, n in zip(part, self.norms, strict=True)]
                for part in values
            ]
        return values

    def fewest(self, values: Parts, most: float) -> Parts:
        """The largest of them, so that they are `most` errors at most."""
        if not isfinite(most):
            return values
        pairs = [
            (phase.steps * n, k)
            for phase, part in zip(self.phases, values, strict=True)
            for entry, v in zip(self.entries, part, strict=True)
            for n, k in _by_kind(entry, v)
        ]
        left = iter(kept([k for _, k in pairs], [n for n, _ in pairs], most))
        return [[_together(entry, left) for entry in self.entries] for _ in values]


def _by_kind(entry: Entry, value: Any) -> list[tuple[float, np.ndarray]]:
    """How many messages in a step an error is, and the errors of which that is true."""
    value = np.asarray(value)
    return list(zip(entry.kinds, value, strict=True)) if entry.kinds else [(1.0, value)]


def _together(entry: Entry, kinds: Iterator[np.ndarray]) -> Array:
    """The errors of an entry, of those of each kind in turn."""
    return (
        jnp.stack([jnp.asarray(next(kinds)) for _ in entry.kinds])
        if entry.kinds
        else jnp.asarray(next(kinds))
    )


def _small(key: Any, entry: Entry, size: float) -> Array:
    drawn = size * jax.random.normal(key, entry.shape, entry.site.dtype)
    return drawn if entry.kinds else jnp.asarray(entry.site.only(drawn, entry.passes))


@jax.jit
def _thresholded(values: Parts, prices: list[Array]) -> Parts:
    """What a proximal step leaves of each entry, which is a group of as many errors as its phase has steps, and of
    each site: the sparse group lasso (Simon et al. 2013, equation 8).
    """

    def left(v: Array, price: Array) -> Array:
        v = jnp.sign(v) * jnp.maximum(jnp.abs(v) - price, 0)
        norm = jnp.sqrt(jnp.sum(v * v))
        return v * jnp.maximum(1 - price * v.size**0.5 * SITES / jnp.maximum(norm, 1e-12), 0)

    return [[left(v, price) for v in part] for part, price in zip(values, prices, strict=True)]


@jax.jit
def _in_norm(v: Array, most: Array) -> Array:
    """Scaled down where a row or column is longer than that; a rank of less than two is one row."""
    for axis in range(v.ndim) if v.ndim > 1 else (0,):
        others = tuple(a for a in range(v.ndim) if a != axis) if v.ndim > 1 else None
        norm = jnp.sqrt(jnp.sum(v * v, axis=others, keepdims=True))
        v = v * jnp.minimum(1, most / jnp.maximum(norm, 1e-12))
    return v


@partial(jax.jit, static_argnums=4)
def _adam(course: Moments, slopes: Parts, number: Array, rate: Array, how: Move) -> Any:
    """A step of Adam: each entry by its own scale, or all by one, so that those that matter most move most.

    Agreed: each by how far its slopes agree, to a power: entries that only wander stay. Squares are remembered as
    long as the mean is, so that it is 1 if all of them agree, and a third if one is far larger than all others.
    """
    values, mean, square = course
    memory = B1 if how == "agreed" else B2
    mean = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, mean, slopes)
    square = jax.tree.map(lambda s, g: memory * s + (1 - memory) * g * g, square, slopes)
    number = number.astype(jnp.float32)
    first, second = 1 - B1**number, 1 - memory**number
    largest = jnp.max(jnp.stack([jnp.max(s) for s in jax.tree.leaves(square)]))

    def step(v: Array, m: Array, s: Array) -> Array:
        scale = jnp.sqrt((largest if how == "alike" else s) / second) + EPS
        if how != "agreed":
            return v - rate * (m / first) / scale
        agreed = m / scale
        return v - rate * (agreed**AGREED + LITTLE * agreed)

    return jax.tree.map(step, values, mean, square), mean, square
