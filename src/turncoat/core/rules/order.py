"""Comparisons and what is built from them: maxima by tournaments, absolute values, trees."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.cases import one_of
from turncoat.core.rules.integers import of_bits
from turncoat.core.rules.table import rule
from turncoat.core.tournament import follow, leading, pairs, row, tournament, with_odd
from turncoat.core.values import Splat, Value, dtype_of, full_like, is_secret, public, shape_of


def _not(box: Box, bit: Value) -> Value:
    return box.invert(bit) if is_secret(bit) else Splat(np.bool_(not bit.number), bit.shape)


@rule("lt")
def lt(box: Box, op: Op, values: Values) -> Value:
    return box.less(values[0], values[1], None)


@rule("gt")
def gt(box: Box, op: Op, values: Values) -> Value:
    return box.less(values[1], values[0], None)


@rule("le")
def le(box: Box, op: Op, values: Values) -> Value:
    return _not(box, box.less(values[1], values[0], None))


@rule("ge")
def ge(box: Box, op: Op, values: Values) -> Value:
    return _not(box, box.less(values[0], values[1], None))


@rule("eq")
def eq(box: Box, op: Op, values: Values) -> Value:
    if values[0] is values[1]:
        return Splat(np.True_, shape_of(values[0]))  # x == x holds: a ring has no NaN
    return _not(box, box.xor(*values)) if of_bits(values) else box.equal(values[0], values[1], None)


@rule("ne")
def ne(box: Box, op: Op, values: Values) -> Value:
    return _not(box, eq(box, op, values))


@rule("select_n")
def select(box: Box, op: Op, values: Values) -> Value:
    which, *cases = values
    if not is_secret(which):
        if len(cases) == 2 and dtype_of(which) == np.bool_:
            return box.select(which, cases[1], cases[0])
        index = public(which)
        return box.structure(lambda *c: op.primitive.bind(index, *c, **op.params), cases, op.avals[0])
    if which.dtype != np.bool_:
        return one_of(box, which, cases, None)
    return box.select(which, cases[1], cases[0], None)


@rule("max")
def maximum(box: Box, op: Op, values: Values) -> Value:
    x, y = values
    return box.select(box.less(y, x), x, y)


@rule("min")
def minimum(box: Box, op: Op, values: Values) -> Value:
    x, y = values
    return box.select(box.less(x, y), x, y)


@rule("clamp")
def clamp(box: Box, op: Op, values: Values) -> Value:
    low, x, high = values
    x = box.select(box.less(low, x), x, low)
    return box.select(box.less(x, high), x, high)


@rule("abs")
def absolute(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    return box.select(box.less(x, full_like(x, 0)), -x, x)


@rule("sign")
def sign(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    zero = full_like(x, 0)
    positive, negative = box.less(zero, x), box.less(x, zero)
    return box.arith(positive, x.dtype) - box.arith(negative, x.dtype)


@rule("reduce_max", "reduce_min")
def reduce_extreme(box: Box, op: Op, values: Values) -> Value:
    (x,), axes = values, tuple(op.params["axes"])
    largest = op.name == "reduce_max"
    if not axes:
        return x
    return tournament(box, leading(box, x, axes), axes, x, largest).winner(box)


@rule("argmax", "argmin")
def arg_extreme(box: Box, op: Op, values: Values) -> Value:
    (x,), axes = values, tuple(op.params["axes"])
    entries = leading(box, x, axes)
    played = tournament(box, entries, axes, x, op.name == "argmax")
    ids = jnp.arange(entries.shape[0], dtype=op.avals[0].dtype)
    labels = jnp.broadcast_to(ids.reshape(-1, *[1] * (len(entries.shape) - 1)), entries.shape)
    return follow(box, played, labels)


@rule("reduce_and", "reduce_or", "reduce_xor", "reduce_prod")
def reduce_tree(box: Box, op: Op, values: Values) -> Value:
    """A balanced tree of pairs, as deep as the logarithm of the size."""
    x = leading(box, values[0], tuple(op.params["axes"]))
    join: Callable[[Value, Value], Value] = {
        "reduce_and": lambda a, b: box.both(a, b, "and"),
        "reduce_or": lambda a, b: box.either(a, b, "or"),
        "reduce_xor": box.xor,
        "reduce_prod": lambda a, b: box.product(a, b, "product"),
    }[op.name]
    while (n := x.shape[0]) > 1:
        x = with_odd(box, join(*pairs(box, x)), x, n)
    return row(box, x, 0)
