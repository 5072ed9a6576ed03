"""The Galois ring Z_2^64[x] / (x^47 - x^5 - 1): coefficients are ring elements, rows meet in float64."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines import arithmetic
from turncoat.engines.arithmetic import DIGIT
from turncoat.engines.replicated.checks.algebra import DEGREE, Algebra

ROWS: Any = (((1,), (1,)), ((), ()))
COLUMNS: Any = (((1,), (0,)), ((), ()))


def coins(words: Array) -> Array:
    """n words as n members of the exceptional set: (47, n) of 0 and 1."""
    return (words >> np.arange(DEGREE, dtype=np.uint64).reshape(-1, *[1] * words.ndim)) & np.uint64(1)


def _gram(u: Array, v: Array) -> Array:
    return arithmetic.dot(u, v, ROWS, uniform=True)


def _tally(bits: Array, rows: Array) -> Array:
    return combined("jn,qn->jq", bits, rows)


def _mix(a: Array, rows: Array) -> Array:
    return lax.dot_general(a, rows, COLUMNS)  # XLA's own: a few rows are faster than their digits


def _turn(a: Array, rows: Array) -> Array:
    return combined("pq,qn->pn", a, rows)


def combined(subscripts: str, bits: Array, x: Array) -> Array:
    """`einsum` of small numbers with ring elements, exact: a float64 adds up 2^31 balanced digits of 22 bits."""
    chosen = bits.astype(jnp.float64)
    low, middle, high = (
        jnp.einsum(subscripts, chosen, d, precision=lax.Precision.HIGHEST).astype(jnp.int64)
        for d in arithmetic.digits(x)
    )
    return arithmetic.unsigned(low + (middle << DIGIT) + (high << 2 * DIGIT))


RING = Algebra(
    name="ring",
    add=jnp.add,
    multiply=jnp.multiply,
    negate=jnp.negative,
    total=lambda x, axis: jnp.sum(x, axis, dtype=jnp.uint64),
    gram=_gram,
    tally=_tally,
    mix=_mix,
    turn=_turn,
)
