"""Entries at a secret index: a one-hot row of bits over the places where a slice may start, and a product.

1. Each coordinate of the index is compared with a public iota: a bit per place, ANDed where several are secret.
2. The bits become integers, and the result is their dot product with what a public index would have picked at
   each place: nothing is truncated. Entries are added at a secret index by masking what is added at each place.
So does SPU, one coordinate after the other (kernel/hlo/indexing.cc, SecretDynamicSliceImpl, commit 02ac612d);
its variant on oblivious RAM is another circuit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.bilinear import Bilinear, Sum
from turncoat.core.program import Op
from turncoat.core.values import Secret, Shape, Value, full_like, is_secret, public, struct

Places = tuple[int, ...]
CLIP = lax.GatherScatterMode.CLIP


@dataclass(frozen=True)
class Cases:
    """What `pick(at, *arrays)` makes at each of so many places, and with `otherwise`, the first array as it is."""

    pick: Callable[..., Any]
    counts: Places
    otherwise: bool = False

    def all(self, *arrays: Any) -> Any:
        """The cases along a new leading axis; a rearrangement of the arrays."""
        made = jax.vmap(lambda at: self.pick(at, *arrays))(_places(self.counts))
        return jnp.concatenate([made, arrays[0][None]]) if self.otherwise else made


def gathered(box: Box, op: Op, operand: Value, index: Secret) -> Value:
    """`lax.gather` at secret indices; zero where an index is out of bounds, unless it is clipped."""
    numbers, sizes = op.params["dimension_numbers"], op.params["slice_sizes"]
    counts = tuple(operand.shape[d] - sizes[d] + 1 for d in numbers.start_index_map)
    params = op.params | {"fill_value": 0}

    def pick(at: Any, a: Any) -> Any:
        return op.primitive.bind(a, _everywhere(at, index), **params)

    bits = _one_hot(box, [index], counts, op.params["mode"] == CLIP)
    batch = [d for d in range(len(op.avals[0].shape)) if d not in numbers.offset_dims]
    return _chosen(box, op, Cases(pick, counts), [operand], bits, batch)


def sliced(box: Box, op: Op, operand: Value, start: Sequence[Value]) -> Value:
    """`lax.dynamic_slice` at a start of which some coordinates are secret; they are clipped."""
    sizes = op.params["slice_sizes"]
    dims = [d for d, s in enumerate(start) if is_secret(s)]
    counts = tuple(operand.shape[d] - sizes[d] + 1 for d in dims)

    def pick(at: Any, a: Any) -> Any:
        return op.primitive.bind(a, *_starts(start, dims, at), **op.params)

    bits = _one_hot(box, [start[d] for d in dims], counts, True)
    return _chosen(box, op, Cases(pick, counts), [operand], bits)


def updated(box: Box, op: Op, operand: Value, start: Sequence[Value], new: Value) -> Value:
    """`lax.dynamic_update_slice` at a start of which some coordinates are secret; they are clipped."""
    dims = [d for d, s in enumerate(start) if is_secret(s)]
    counts = tuple(operand.shape[d] - new.shape[d] + 1 for d in dims)

    def put(at: Any, a: Any, b: Any) -> Any:
        return op.primitive.bind(a, b, *_starts(start, dims, at))

    bits = _one_hot(box, [start[d] for d in dims], counts, True)
    return _chosen(box, op, Cases(put, counts), [operand, new], bits)


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

    bits = box.structure(in_order, [_one_hot(box, [index], counts, clip)], struct(rows, bool))
    return _chosen(box, op, Cases(put, counts, not clip), [operand, new], bits, batch)


def added(box: Box, op: Op, operand: Value, index: Secret, updates: Value) -> Value:
    """`lax.scatter_add` at secret indices; what is out of bounds is dropped, unless it is clipped."""
    numbers, aval = op.params["dimension_numbers"], op.avals[0]
    window = window_of(numbers, aval.shape, updates.shape)
    counts = tuple(aval.shape[d] - window[d] + 1 for d in numbers.scatter_dims_to_operand_dims)
    bits = _one_hot(box, [index], counts, op.params["mode"] == CLIP)
    batch = [d for d in range(len(updates.shape)) if d not in numbers.update_window_dims]
    shape = (math.prod(counts), *updates.shape)
    wide = _spread(box, bits, shape, batch)
    if not is_secret(updates):
        updates = public(updates)
    masked = box.select(wide, _repeated(box, updates, shape), np.zeros(shape, aval.dtype), None)
    keep = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
    params, places = {k: op.params[k] for k in keep}, _places(counts)

    def apply(parts: Any) -> Any:
        def one(part: Any, at: Any) -> Any:
            zero = jnp.zeros(aval.shape, part.dtype)
            return lax.scatter_add(zero, _everywhere(at, index), part, **params)

        return jax.vmap(one)(parts, places).sum(0, dtype=parts.dtype)

    return box.add(operand, box.sum(Sum(apply, shape, aval.shape), masked))


# ---- what they are made of ----------------------------------------------------------------------------------


def _starts(start: Sequence[Value], dims: Sequence[int], at: Any) -> list[Any]:
    """A start whose secret coordinates, those of `dims`, are `at`."""
    secret = dict(zip(dims, at, strict=True))
    return [secret[d].astype(s.dtype) if d in secret else public(s) for d, s in enumerate(start)]


def _everywhere(at: Any, index: Secret) -> Any:
    """One start for all of a batch of indices."""
    return jnp.broadcast_to(at.astype(index.dtype), index.shape)


def _columns(box: Box, index: Secret) -> list[Secret]:
    """The coordinates along the last axis."""
    aval = struct(index.shape[:-1], index.dtype)
    return [box.structure(lambda a, i=i: a[..., i], [index], aval) for i in range(index.shape[-1])]


def _places(counts: Places) -> Any:
    """Every start, in the order of the one-hot row: `(places, coordinates)`."""
    return np.stack(np.unravel_index(np.arange(math.prod(counts)), counts), -1)


def _one_hot(box: Box, index: Sequence[Secret], counts: Places, clip: bool) -> Secret:
    """Bits `(places, *batch)`: which start each index is; none where it is out of bounds.

    `index` has the coordinates, or is a single array of them; what was picked there before has its bits.
    """
    made: Secret = box.reused(("one-hot", counts, clip), index, lambda: _new_row(box, index, counts, clip))
    return made


def _new_row(box: Box, index: Sequence[Secret], counts: Places, clip: bool) -> Secret:
    row: Secret | None = None
    columns = index if len(index) == len(counts) and not index[0].shape else _columns(box, index[0])
    for column, count in zip(columns, counts, strict=True):
        if clip:
            low, high = full_like(column, 0), full_like(column, count - 1)
            column = box.select(box.less(column, low, "clip/compare"), low, column, "clip/select")
            column = box.select(box.less(high, column, "clip/compare"), high, column, "clip/select")
        bits = _equal(box, column, count)
        row = bits if row is None else _crossed(box, row, bits)
    assert row is not None
    return row


def _equal(box: Box, column: Secret, count: int) -> Secret:
    shape = (count, *column.shape)
    ids = jnp.arange(count, dtype=column.dtype).reshape(count, *[1] * len(column.shape))
    bits: Secret = box.equal(_repeated(box, column, shape), jnp.broadcast_to(ids, shape))
    return bits


def _crossed(box: Box, rows: Secret, columns: Secret) -> Secret:
    """Every pair of places: the AND of their bits."""
    n, m, batch = rows.shape[0], columns.shape[0], rows.shape[1:]
    wide = struct((n * m, *batch), bool)
    first = box.structure(lambda a: jnp.repeat(a, m, 0), [rows], wide)
    second = box.structure(lambda a: jnp.tile(a, (n, *[1] * len(batch))), [columns], wide)
    both: Secret = box.both(first, second, "and")
    return both


def _repeated(box: Box, x: Value, shape: Shape) -> Value:
    if not is_secret(x):
        return jnp.broadcast_to(x, shape)
    return box.structure(lambda a: jnp.broadcast_to(a, shape), [x], struct(shape, x.dtype))


def _spread(box: Box, bits: Secret, shape: Shape, batch: Sequence[int]) -> Secret:
    """Bits `(places, *batch)` at the shape `(places, *shape)`, in which `batch` are the batch's axes."""
    narrow = [bits.shape[0], *(n if d in batch else 1 for d, n in enumerate(shape[1:]))]
    return box.structure(
        lambda a: jnp.broadcast_to(a.reshape(narrow), shape), [bits], struct(shape, bits.dtype)
    )


