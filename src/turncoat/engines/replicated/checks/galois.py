"""The Galois ring Z_2^64[x] / (x^47 - x^5 - 1): coefficients are ring elements, rows meet in float64."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.checks.algebra import DEGREE, Algebra

HALF, LOW = np.uint64(32), np.uint64(2**32 - 1)
BLOCK = 2**20
"""Twice so many halves of 32 bits add up to at most 2^53, below which a float64 is exact."""
ROWS: Any = (((1,), (1,)), ((), ()))
COLUMNS: Any = (((1,), (0,)), ((), ()))


def coins(words: Array) -> Array:
    """n words as n members of the exceptional set: (47, n) of 0 and 1."""
    return (words >> np.arange(DEGREE, dtype=np.uint64).reshape(-1, *[1] * words.ndim)) & np.uint64(1)


def _gram(u: Array, v: Array) -> Array:
    return lax.dot_general(u, v, ROWS)  # XLA's own: 47 rows are too few to repay that digits are made of them


def _tally(bits: Array, rows: Array) -> Array:
    blocks = range(0, bits.shape[1], BLOCK)
    return sum(
        (combined("jn,qn->jq", bits[:, i : i + BLOCK], rows[:, i : i + BLOCK]) for i in blocks),
        jnp.zeros((), jnp.uint64),
    )


def _mix(a: Array, rows: Array) -> Array:
    return lax.dot_general(a, rows, COLUMNS)


def combined(subscripts: str, small: Array, x: Array) -> Array:
    """`einsum` of at most `BLOCK` numbers from 0 to 2 with ring elements, exact: a float64 adds up their halves."""
    chosen = small.astype(jnp.float64)
    low, high = (
        jnp.einsum(subscripts, chosen, half.astype(jnp.float64), precision=lax.Precision.HIGHEST)
        for half in ((x & LOW).astype(jnp.int64), (x >> HALF).astype(jnp.int64))
    )
    return low.astype(jnp.uint64) + (high.astype(jnp.uint64) << HALF)


RING = Algebra(
    name="ring",
    add=jnp.add,
    multiply=jnp.multiply,
    negate=jnp.negative,
    total=lambda x, axis: jnp.sum(x, axis, dtype=jnp.uint64),
    gram=_gram,
    tally=_tally,
    mix=_mix,
    block=256,
)
