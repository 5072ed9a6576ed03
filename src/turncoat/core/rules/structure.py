"""Rearrangements and conversions: local, because every output entry is one input entry or zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.bilinear import Sum
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rearranged import Applied
from turncoat.core.rules.indices import added, gathered, sliced, updated
from turncoat.core.rules.rounding import towards_zero
from turncoat.core.rules.table import rule
from turncoat.core.values import Splat, Value, full_like, is_secret, public


def _rearranged(box: Box, op: Op, data: Values, rest: Sequence[Value] = ()) -> Value:
    """Applies the primitive to its data operands, with public operands behind them."""
    given = tuple(public(r) for r in rest)
    parts = [
        box.structure(Applied(op.primitive, op.params, given, i), data, aval)
        for i, aval in enumerate(op.avals)
    ]
    return parts if op.primitive.multiple_results else parts[0]


@rule(
    *("reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "rev"),
    *("copy", "copy_p", "concatenate", "pad", "split", "stack", "unstack", "tile"),
)
def rearrange(box: Box, op: Op, values: Values) -> Value:
    return _rearranged(box, op, values)


@rule(
    *("stop_gradient", "reduce_precision", "name", "device_put", "optimization_barrier"),
    *("sharding_constraint", "layout_constraint", "reshard", "pvary"),
)
def identity(box: Box, op: Op, values: Values) -> Value:
    return list(values) if len(op.outputs) > 1 else values[0]


@rule("gather", "dynamic_slice")
def pick(box: Box, op: Op, values: Values) -> Value:
    operand, *indices = values
    if any(map(is_secret, indices)):
        if op.name == "dynamic_slice":
            return sliced(box, op, operand, indices)
        return gathered(box, op, operand, indices[0])
    fill = op.params.get("fill_value")
    if "fill_value" not in op.params:
        return _rearranged(box, op, [operand], indices)
    within = replace(op, params=op.params | {"fill_value": 0})  # a rearrangement knows entries and zeros
    picked = _rearranged(box, within, [operand], indices)
    if not fill or np.isnan(fill):  # NaN, the default outside the bounds, is no fixed-point number
        return picked
    ones = jnp.ones(operand.shape, operand.dtype)
    inside = op.primitive.bind(ones, *map(public, indices), **within.params)
    return box.add(picked, jnp.where(inside == 1, jnp.zeros_like(inside), np.asarray(fill, operand.dtype)))


@rule("dynamic_update_slice")
def update(box: Box, op: Op, values: Values) -> Value:
    operand, new, *start = values
    if any(map(is_secret, start)):
        return updated(box, op, operand, start, new)
    return _rearranged(box, op, [operand, new], start)


@rule("scatter-add", "scatter_add")
def scatter_add(box: Box, op: Op, values: Values) -> Value:
    operand, index, updates = values
    if is_secret(index):
        return added(box, op, operand, index, updates)
    if not is_secret(updates):
        updates = box.constant(updates)
    i, aval = public(index), op.avals[0]
    keep = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    params = {k: op.params[k] for k in keep}

    def apply(u: Any) -> Any:  # not the primitive itself: its parameters are bound to the program's dtype
        return lax.scatter_add(jnp.zeros(aval.shape, u.dtype), i, u, **params)

    return box.add(operand, box.sum(Sum(apply, updates.shape, aval.shape), updates))


@rule("convert_element_type")
def convert(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    to = np.dtype(op.avals[0].dtype)
    if x.dtype == to:
        return x
    if to == np.bool_:
        return box.invert(box.equal(x, full_like(x, 0)))
    if x.dtype == np.bool_:
        return box.arith(x, to)
    if jnp.issubdtype(x.dtype, jnp.inexact) and not jnp.issubdtype(to, jnp.inexact):
        x = towards_zero(box, x)
    return box.lift(x, to)


@rule("is_finite")
def is_finite(box: Box, op: Op, values: Values) -> Value:
    return Splat(np.True_, op.avals[0].shape)  # a ring has no infinity


@rule("reduce_sum", "cumsum", "reduce_window_sum")
def sums(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    aval = op.avals[0]

    def apply(a: Any) -> Any:
        return op.primitive.bind(a, **op.params)

    return box.sum(Sum(apply, x.shape, aval.shape, op.params.get("axes")), x)