def _chosen(
    box: Box, op: Op, cases: Cases, sources: Sequence[Value], bits: Secret, batch: Sequence[int] = ()
) -> Secret:
    """The dot product of a one-hot row with the cases; `batch` are the axes of the result that the row has."""
    aval, count = op.avals[0], math.prod(cases.counts) + cases.otherwise
    shape = (count, *aval.shape)
    if any(map(is_secret, sources)):
        values: Value = box.structure(cases.all, list(sources), struct(shape, aval.dtype))
    else:
        values = cases.all(*map(public, sources))
    if aval.dtype == np.bool_:
        return _picked_bit(box, _spread(box, _with_none(box, cases, bits), shape, batch), values)
    whole = aval.dtype if jnp.issubdtype(aval.dtype, jnp.integer) else np.dtype(np.int32)
    weights = box.arith(bits, whole)
    if cases.otherwise:
        none = 1 - box.total(weights, 0, keepdims=True)
        weights = _after(box, weights, none)
    weights, form = _spread(box, weights, shape, batch), _contraction(shape, whole, aval)
    return (
        box.bilinear(form, weights, values)
        if is_secret(values)
        else box.product_public(form, weights, values)
    )


def _picked_bit(box: Box, row: Secret, values: Value) -> Secret:
    """The bit at the place where a one-hot row is set: the XOR of their AND."""
    return _parity(box, box.both(row, values, None))


