"""What an engine is asked to multiply or to add up, in two forms.

`apply` is the JAX operation itself, for engines whose wires JAX can hold. Engines that only know sums and
products of lists of numbers (real parties, exact fractions) use the other form: index arrays that say which
entry of the flattened operand stands where, -1 for a zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.rearranged import entries

Index = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Bilinear:
    """A map of two operands, linear in each: an elementwise product, a dot product or a convolution.

    `inner` is the number of scalar multiplications per output entry (1, the contracted size, ...); an MPC
    protocol opens one value per OUTPUT entry all the same. Operands are integers or fixed point, of one dtype
    or of two.
    """

    kind: str  # "mul", "dot_general" or "conv_general_dilated"
    params: dict[str, Any]
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    x_dtype: Any
    y_dtype: Any
    shape: tuple[int, ...]
    dtype: Any
    inner: int
    apply: Callable[[Any, Any], Any]
    swapped: bool = False
    square: bool = False
    """Both operands are one array."""

    @property
    def truncates(self) -> bool:
        """Whether fixed point meets fixed point: a product with an integer keeps its fractional bits."""
        return all(bool(jnp.issubdtype(d, jnp.inexact)) for d in (self.x_dtype, self.y_dtype))

    @property
    def y_aval(self) -> jax.ShapeDtypeStruct:
        """Shape and dtype of the second operand: of the public one, where one is."""
        return jax.ShapeDtypeStruct(self.y_shape, self.y_dtype)  # type: ignore[no-untyped-call]

    def swap(self) -> Bilinear:
        """The same map with its operands in the other order."""
        return replace(
            self,
            x_shape=self.y_shape,
            y_shape=self.x_shape,
            x_dtype=self.y_dtype,
            y_dtype=self.x_dtype,
            apply=lambda a, b: self.apply(b, a),
            swapped=not self.swapped,
        )

    def as_dot(self) -> tuple[Index, Index]:
        """Index arrays `(b, m, k)` and `(b, k, n)` whose matrix products, reshaped, are the output."""
        if self.swapped:
            x_index, y_index = self.swap().as_dot()
            return y_index.transpose(0, 2, 1), x_index.transpose(0, 2, 1)
        xs = np.arange(np.prod(self.x_shape, dtype=int)).reshape(self.x_shape)
        ys = np.arange(np.prod(self.y_shape, dtype=int)).reshape(self.y_shape)
        if self.kind == "mul":
            xs, ys = np.broadcast_arrays(xs, ys)
            return xs.reshape(-1, 1, 1), ys.reshape(-1, 1, 1)
        if self.kind == "dot_general":
            return _dot_indices(xs, ys, self.params["dimension_numbers"])
        return _conv_indices(xs, ys, self.params)

    def from_dot(self, product: Index) -> Index:
        """The matrix products `(b, m, n)` of `as_dot`'s operands as the output."""
        if self.swapped:
            return self.swap().from_dot(product.transpose(0, 2, 1))
        if self.kind != "conv_general_dilated":
            return product.reshape(self.shape)
        batch, _, *spatial = _order(self.shape, self.params["dimension_numbers"].out_spec)
        groups, n, m = product.shape[0], product.shape[2], product.shape[1]
        out = product.reshape(groups, batch, m // batch, n).transpose(1, 0, 3, 2)
        out = out.reshape(batch, groups * n, *spatial)
        return np.transpose(out, np.argsort(self.params["dimension_numbers"].out_spec))


def mul(shape: tuple[int, ...], dtype: Any, square: bool = False) -> Bilinear:
    """The elementwise product of two arrays of one shape, or of one with itself."""
    return Bilinear("mul", {}, shape, shape, dtype, dtype, shape, dtype, 1, lax.mul, square=square)


def from_primitive(primitive: Any, params: dict[str, Any], x: Any, y: Any, out: Any) -> Bilinear:
    """`dot_general` or `conv_general_dilated` with its parameters, at these operand shapes."""
    name = primitive.name
    inner = 1
    if name == "dot_general":
        (contract, _), _ = params["dimension_numbers"]
        inner = int(np.prod([x.shape[d] for d in contract], dtype=int))
    elif name == "conv_general_dilated":
        out_features = y.shape[params["dimension_numbers"].rhs_spec[0]]
        inner = int(np.prod(y.shape, dtype=int)) // max(out_features, 1)
    # a ring engine multiplies integers: what the result's dtype means is the engine's business
    params = params | {"preferred_element_type": None}

    def apply(a: Any, b: Any) -> Any:
        return primitive.bind(a, b, **params)

    return Bilinear(name, params, x.shape, y.shape, x.dtype, y.dtype, out.shape, out.dtype, inner, apply)


def _dot_indices(xs: Index, ys: Index, dims: Any) -> tuple[Index, Index]:
    (xc, yc), (xb, yb) = dims
    xf = [d for d in range(xs.ndim) if d not in (*xc, *xb)]
    yf = [d for d in range(ys.ndim) if d not in (*yc, *yb)]
    b = int(np.prod([xs.shape[d] for d in xb], dtype=int))
    k = int(np.prod([xs.shape[d] for d in xc], dtype=int))
    return (
        xs.transpose(*xb, *xf, *xc).reshape(b, -1, k),
        ys.transpose(*yb, *yc, *yf).reshape(b, k, -1),
    )


def _conv_indices(xs: Index, ys: Index, params: dict[str, Any]) -> tuple[Index, Index]:
    dims, features, batches = (
        params[k] for k in ("dimension_numbers", "feature_group_count", "batch_group_count")
    )
    xs = np.transpose(xs, dims.lhs_spec)  # batch, feature, space
    ys = np.transpose(ys, dims.rhs_spec)  # out feature, in feature / groups, space
    # entry 0 means padding, so count from one; float64 carries integers up to 2^53
    with jax.enable_x64(True):
        patches = np.asarray(
            lax.conv_general_dilated_patches(
                jnp.asarray(xs + 1, jnp.float64),
                filter_shape=ys.shape[2:],
                window_strides=params["window_strides"],
                padding=params["padding"],
                lhs_dilation=params["lhs_dilation"],
                rhs_dilation=params["rhs_dilation"],
                precision=lax.Precision.HIGHEST,
            )
        )
    patches = np.rint(patches).astype(np.int64) - 1  # batch, feature * window, space
    k = patches.shape[1] // features
    if batches > 1:  # each block of the batch meets its own block of output features
        x_index = patches.reshape(batches, -1, k, int(np.prod(patches.shape[2:]))).transpose(0, 1, 3, 2)
    else:
        x_index = patches.reshape(patches.shape[0], features, k, -1).transpose(1, 0, 3, 2)
    groups = max(batches, features)
    return x_index.reshape(groups, -1, k), ys.reshape(groups, -1, k).transpose(0, 2, 1)


def _order(shape: tuple[int, ...], spec: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[d] for d in spec)


@dataclass(frozen=True, eq=False)
class Sum:
    """A linear map whose coefficients are 0 and 1: each output entry is a sum of some input entries.

    `axes` is set where it is a plain sum over axes.
    """

    apply: Callable[[Any], Any]
    x_shape: tuple[int, ...]
    shape: tuple[int, ...]
    axes: tuple[int, ...] | None = None

    def as_gather(self) -> Index:
        """Indices `(*shape, k)` of the input entries that each output entry adds up, -1 for none."""
        if self.axes is not None:
            xs = np.arange(np.prod(self.x_shape, dtype=int)).reshape(self.x_shape)
            kept = [d for d in range(xs.ndim) if d not in self.axes]
            return xs.transpose(*kept, *self.axes).reshape(*self.shape, -1)
        size = math.prod(self.x_shape)
        units = np.array([1 << i for i in range(size)], object).reshape(self.x_shape)
        sums = [_ones(number) for number in entries(self.apply, [units], np.float32).reshape(-1)]
        width = max([1, *map(len, sums)])
        index = np.full((len(sums), width), -1)
        for row, found in zip(index, sums, strict=True):
            row[: len(found)] = found
        return index.reshape(*self.shape, width)


def _ones(number: int) -> Index:
    """Which binary digits of a number are set."""
    digits = np.frombuffer(int(number).to_bytes((int(number).bit_length() + 7) // 8, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(digits, bitorder="little"))


def structure_index(fn: Callable[..., Any], shapes: Sequence[tuple[int, ...]]) -> Index:
    """Where each output entry of a rearrangement comes from, by running it on index arrays.

    Operands are numbered one after the other from 1, so that the zeros of padding become -1. Raises Unknown
    where it depends on a public value that is not known while tracing.
    """
    ends = np.cumsum([1, *(math.prod(shape) for shape in shapes)])
    arrays = [
        np.arange(start, stop, dtype=np.int32).reshape(shape)
        for start, stop, shape in zip(ends, ends[1:], shapes, strict=False)
    ]
    return np.maximum(entries(fn, arrays, np.int32), 0) - 1
