"""Logic of bits, and of integers digit by digit: ANDs, shifts and counts of their binary digits.

An integer's digits, in two's complement, are Boolean shares; what comes out is the sum of its digits with their
weights, as in SPU (kernel/hal/ring.cc: to Boolean shares and, where it is needed, back) and MP-SPDZ
(Compiler/types.py, sint.bit_decompose). A shift to the left by a public number is a product with a power of two, the
negation is -x - 1, and the digits of a public number cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.table import rule
from turncoat.core.tournament import pairs, row, with_odd
from turncoat.core.values import Secret, Value, full_like, is_secret, public, shape_of, struct


def of_bits(values: Values) -> bool:
    return next(v.dtype for v in values if is_secret(v)) == np.bool_


@rule("and")
def both(box: Box, op: Op, values: Values) -> Value:
    return box.both(*values) if of_bits(values) else _by_digits(box, op, values, box.both)


@rule("or")
def either(box: Box, op: Op, values: Values) -> Value:
    return box.either(*values) if of_bits(values) else _by_digits(box, op, values, box.either)


@rule("xor")
def one(box: Box, op: Op, values: Values) -> Value:
    if of_bits(values):
        return box.xor(*values)
    return _by_digits(box, op, values, lambda a, b, name: box.xor(a, b))


@rule("not")
def inverted(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    if of_bits(values):
        return box.invert(x)
    return box.sub(full_like(x, -1 if _signed(x.dtype) else jnp.iinfo(x.dtype).max), x)  # type: ignore[no-untyped-call]


@rule("shift_left", "shift_right_logical", "shift_right_arithmetic")
def shift(box: Box, op: Op, values: Values) -> Value:
    """By a secret distance, each digit of it moves the others by its weight; beyond the width all are gone."""
    x, by = values
    if is_secret(by):
        return _number(box, _moved_by_secret(box, op, x, by), op.avals[0].dtype)
    distance = public(by)
    if op.name != "shift_left":
        return _number(box, _moved(box, op.name, _digits(box, x), distance), x.dtype)
    within = (distance >= 0) & (distance < _width(x.dtype))
    power = jnp.left_shift(jnp.ones_like(distance), distance)
    return box.scale(x, jnp.where(within, power, jnp.zeros_like(power)))


@rule("population_count")
def population_count(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    return box.total(box.arith(_digits(box, x), x.dtype))


@rule("clz")
def leading_zeros(box: Box, op: Op, values: Values) -> Value:
    """The digits of which neither they nor a higher one is set, counted: ORs of ever more digits above."""
    (x,) = values
    seen, width = _digits(box, x), _width(x.dtype)
    for i in range((width - 1).bit_length()):
        above = _moved(box, "shift_right_logical", seen, np.full(x.shape, 1 << i))
        seen = box.either(seen, above, f"or{i + 1}")
    return box.sub(full_like(x, width), box.total(box.arith(seen, x.dtype)))


# ---- what they are made of ----------------------------------------------------------------------------------


def _width(dtype: Any) -> int:
    return int(jnp.iinfo(dtype).bits)  # type: ignore[no-untyped-call]


def _signed(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jnp.signedinteger))


def _digits(box: Box, x: Value) -> Value:
    """Binary digits on a new last axis, least first."""
    width = _width(x.dtype)
    if is_secret(x):
        return box.reused(("digits",), [x], lambda: box.bits(x, 0, width, "bits"))
    return public(x)[..., None] >> np.arange(width, dtype=x.dtype) & 1 == 1


def _number(box: Box, digits: Secret, dtype: Any) -> Secret:
    """The integer of such digits."""
    width = _width(dtype)
    weights = np.asarray([1 << i for i in range(width)], np.uint64).astype(dtype)
    number = box.arith(digits, dtype)
    return box.total(box.scale(number, jnp.broadcast_to(weights, number.shape)))


def _by_digits(box: Box, op: Op, values: Values, join: Callable[[Value, Value, str], Value]) -> Secret:
    x, y = (_digits(box, v) for v in values)
    return _number(box, join(x, y, op.name), op.avals[0].dtype)


def _moved(box: Box, name: str, digits: Value, distance: Any) -> Value:
    """Digits moved by a public distance for each number; negative ones count as too large."""
    width = shape_of(digits)[-1]
    places = np.arange(width, dtype=np.int32)
    by = jnp.asarray(distance, jnp.int32)[..., None]
    by = jnp.where((by < 0) | (by > width), width, by)
    source: Any = places - by if name == "shift_left" else places + by
    if name == "shift_right_arithmetic":
        source = jnp.minimum(source, width - 1)
    inside = (source >= 0) & (source < width)
    source = jnp.broadcast_to(jnp.clip(source, 0, width - 1), shape_of(digits))

    def moved(a: Any) -> Any:
        return jnp.where(inside, jnp.take_along_axis(a, source, -1), jnp.zeros((), a.dtype))

    if not is_secret(digits):
        return moved(digits)
    return box.structure(moved, [digits], digits.aval)


def _moved_by_secret(box: Box, op: Op, x: Value, by: Secret) -> Value:
    digits, distance = _digits(box, x), _digits(box, by)
    width, shape = _width(by.dtype), shape_of(digits)
    steps = (width - 1).bit_length()
    for i in range(steps):
        by_power = np.full(shape[:-1], 1 << i)
        digits = box.select(
            _beside(box, distance, i, shape), _moved(box, op.name, digits, by_power), digits, f"select{i + 1}"
        )
    left = _any(box, distance, steps)
    left = box.structure(lambda a: jnp.broadcast_to(a[..., None], shape), [left], struct(shape, np.bool_))
    gone = _moved(box, op.name, digits, np.full(shape[:-1], width))
    return box.select(left, gone, digits, "beyond")


def _beside(box: Box, digits: Secret, i: int, shape: tuple[int, ...]) -> Secret:
    """One digit of the distance beside every digit of the number."""
    return box.structure(
        lambda a: jnp.broadcast_to(a[..., i, None], shape), [digits], struct(shape, np.bool_)
    )


def _any(box: Box, digits: Secret, start: int) -> Value:
    """Whether any digit from `start` on is set, by a tree."""
    shape = (digits.shape[-1] - start, *digits.shape[:-1])
    left: Value = box.structure(
        lambda a: jnp.moveaxis(a[..., start:], -1, 0), [digits], struct(shape, np.bool_)
    )
    while (n := left.shape[0]) > 1:
        left = with_odd(box, box.either(*pairs(box, left), "or"), left, n)
    return row(box, left, 0)
