"""A one-hot row of bits over places, and what it chooses: the parts of entries at a secret index."""

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
from turncoat.core.bilinear import Bilinear
from turncoat.core.values import Secret, Shape, Value, full_like, is_secret, public, struct

Places = tuple[int, ...]


@dataclass(frozen=True)
class Cases:
    """What `pick(at, *arrays)` makes at each of so many places; elsewhere, one of the arrays as it is."""

    pick: Callable[..., Any]
    counts: Places
    elsewhere: int | None = None

    @property
    def count(self) -> int:
        return math.prod(self.counts) + (self.elsewhere is not None)

    def all(self, *arrays: Any) -> Any:
        """The cases along a new leading axis; a rearrangement of the arrays."""
        made = jax.vmap(lambda at: self.pick(at, *arrays))(places(self.counts))
        return made if self.elsewhere is None else jnp.concatenate([made, arrays[self.elsewhere][None]])

    def values(self, box: Box, sources: Sequence[Value], aval: Any) -> Value:
        """The cases, secret if a source is; `aval` is that of one."""
        if not any(map(is_secret, sources)):
            return self.all(*map(public, sources))
        return box.structure(self.all, list(sources), struct((self.count, *aval.shape), aval.dtype))


# ---- the row ----------------------------------------------------------------------------------------------


def _columns(box: Box, index: Secret) -> list[Secret]:
    """The coordinates along the last axis."""
    aval = struct(index.shape[:-1], index.dtype)
    return [box.structure(lambda a, i=i: a[..., i], [index], aval) for i in range(index.shape[-1])]


def places(counts: Places) -> Any:
    """Every start, in the order of the one-hot row: `(places, coordinates)`."""
    return np.stack(np.unravel_index(np.arange(math.prod(counts)), counts), -1)


def one_hot(box: Box, index: Sequence[Secret], counts: Places, clip: bool) -> Secret:
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
    bits: Secret = box.equal(repeated(box, column, shape), jnp.broadcast_to(ids, shape))
    return bits


def _crossed(box: Box, rows: Secret, columns: Secret) -> Secret:
    """Every pair of places: the AND of their bits."""
    n, m, batch = rows.shape[0], columns.shape[0], rows.shape[1:]
    wide = struct((n * m, *batch), bool)
    first = box.structure(lambda a: jnp.repeat(a, m, 0), [rows], wide)
    second = box.structure(lambda a: jnp.tile(a, (n, *[1] * len(batch))), [columns], wide)
    both: Secret = box.both(first, second, "and")
    return both


def repeated(box: Box, x: Value, shape: Shape) -> Value:
    if not is_secret(x):
        return jnp.broadcast_to(x, shape)
    return box.structure(lambda a: jnp.broadcast_to(a, shape), [x], struct(shape, x.dtype))


def spread(box: Box, bits: Secret, shape: Shape, batch: Sequence[int]) -> Secret:
    """Bits `(places, *batch)` at the shape `(places, *shape)`, in which `batch` are the batch's axes."""
    narrow = [bits.shape[0], *(n if d in batch else 1 for d, n in enumerate(shape[1:]))]
    return box.structure(
        lambda a: jnp.broadcast_to(a.reshape(narrow), shape), [bits], struct(shape, bits.dtype)
    )


def chosen(
    box: Box, aval: Any, cases: Cases, sources: Sequence[Value], bits: Secret, batch: Sequence[int] = ()
) -> Secret:
    """The dot product of a one-hot row with the cases; `batch` are the axes of the result that the row has."""
    shape, values = (cases.count, *aval.shape), cases.values(box, sources, aval)
    if aval.dtype == np.bool_:
        return _picked_bit(box, spread(box, _with_none(box, cases, bits), shape, batch), values)
    row = spread(box, weights(box, cases, bits, aval.dtype), shape, batch)
    rest = tuple(range(1, len(shape)))
    return dot(box, row, values, ((0,), (0,)), (rest, rest))


def whole(dtype: Any) -> Any:
    return dtype if jnp.issubdtype(dtype, jnp.integer) else np.dtype(np.int32)


def weights(box: Box, cases: Cases, bits: Secret, dtype: Any) -> Secret:
    """A one-hot row of bits as whole numbers, with one more where something is chosen elsewhere."""
    row = box.arith(bits, whole(dtype))
    return row if cases.elsewhere is None else _after(box, row, 1 - box.total(row, 0, keepdims=True))


def _picked_bit(box: Box, row: Secret, values: Value) -> Secret:
    """The bit at the place where a one-hot row is set: the XOR of their AND."""
    return _parity(box, box.both(row, values, None))


def _with_none(box: Box, cases: Cases, bits: Secret) -> Secret:
    """A one-hot row, and behind it whether nothing is set, where that is a case."""
    if cases.elsewhere is None:
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


def dot(box: Box, row: Secret, values: Value, over: Any, along: Any = ((), ())) -> Secret:
    """Whole numbers times values of any dtype, contracted `over` some axes and entry by entry `along` others."""
    x, y, numbers, dtype = row, values, (over, along), values.dtype

    def apply(a: Any, b: Any) -> Any:
        return lax.dot_general(a, b, numbers, precision=lax.Precision.HIGHEST)

    ones = jax.eval_shape(
        lambda a, b: lax.dot_general(a, b, numbers), *(struct(v.shape, dtype) for v in (x, y))
    )
    inner = math.prod(x.shape[d] for d in over[0])
    params = {"dimension_numbers": numbers}
    form = Bilinear("dot_general", params, x.shape, y.shape, x.dtype, dtype, ones.shape, dtype, inner, apply)
    out: Secret = box.bilinear(form, x, y) if is_secret(y) else box.product_public(form, x, y)
    return out
