"""Order of secrets: Batcher's odd-even merge sort, a public network of comparisons and exchanges.

1. Layer by layer, disjoint pairs are compared, and exchanged where they are out of order: a comparison and a
   selection a layer, over all pairs of it and all rows that are sorted.
2. Exchanges are not stable, so that operands beside the keys carry along the place that each entry came from,
   by which ties are broken.
SPU sorts by such a network as well (kernel/hlo/sort.cc: a bitonic one) or, where its
protocol may reveal comparisons of shuffled secrets, by radix or quick sort, which are other circuits. Sorting by
public keys is a rearrangement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.table import rule
from turncoat.core.tournament import leading
from turncoat.core.values import Value, dtype_of, is_secret, public, shape_of, struct

Layer = tuple[np.ndarray, np.ndarray]


def network(n: int) -> list[Layer]:
    """The pairs of each layer for n entries, first and second places (Knuth, volume 3, algorithm 5.2.2M)."""
    layers, p = list[Layer](), 1
    while p < n:
        k = p
        while k:
            first = [
                i + j
                for j in range(k % p, n - k, 2 * k)
                for i in range(min(k, n - j - k))
                if (i + j) // (2 * p) == (i + j + k) // (2 * p)
            ]
            if first:
                layers.append((np.asarray(first), np.asarray(first) + k))
            k //= 2
        p *= 2
    return layers


@rule("sort")
def sort(box: Box, op: Op, values: Values) -> Value:
    axis, count = op.params["dimension"], op.params["num_keys"]
    if not any(map(is_secret, values[:count])):
        return _by_public_keys(box, op, values)
    rows = [_first_axis(box, v, axis) for v in values]
    if op.params["is_stable"] and len(values) > count:
        place = np.arange(rows[0].shape[0]).reshape(-1, *[1] * (len(rows[0].shape) - 1))
        rows.insert(count, jnp.asarray(np.broadcast_to(place, rows[0].shape), jnp.int32))
        done = sorted_by(box, rows, count + 1)
        del done[count]
    else:
        done = sorted_by(box, rows, count)
    return [_back(box, v, axis) for v in done]


@rule("top_k")
def top_k(box: Box, op: Op, values: Values) -> Value:
    """The first k in descending order, the earlier one first of equal entries; their places beside them."""
    (x,), k = values, op.params["k"]
    axis = op.params.get("axis", len(x.shape) - 1) % len(x.shape)
    rows = _first_axis(box, x, axis)
    place = jnp.arange(rows.shape[0], dtype=op.avals[-1].dtype).reshape(-1, *[1] * (len(x.shape) - 1))
    keys, places = sorted_by(box, [-rows, jnp.broadcast_to(place, rows.shape)], 2)
    best = [box.structure(lambda a: a[:k], [v], struct((k, *v.shape[1:]), v.dtype)) for v in (-keys, places)]
    return [_back(box, v, axis) for v in best][: len(op.outputs)]


def sorted_by(box: Box, rows: Sequence[Value], count: int) -> Values:
    """Arrays in the ascending order of the first `count` of them along their leading axes."""
    rows = list(rows)
    for number, (first, second) in enumerate(network(shape_of(rows[0])[0]), 1):
        low, high = ([_taken(box, v, at) for v in rows] for at in (first, second))
        swap = _before(box, high[:count], low[:count], str(number))
        rows = [
            _exchanged(box, v, (first, second), swap, (a, b), f"select{number}")
            for v, a, b in zip(rows, low, high, strict=True)
        ]
    return rows


def _before(box: Box, x: Sequence[Value], y: Sequence[Value], number: str) -> Value:
    """Whether x comes before y by the first key, and where that is equal by the rest."""
    (first, *rest), (other, *others) = x, y
    less = _less(box, first, other, f"compare{number}")
    if not rest:
        return less
    tie = _equal(box, first, other, f"equal{number}")
    tied = box.both(tie, _before(box, rest, others, number), f"and{number}")
    return box.xor(less, tied) if is_secret(tied) or is_secret(less) else less ^ tied  # never both


def _less(box: Box, x: Value, y: Value, name: str) -> Value:
    if dtype_of(x) == np.bool_ and (is_secret(x) or is_secret(y)):
        return box.both(_inverted(box, x), y, name)
    return box.less(x, y, name) if is_secret(x) or is_secret(y) else public(x) < public(y)


def _equal(box: Box, x: Value, y: Value, name: str) -> Value:
    if dtype_of(x) == np.bool_ and (is_secret(x) or is_secret(y)):
        return box.invert(box.xor(x, y))
    return box.equal(x, y, name) if is_secret(x) or is_secret(y) else public(x) == public(y)


def _inverted(box: Box, x: Value) -> Value:
    return box.invert(x) if is_secret(x) else ~public(x)


def _exchanged(box: Box, x: Value, at: Layer, swap: Value, pair: tuple[Value, Value], name: str) -> Value:
    """An array whose entries `pair` at `at` are exchanged where the bit `swap` is set."""
    both = _joined(box, (swap, swap))
    new = box.select(both, _joined(box, pair[::-1]), _joined(box, pair), name)
    n = shape_of(x)[0]
    source = np.arange(n)
    source[np.concatenate(at)] = n + np.arange(2 * len(at[0]))
    return box.structure(
        lambda a, b: jnp.concatenate([a, b])[source], [x, new], struct(shape_of(x), dtype_of(x))
    )


def _joined(box: Box, pair: Sequence[Value]) -> Value:
    if not any(map(is_secret, pair)):
        return jnp.concatenate([public(v) for v in pair])
    shape = (2 * shape_of(pair[0])[0], *shape_of(pair[0])[1:])
    return box.structure(lambda a, b: jnp.concatenate([a, b]), pair, struct(shape, dtype_of(pair[0])))


def _taken(box: Box, x: Value, at: np.ndarray) -> Value:
    if not is_secret(x):
        return public(x)[at]
    return box.structure(lambda a: a[at], [x], struct((len(at), *x.shape[1:]), x.dtype))


def _by_public_keys(box: Box, op: Op, values: Values) -> Values:
    """Each party sorts its own shares."""
    axis, shape = op.params["dimension"], op.avals[0].shape
    known = [public(v) for v in values if not is_secret(v)]
    order = lax.broadcasted_iota(jnp.int32, shape, axis)
    *known, order = lax.sort([*known, order], axis, op.params["is_stable"], op.params["num_keys"])
    given = iter(known)

    def arranged(a: Any) -> Any:
        return jnp.take_along_axis(a, order, axis)

    return [box.structure(arranged, [v], v.aval) if is_secret(v) else next(given) for v in values]


def _first_axis(box: Box, x: Value, axis: int) -> Value:
    return leading(box, x, (axis,)) if is_secret(x) else jnp.moveaxis(public(x), axis, 0)


def _back(box: Box, x: Value, axis: int) -> Value:
    if not is_secret(x):
        return jnp.moveaxis(public(x), 0, axis)
    shape = (*x.shape[1 : axis + 1], x.shape[0], *x.shape[axis + 1 :])
    return box.structure(lambda a: jnp.moveaxis(a, 0, axis), [x], struct(shape, x.dtype))