def _with_none(box: Box, cases: Cases, bits: Secret) -> Secret:
    """A one-hot row, and behind it whether nothing is set, where that is a case."""
    if not cases.otherwise:
        return bits
    none = box.invert(_parity(box, bits))
    return _after(box, bits, box.structure(lambda a: a[None], [none], struct((1, *none.shape), bool)))


def _after(box: Box, row: Secret, last: Secret) -> Secret:
    aval = struct((row.shape[0] + 1, *row.shape[1:]), row.dtype)
    out: Secret = box.structure(lambda a, b: jnp.concatenate([a, b]), [row, last], aval)
    return out


def _parity(box: Box, bits: Secret) -> Secret:
    """The XOR along the leading axis: local."""
    aval = struct(bits.shape[1:], np.bool_)
    rows = [box.structure(lambda a, i=i: a[i], [bits], aval) for i in range(bits.shape[0])]
    return functools.reduce(box.xor, rows)


def _contraction(shape: Shape, whole: Any, aval: Any) -> Bilinear:
    """sum_p x_p y_p over the leading axis, entry by entry."""
    rest = tuple(range(1, len(shape)))
    numbers = (((0,), (0,)), (rest, rest))

    def apply(x: Any, y: Any) -> Any:
        return lax.dot_general(x, y, numbers, precision=lax.Precision.HIGHEST)

    params, dtype = {"dimension_numbers": numbers}, aval.dtype
    return Bilinear("dot_general", params, shape, shape, whole, dtype, aval.shape, dtype, shape[0], apply)


def window_of(numbers: Any, shape: Shape, updates: Shape) -> dict[int, int]:
    """How much of each axis of the operand one update covers."""
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    rest = [d for d in range(len(shape)) if d not in single]
    sizes = [updates[d] for d in numbers.update_window_dims]
    return dict.fromkeys(single, 1) | dict(zip(rest, sizes, strict=True))
