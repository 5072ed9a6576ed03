"""Bilinear maps as matrix products: dot products by reordering their axes, convolutions by their entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.bilinear import Bilinear


class Form(NamedTuple):
    """Operands as (b, m, k) and (b, k, n), and the result as (b, m, n), of rows of arrays: (rows, *shape)."""

    operands: Callable[[Array, Array], tuple[Array, Array]]
    result: Callable[[Array], Array]
    shape: tuple[int, int, int, int]


def form(bilinear: Bilinear) -> Form:
    """The matrix product that a bilinear map is: (b, m, k, n) is its `shape`."""
    if bilinear.swapped:
        plain = form(bilinear.swap())
        return plain._replace(operands=lambda x, y: plain.operands(y, x))
    return _of_dot(bilinear) if bilinear.kind == "dot_general" else _of_entries(bilinear)


def _of_dot(bilinear: Bilinear) -> Form:
    (xc, yc), (xb, yb) = bilinear.params["dimension_numbers"]
    xf = [d for d in range(len(bilinear.x_shape)) if d not in (*xb, *xc)]
    yf = [d for d in range(len(bilinear.y_shape)) if d not in (*yb, *yc)]

    def size(shape: tuple[int, ...], axes: list[int]) -> int:
        return int(np.prod([shape[d] for d in axes], dtype=int))

    b, m, k = (size(bilinear.x_shape, list(axes)) for axes in (xb, xf, xc))
    n = size(bilinear.y_shape, yf)

    def operands(x: Array, y: Array) -> tuple[Array, Array]:
        left = jax.vmap(lambda a: a.transpose(*xb, *xf, *xc).reshape(b, m, k))(x)
        return left, jax.vmap(lambda a: a.transpose(*yb, *yc, *yf).reshape(b, k, n))(y)

    return Form(operands, lambda z: z.reshape(len(z), b, m, n), (b, m, k, n))


def _of_entries(bilinear: Bilinear) -> Form:
    with jax.ensure_compile_time_eval():  # of shapes alone, and by JAX
        x_index, y_index = (index.astype(np.int32) for index in bilinear.as_dot())
    (b, m, k), n = x_index.shape, y_index.shape[2]
    places = bilinear.from_dot(np.arange(b * m * n).reshape(b, m, n)).ravel()
    order = np.argsort(places).astype(np.int32)

    def taken(a: Array, index: np.ndarray) -> Array:
        return jax.vmap(lambda row: jnp.where(index < 0, np.uint64(0), row.ravel()[np.maximum(index, 0)]))(a)

    def result(z: Array) -> Array:
        return jax.vmap(lambda row: row.ravel()[order].reshape(b, m, n))(z)

    return Form(lambda x, y: (taken(x, x_index), taken(y, y_index)), result, (b, m, k, n))
