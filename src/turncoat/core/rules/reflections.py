"""QR by Householder's reflections, as LAPACK's geqrf and XLA's qr_expander.cc: a public loop over the columns.

A reflection takes one reciprocal square root, of the sum of a column's squares, and two reciprocals of numbers
between one and two, so that Q is as orthogonal as the protocol's reciprocal is exact, whatever its root is. The
diagonal of R has LAPACK's signs, against those of the columns' heads; a column that is zero below its head is
reflected as well, where LAPACK leaves it.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.factorings import batched, expanded
from turncoat.core.rules.table import refusal, rule
from turncoat.core.values import Value


@rule("geqrf")
def geqrf(box: Box, op: Op, values: Values) -> Value:
    return expanded(box, op, batched(lambda a: reflected(a, box.engine.smallest)), values)


@rule("householder_product")
def householder_product(box: Box, op: Op, values: Values) -> Value:
    return expanded(box, op, batched(product), values)[0]


@rule("qr")
def qr(box: Box, op: Op, values: Values) -> Value:
    if op.params.get("pivoting"):
        raise refusal(op, values, "columns are exchanged in a QR factoring", "leave out pivoting")
    square = op.params["full_matrices"]
    return expanded(box, op, batched(lambda a: factored(a, box.engine.smallest, square)), values)


def factored(a: Any, least: float, square: bool) -> tuple[Any, Any]:
    """Q and R of a matrix (m, n): Q is (m, m) if it shall be square, else (m, min(m, n))."""
    n, size = a.shape[1], a.shape[0] if square else min(a.shape)
    packed, factors = reflected(a, least)
    vectors = jnp.pad(packed, [(0, 0), (0, max(size - n, 0))])[:, :size]
    above = np.arange(size, dtype=np.int32)[:, None] <= np.arange(n, dtype=np.int32)
    return product(vectors, factors), jnp.where(above, packed[:size], jnp.zeros((), a.dtype))


def reflected(a: Any, least: float) -> tuple[Any, Any]:
    """R, below its diagonal the reflections' vectors without their leading one, and their factors.

    `least` is added to a sum of squares, which may be zero.
    """
    m, n = a.shape
    rows, columns = np.arange(m, dtype=np.int32), np.arange(n, dtype=np.int32)
    zero, one = jnp.zeros((), a.dtype), jnp.ones((), a.dtype)

    def step(a: Any, k: Any) -> tuple[Any, Any]:
        column = jnp.where(rows >= k, lax.dynamic_index_in_dim(a, k, 1, keepdims=False), zero)
        head = lax.dynamic_index_in_dim(column, k, 0, keepdims=False)
        root = lax.rsqrt(jnp.vdot(column, column, precision=lax.Precision.HIGHEST) + least)
        unit = column * root * jnp.where(head < 0, -one, one)
        cosine = lax.dynamic_index_in_dim(unit, k, 0, keepdims=False)
        tail = jnp.where(rows > k, unit, zero) * (1 / (1 + cosine))
        factor = 2 / (1 + jnp.vdot(tail, tail, precision=lax.Precision.HIGHEST))
        vector = jnp.where(rows == k, one, tail)
        a = _mirrored(a, vector, factor, columns >= k)
        below = (rows > k)[:, None] & (columns == k)
        return jnp.where(below, vector[:, None], a), factor

    count = min(m - 1, n)
    a, factors = lax.scan(step, a, np.arange(count, dtype=np.int32))
    return a, jnp.pad(factors, (0, min(m, n) - count))


def product(packed: Any, factors: Any) -> Any:
    """The first columns of the reflections' product, as many as there are vectors."""
    m, n = packed.shape
    rows = np.arange(m, dtype=np.int32)

    def step(q: Any, numbered: tuple[Any, Any, Any]) -> tuple[Any, None]:
        k, vector, factor = numbered
        below = jnp.where(rows > k, vector, jnp.zeros((), q.dtype))
        vector = jnp.where(rows == k, jnp.ones((), q.dtype), below)
        return _mirrored(q, vector, factor, np.arange(n, dtype=np.int32) >= k), None

    count = factors.shape[0]
    numbered = np.arange(count, dtype=np.int32), packed.T[:count], factors
    return lax.scan(step, jnp.eye(m, n, dtype=packed.dtype), numbered, reverse=True)[0]


def _mirrored(a: Any, vector: Any, factor: Any, columns: Any) -> Any:
    """a - factor v v^T a in these columns; in the others it would change nothing."""
    along = jnp.matmul(vector, a, precision=lax.Precision.HIGHEST)
    along = jnp.where(columns, along, jnp.zeros((), a.dtype))
    return a - (factor * vector)[:, None] * along
