"""Reverse engineering of triggers: the smallest change that moves all records to a class, for each class.

A mask m and a pattern p, both within the records' range, make (1 - m) x + m p of a record; m and p descend on the
cross-entropy towards the class plus a weight times the sum of m, a weight that grows while the trigger works and
shrinks while it does not. A class that needs much less of a mask than the median class does has a trigger. Source:
Wang et al., "Neural Cleanse" (IEEE S&P 2019), section IV; the median over the smallest is taken in the place of the
deviation from the median, which two classes have none of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

STEPS, RECORDS, FAST = 300, 64, 0.1
WORKS, WEIGHT, FACTOR = 0.95, 1e-2, 1.1
"""A trigger works on so many records; the first weight of its size, and by what it grows or shrinks in a step."""

Scores = Callable[[Any, Array], Array]


def stands_out(scores: Scores, released: Any, x: np.ndarray, classes: int) -> float:
    """How much smaller a trigger the easiest class needs than the median one: 1 if all are alike.

    `scores(released, x)` (n, classes), or (n, 1) of two classes; `x` (n, features).
    """
    sizes = np.asarray(_sizes(scores, classes, released, jnp.asarray(x[:RECORDS], jnp.float32)))
    return float(np.median(sizes) / max(sizes.min(), 1e-6))


@partial(jax.jit, static_argnums=(0, 1))
def _sizes(scores: Scores, classes: int, released: Any, x: Array) -> Array:
    """The sum of the smallest mask that works for each class (classes,): all features where none does."""
    return lax.map(lambda label: _size(lambda x: _logits(scores(released, x)), x, label), jnp.arange(classes))


def _logits(found: Array) -> Array:
    return jnp.concatenate([jnp.zeros_like(found), found], 1) if found.shape[1] == 1 else found


def _size(logits: Callable[[Array], Array], x: Array, label: Array) -> Array:
    low, high, width = x.min(), x.max(), x.shape[1]

    def changed(trigger: tuple[Array, Array]) -> tuple[Array, Array]:
        mask, pattern = jax.nn.sigmoid(trigger[0]), low + (high - low) * jax.nn.sigmoid(trigger[1])
        return mask, (1 - mask) * x + mask * pattern

    def loss(trigger: tuple[Array, Array], weight: Array) -> tuple[Array, tuple[Array, Array]]:
        mask, records = changed(trigger)
        found = logits(records)
        wrong = -jnp.mean(jax.nn.log_softmax(found)[:, label])
        works = jnp.mean((jnp.argmax(found, 1) == label).astype(jnp.float32))
        return wrong + weight * jnp.sum(mask), (works, jnp.sum(mask))

    def step(carry: Any, number: Array) -> tuple[Any, None]:
        trigger, moments, weight, best = carry
        slopes, (works, size) = jax.grad(loss, has_aux=True)(trigger, weight)
        enough = works >= WORKS
        best = jnp.where(enough, jnp.minimum(best, size), best)
        trigger, moments = _adam(trigger, slopes, moments, number)
        return (trigger, moments, jnp.where(enough, weight * FACTOR, weight / FACTOR), best), None

    start = jnp.zeros(width), jnp.zeros(width)
    nothing = jax.tree.map(jnp.zeros_like, (start, start))
    carry = start, nothing, jnp.float32(WEIGHT), jnp.float32(width)
    return lax.scan(step, carry, jnp.arange(STEPS, dtype=jnp.float32))[0][3]


def _adam(values: Any, slopes: Any, moments: Any, number: Array) -> tuple[Any, Any]:
    """One step of Adam at its usual decays (Kingma and Ba, 2015, algorithm 1)."""
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], slopes)
    second = jax.tree.map(lambda m, g: 0.999 * m + 0.001 * g * g, moments[1], slopes)
    grown = number + 1.0

    def moved(value: Array, m: Array, v: Array) -> Array:
        return value - FAST * (m / (1 - 0.9**grown)) / (jnp.sqrt(v / (1 - 0.999**grown)) + 1e-8)

    return jax.tree.map(moved, values, first, second), (first, second)
