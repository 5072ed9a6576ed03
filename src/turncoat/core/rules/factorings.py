"""Matrices factored and solved: public loops over columns, of products, reciprocals and square roots.

XLA expands Cholesky's factors and triangular systems so, in blocks (cholesky_expander.cc,
triangular_solve_expander.cc), and that is what SPU runs. LU with partial pivots is the loop by which JAX lowers it
where there is no library (jax/_src/lax/linalg.py, _lu_unblocked); the pivot's place is secret, so the rows change
places by its one-hot bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.table import rule
from turncoat.core.values import Value, struct


@rule("cholesky")
def cholesky(box: Box, op: Op, values: Values) -> Value:
    return expanded(box, op, _cholesky, values)[0]


@rule("triangular_solve")
def triangular_solve(box: Box, op: Op, values: Values) -> Value:
    p = op.params

    def solved(a: Any, b: Any) -> Any:
        transposed, lower = bool(p["transpose_a"]), p["lower"]
        if not p["left_side"]:  # x a = b is a^T x^T = b^T
            b, transposed = b.mT, not transposed
        if transposed:
            a, lower = a.mT, not lower
        if not lower:  # from the last row up
            a, b = a[..., ::-1, ::-1], b[..., ::-1, :]
        x = _forwards(a, b, p["unit_diagonal"])
        x = x if lower else x[..., ::-1, :]
        return x if p["left_side"] else x.mT

    return expanded(box, op, solved, values)[0]


@rule("lu")
def lu(box: Box, op: Op, values: Values) -> Value:
    return expanded(box, op, batched(_lu), values)


@rule("lu_pivots_to_permutation")
def permuted(box: Box, op: Op, values: Values) -> Value:
    size = op.params["permutation_size"]
    return expanded(box, op, batched(lambda pivots: _permutation(pivots, size), 1), values)[0]


def expanded(box: Box, op: Op, f: Callable[..., Any], values: Values) -> Values:
    """The outputs of `f` in the place of a primitive."""
    avals = [struct(v.shape, v.dtype) for v in values]
    return box.run(in_place_of(op, f, *avals), values)


def batched(f: Callable[..., Any], rank: int = 2) -> Callable[..., Any]:
    """A function of arrays of a rank, the first one's, for any number of leading axes."""

    def apply(*arrays: Any) -> Any:
        g = f
        for _ in range(arrays[0].ndim - rank):
            g = jax.vmap(g)
        return g(*arrays)

    return apply


def _cholesky(a: Any) -> Any:
    """The lower triangle l of a = l l^T, column by column: 1 / sqrt of what is left of the diagonal."""
    n = a.shape[-1]
    done = jnp.zeros((*a.shape[:-1], 0), a.dtype)
    for j in range(n):
        column = a[..., j:, j]
        if j:
            column = column - (done[..., j:, :] @ done[..., j, :, None])[..., 0]
        column = column * lax.rsqrt(column[..., :1])
        column = jnp.pad(column, [(0, 0)] * (column.ndim - 1) + [(j, 0)])
        done = jnp.concatenate([done, column[..., None]], -1)
    return done


def _forwards(a: Any, b: Any, unit: bool) -> Any:
    """The x of a x = b for a lower triangular a, row by row; one reciprocal of the whole diagonal."""
    inverse = None if unit else 1 / jnp.diagonal(a, axis1=-2, axis2=-1)
    done: Any = None
    for i in range(a.shape[-1]):
        row = b[..., i : i + 1, :]
        if i:
            row = row - a[..., i : i + 1, :i] @ done
        if inverse is not None:
            row = row * inverse[..., i, None, None]
        done = row if done is None else jnp.concatenate([done, row], -2)
    return done


def _lu(a: Any) -> tuple[Any, Any, Any]:
    """The factors in one array, the row that each row changed places with, and the permutation of all.

    Below the pivot, rows are multiplied by its reciprocal, or by one where it is zero.
    """
    rows, columns = np.arange(a.shape[0], dtype=np.int32), np.arange(a.shape[1], dtype=np.int32)

    def step(state: tuple[Any, Any], k: Any) -> tuple[tuple[Any, Any], Any]:
        a, places = state
        sizes = jnp.where(rows < k, jnp.asarray(-1, a.dtype), jnp.abs(_at(a, k, 1)))
        pivot = lax.argmax(sizes, 0, np.int32)
        hot = rows == pivot
        (a, row), (places, _) = _exchanged(a, hot, k), _exchanged(places, hot, k)
        head = _at(row, k, 0)
        inverse = 1 / jnp.where(head == 0, jnp.ones_like(head), head)
        factors = jnp.where(rows > k, _at(a, k, 1), jnp.zeros((), a.dtype)) * inverse
        rest = jnp.where(columns > k, row, jnp.zeros((), a.dtype))
        below = (rows > k)[:, None] & (columns == k)
        a = jnp.where(below, factors[:, None], a - factors[:, None] * rest)
        return (a, places), pivot

    steps = np.arange(min(a.shape), dtype=np.int32)
    (a, places), pivots = lax.scan(step, (a, jnp.asarray(rows)), steps)
    return a, pivots, places


def _permutation(pivots: Any, size: int) -> Any:
    rows = np.arange(size, dtype=np.int32)

    def step(places: Any, numbered: tuple[Any, Any]) -> tuple[Any, None]:
        k, pivot = numbered
        return _exchanged(places, rows == pivot, k)[0], None

    steps = np.arange(pivots.shape[0], dtype=np.int32)
    return lax.scan(step, jnp.asarray(rows, pivots.dtype), (steps, pivots))[0]


def _exchanged(a: Any, hot: Any, k: Any) -> tuple[Any, Any]:
    """Row k and the row of the secret one-hot bits change places; the new row k beside."""
    bits = hot.reshape(-1, *[1] * (a.ndim - 1))
    found = jnp.sum(jnp.where(bits, a, jnp.zeros((), a.dtype)), 0, dtype=a.dtype)
    here = (np.arange(a.shape[0], dtype=np.int32) == k).reshape(bits.shape)
    return jnp.where(here, found, jnp.where(bits, _at(a, k, 0), a)), found


def _at(a: Any, k: Any, axis: int) -> Any:
    return lax.dynamic_index_in_dim(a, k, axis, keepdims=False)
