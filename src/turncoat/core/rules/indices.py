"""Entries at a secret index: a one-hot row of bits over the places where a slice may start, and a product.

1. Each coordinate of the index is compared with a public iota: a bit per place, ANDed where several are secret.
2. The bits become integers, and the result is their dot product with what a public index would have picked at
   each place: nothing is truncated. Entries are added at a secret index by masking what is added at each place.
So does SPU, one coordinate after the other (kernel/hlo/indexing.cc, SecretDynamicSliceImpl, commit 02ac612d);
its variant on oblivious RAM is another circuit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.bilinear import Sum
from turncoat.core.program import Op
from turncoat.core.rules.onehot import (
    Cases,
    Places,
    chosen,
    dot,
    one_hot,
    places,
    repeated,
    spread,
    weights,
    whole,
)
from turncoat.core.values import Secret, Shape, Value, is_secret, public, struct

CLIP = lax.GatherScatterMode.CLIP


def gathered(box: Box, op: Op, operand: Value, index: Secret) -> Value:
    """`lax.gather` at secret indices; out of bounds it is the fill value, zero for NaN, unless it is clipped."""
    numbers, sizes, clip = op.params["dimension_numbers"], op.params["slice_sizes"], op.params["mode"] == CLIP
    counts = tuple(operand.shape[d] - sizes[d] + 1 for d in numbers.start_index_map)
    aval, fill = op.avals[0], op.params["fill_value"]
    bits = one_hot(box, [index], counts, clip)
    batch = [d for d in range(len(aval.shape)) if d not in numbers.offset_dims]
    apart = not numbers.operand_batching_dims and aval.dtype != np.bool_
    one = struct([aval.shape[d] for d in numbers.offset_dims], aval.dtype) if apart else aval
    shape = index.shape[-1:] if apart else index.shape
    if apart:
        numbers = numbers._replace(offset_dims=tuple(range(len(one.shape))))
    params = op.params | {"fill_value": 0, "dimension_numbers": numbers}

    def pick(at: Any, a: Any, *_: Any) -> Any:
        return op.primitive.bind(a, jnp.broadcast_to(at.astype(index.dtype), shape), **params)

    filled = bool(fill) and not clip and not np.isnan(fill)
    sources = [operand, jnp.full(one.shape, fill, one.dtype)] if filled else [operand]
    cases = Cases(pick, counts, 1 if filled else None)
    if not apart:
        return chosen(box, op.avals[0], cases, sources, bits, batch)
    row = weights(box, cases, bits, aval.dtype)
    picked = dot(box, row, cases.values(box, sources, one), ((0,), (0,)))
    order = sorted(
        range(len(aval.shape)), key=[*batch, *op.params["dimension_numbers"].offset_dims].__getitem__
    )
    return box.structure(lambda a: a.transpose(order), [picked], aval)


def sliced(box: Box, op: Op, operand: Value, start: Sequence[Value]) -> Value:
    """`lax.dynamic_slice` at a start of which some coordinates are secret; they are clipped."""
    sizes = op.params["slice_sizes"]
    dims = [d for d, s in enumerate(start) if is_secret(s)]
    counts = tuple(operand.shape[d] - sizes[d] + 1 for d in dims)

    def pick(at: Any, a: Any) -> Any:
        return op.primitive.bind(a, *_starts(start, dims, at), **op.params)

    bits = one_hot(box, [start[d] for d in dims], counts, True)
    return chosen(box, op.avals[0], Cases(pick, counts), [operand], bits)


def updated(box: Box, op: Op, operand: Value, start: Sequence[Value], new: Value) -> Value:
    """`lax.dynamic_update_slice` at a start of which some coordinates are secret; they are clipped."""
    dims = [d for d, s in enumerate(start) if is_secret(s)]
    counts = tuple(operand.shape[d] - new.shape[d] + 1 for d in dims)

    def put(at: Any, a: Any, b: Any) -> Any:
        return op.primitive.bind(a, b, *_starts(start, dims, at))

    bits = one_hot(box, [start[d] for d in dims], counts, True)
    return chosen(box, op.avals[0], Cases(put, counts), [operand, new], bits)


def written(box: Box, op: Op, operand: Value, index: Secret, new: Value) -> Value:
    """`lax.scatter` at secret indices, one for each of a batch; dropped out of bounds, unless it is clipped."""
    numbers, clip = op.params["dimension_numbers"], op.params["mode"] == CLIP
    window = window_of(numbers, operand.shape, new.shape)
    counts = tuple(operand.shape[d] - window[d] + 1 for d in numbers.scatter_dims_to_operand_dims)
    batch = numbers.operand_batching_dims
    order = [1 + d for d in numbers.scatter_indices_batching_dims]
    rows = (math.prod(counts), *(operand.shape[d] for d in batch))

    def put(at: Any, a: Any, b: Any) -> Any:
        return op.primitive.bind(a, _everywhere(at, index), b, **op.params)

    def in_order(a: Any) -> Any:
        return a.transpose(0, *order, *(d for d in range(1, a.ndim) if d not in order)).reshape(rows)

    bits = box.structure(in_order, [one_hot(box, [index], counts, clip)], struct(rows, bool))
    return chosen(box, op.avals[0], Cases(put, counts, None if clip else 0), [operand, new], bits, batch)


def added(box: Box, op: Op, operand: Value, index: Secret, updates: Value) -> Value:
    """`lax.scatter_add` at secret indices; what is out of bounds is dropped, unless it is clipped."""
    numbers, aval = op.params["dimension_numbers"], op.avals[0]
    window = window_of(numbers, aval.shape, updates.shape)
    counts = tuple(aval.shape[d] - window[d] + 1 for d in numbers.scatter_dims_to_operand_dims)
    bits = one_hot(box, [index], counts, op.params["mode"] == CLIP)
    batch = [d for d in range(len(updates.shape)) if d not in numbers.update_window_dims]
    if not numbers.operand_batching_dims and math.prod(index.shape[:-1]) > 1:
        return box.add(
            operand, _placed(box, op, counts, _summed(box, bits, updates, (batch, numbers)), index)
        )
    shape = (math.prod(counts), *updates.shape)
    wide = spread(box, bits, shape, batch)
    if not is_secret(updates):
        updates = public(updates)
    masked = box.select(wide, repeated(box, updates, shape), np.zeros(shape, aval.dtype), None)
    keep = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    params, starts = {k: op.params[k] for k in keep}, places(counts)

    def apply(parts: Any) -> Any:
        def one(part: Any, at: Any) -> Any:
            zero = jnp.zeros(aval.shape, part.dtype)
            return lax.scatter_add(zero, _everywhere(at, index), part, **params)

        return jax.vmap(one)(parts, starts).sum(0, dtype=parts.dtype)

    return box.add(operand, box.sum(Sum(apply, shape, aval.shape), masked))


def _summed(box: Box, bits: Secret, updates: Value, where: tuple[Sequence[int], Any]) -> Value:
    """What is added at each place, `(places, *window)`: a dot product over all updates."""
    batch, numbers = where
    order, count = [*batch, *numbers.update_window_dims], len(batch)
    shape, row = [updates.shape[d] for d in order], box.arith(bits, whole(updates.dtype))
    if is_secret(updates):
        updates = box.structure(lambda a: a.transpose(order), [updates], struct(shape, updates.dtype))
    else:
        updates = public(updates).transpose(order)
    return dot(box, row, updates, (tuple(range(1, count + 1)), tuple(range(count))))


def _placed(box: Box, op: Op, counts: Places, parts: Secret, index: Secret) -> Secret:
    """Arrays `(places, *window)`, each added where its place is."""
    numbers, shape = op.params["dimension_numbers"], op.avals[0].shape
    window = tuple(range(1, len(parts.shape)))
    numbers = numbers._replace(update_window_dims=window)
    starts = places(counts).astype(index.dtype)

    def apply(a: Any) -> Any:
        return lax.scatter_add(jnp.zeros(shape, a.dtype), starts, a, numbers, mode="drop")

    out: Secret = box.sum(Sum(apply, parts.shape, shape), parts)
    return out


# ---- where they stand ---------------------------------------------------------------------------------------


def _starts(start: Sequence[Value], dims: Sequence[int], at: Any) -> list[Any]:
    """A start whose secret coordinates, those of `dims`, are `at`."""
    secret = dict(zip(dims, at, strict=True))
    return [secret[d].astype(s.dtype) if d in secret else public(s) for d, s in enumerate(start)]


def _everywhere(at: Any, index: Secret) -> Any:
    """One start for all of a batch of indices."""
    return jnp.broadcast_to(at.astype(index.dtype), index.shape)


def window_of(numbers: Any, shape: Shape, updates: Shape) -> dict[int, int]:
    """How much of each axis of the operand one update covers."""
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    rest = [d for d in range(len(shape)) if d not in single]
    sizes = [updates[d] for d in numbers.update_window_dims]
    return dict.fromkeys(single, 1) | dict(zip(rest, sizes, strict=True))
