"""The field GF(2^47): coefficients are bits, one to an entry, or those of 64 elements to a word.

Packed, a row of n words holds a coefficient of 64 n elements, and AND and XOR compute with all of them: no element
is ever written as a number. Short rows are unpacked to 0s and 1s, which float32 multiplies exactly below 2^24.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.checks.algebra import Algebra

WORD = 64
ROWS: Any = (((1,), (1,)), ((), ()))
COLUMNS: Any = (((1,), (0,)), ((), ()))


def joined(x: Array, axis: int) -> Array:
    """The XOR over an axis."""
    return lax.reduce(x, jnp.zeros((), x.dtype), lax.bitwise_xor, (axis,))


def parity(words: Array) -> Array:
    return lax.population_count(words) & np.uint64(1)


def _outer(a: Array, b: Array) -> Array:
    """(n, p) and (n, q) to (p, q): the XOR of n tables of ANDs; four to a pass, which a processor does at once."""

    def added(j: Array, table: Array) -> Array:
        row, column = (lax.dynamic_index_in_dim(x, j, keepdims=False) for x in (b, a))
        return table ^ (column[:, None] & row)

    return lax.fori_loop(0, len(a), added, jnp.zeros((a.shape[1], b.shape[1]), jnp.uint64), unroll=4)


def _packed_gram(u: Array, v: Array) -> Array:
    return parity(_outer(u.T, v.T))


def _packed_mix(a: Array, rows: Array) -> Array:
    return _outer(jnp.negative(a.T), rows)


def _product(dims: Any) -> Any:
    def product(a: Array, b: Array) -> Array:
        counted = lax.dot_general(
            a.astype(jnp.float32), b.astype(jnp.float32), dims, precision=lax.Precision.HIGHEST
        )
        return counted.astype(jnp.uint64) & np.uint64(1)

    return product


PACKED = Algebra(
    name="bits",
    add=jnp.bitwise_xor,
    multiply=jnp.bitwise_and,
    negate=lambda x: x,
    total=joined,
    gram=_packed_gram,
    tally=_packed_gram,
    mix=_packed_mix,
    block=128,
)
BITS = PACKED._replace(gram=_product(ROWS), tally=_product(ROWS), mix=_product(COLUMNS))
"""The same, a bit to an entry."""


def packed(bits: Array) -> Array:
    """Bits (n,) of a Boolean array as words, the first lowest, filled up with 0."""
    filled = jnp.pad(bits, (0, -len(bits) % WORD)).reshape(-1, WORD).astype(jnp.uint64)
    return jnp.sum(filled << np.arange(WORD, dtype=np.uint64), axis=1, dtype=jnp.uint64)


def unpacked(words: Array) -> Array:
    """(p, n) words as (p, 64 n) entries of 0 and 1."""
    lanes = (words[..., None] >> np.arange(WORD, dtype=np.uint64)) & np.uint64(1)
    return lanes.reshape(len(words), -1)
