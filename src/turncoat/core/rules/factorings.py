"""Matrices factored and solved: public loops over columns, of products, reciprocals and square roots.

XLA expands both primitives so, in blocks (cholesky_expander.cc, triangular_solve_expander.cc), and that is what
SPU runs.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.table import rule
from turncoat.core.values import Value, struct


@rule("cholesky")
def cholesky(box: Box, op: Op, values: Values) -> Value:
    return _expanded(box, op, _cholesky, values)


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

    return _expanded(box, op, solved, values)


def _expanded(box: Box, op: Op, f: Any, values: Values) -> Value:
    avals = [struct(v.shape, v.dtype) for v in values]
    return box.run(in_place_of(op, f, *avals), values)[0]


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
