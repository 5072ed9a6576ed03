"""The two rings in which proofs are computed, written once: numbers modulo 2^64, or bits, times powers of x.

An element is a polynomial in x of degree below 47: an array (47, ...) of its coefficients. x^47 = x^5 + 1, which
is irreducible modulo 2. Over Z_2^64 this is the Galois ring GR(2^64, 47), over bits the field GF(2^47). The
polynomials with coefficients 0 and 1 are an *exceptional set* of 2^47: the difference of any two has an inverse,
so that a polynomial of degree d over the ring has at most d zeros among them. Source: Boneh, Boyle,
Corrigan-Gibbs, Gilboa, Ishai (CRYPTO 2019), section 5, and Boyle, Gilboa, Ishai, Nof (CCS 2019) for the rings.

An `Algebra` says how coefficients are added and multiplied, and how rows of many of them meet: `galois` holds
ring elements, `binary` single bits or 64 elements' bits to a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

DEGREE = 47
LOWER = 5
"""x^DEGREE = x^LOWER + 1."""


class Algebra(NamedTuple):
    """Coefficients: what they are and what is done to rows of them.

    add, multiply   entry by entry
    negate          minus
    total           the sum over an axis
    gram            (p, n) and (q, n) to (p, q): every row times every row, added up
    tally           the same of coins, 0 and 1, and rows
    mix             (p, q) coefficients times (q, n) rows
    block           how many entries of pieces are computed together: their products stay in a processor's cache
    """

    name: str
    add: Callable[[Array, Array], Array]
    multiply: Callable[[Array, Array], Array]
    negate: Callable[[Array], Array]
    total: Callable[[Array, int], Array]
    gram: Callable[[Array, Array], Array]
    tally: Callable[[Array, Array], Array]
    mix: Callable[[Array, Array], Array]
    block: int


def diagonals(algebra: Algebra, table: Array) -> Array:
    """(p, q, ...) to (p + q - 1, ...): the sums along i + j = 0, 1, ..."""
    p, q, *rest = table.shape
    padded = jnp.pad(
        table, [(0, 0), (0, p)] + [(0, 0)] * len(rest)
    )  # one row further on, one place to the right
    skewed = padded.reshape(p * (p + q), *rest)[: p * (p + q - 1)].reshape(p, p + q - 1, *rest)
    return algebra.total(skewed, 0)


def reduced(algebra: Algebra, c: Array) -> Array:
    """The coefficients (93, ...) of a product of two elements as an element."""
    high = c[DEGREE:]
    low = _onto(algebra, jnp.pad(c[:DEGREE], [(0, LOWER - 1)] + [(0, 0)] * (c.ndim - 1)), high)
    return _onto(algebra, low[:DEGREE], low[DEGREE:])


def _onto(algebra: Algebra, low: Array, high: Array) -> Array:
    """low + high (1 + x^LOWER)."""
    for start in (0, LOWER):
        after = len(low) - start - len(high)
        low = algebra.add(low, jnp.pad(high, [(start, after)] + [(0, 0)] * (low.ndim - 1)))
    return low


def times(algebra: Algebra, a: Array, b: Array) -> Array:
    """Products of elements (47, ...), whose shapes broadcast; for few of them."""
    return reduced(algebra, diagonals(algebra, algebra.multiply(a[:, None], b[None])))


def scaled(algebra: Algebra, a: Array, b: Array) -> Array:
    """The same for many: elements (47, ...), one after the other of a's coefficients."""

    def shifted(i: Array, sums: Array) -> Array:
        row = algebra.multiply(lax.dynamic_index_in_dim(a, i), b)
        part = lax.dynamic_slice_in_dim(sums, i, DEGREE)
        return lax.dynamic_update_slice_in_dim(sums, algebra.add(part, row), i, 0)

    sums = jnp.zeros((2 * DEGREE - 1, *b.shape[1:]), jnp.uint64)
    return reduced(algebra, lax.fori_loop(0, DEGREE, shifted, sums))


def inner(algebra: Algebra, u: Array, v: Array) -> Array:
    """The inner product of two rows of elements, (47, n) each."""
    return reduced(algebra, diagonals(algebra, algebra.gram(u, v)))


def unit() -> Array:
    """The element 1."""
    return jnp.eye(1, DEGREE, dtype=jnp.uint64)[0]


def matrix(algebra: Algebra, s: Array) -> Array:
    """The matrix of multiplication by s: a column for each power of x."""
    power = np.arange(2 * DEGREE - 1)[:, None] - np.arange(DEGREE)  # of s that a column's power of x leads to
    inside = (power >= 0) & (power < DEGREE)
    shifted = jnp.where(inside, s[np.clip(power, 0, DEGREE - 1)], np.uint64(0))
    return reduced(algebra, shifted)
