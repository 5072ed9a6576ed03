"""Whole numbers out of fixed-point ones by their binary digits, and integer division.

The digits of weight one and more, in two's complement, are turned into an integer: that is the floor, and what
MP-SPDZ (Compiler/types.py, _fix, and floatingpoint.py) and SPU (kernel/hal/fxp_base.cc, f_floor: a shift to the
right and back) do by a decomposition too. It holds for magnitudes below 2^31. Quotients are the protocol's own,
rounded, and put right by one in either direction, as long as the protocol is off by less than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.table import rule
from turncoat.core.values import Secret, Value, dtype_of, full_like, is_secret, public, struct

DIGITS = 32
WEIGHTS = np.asarray([*(1 << np.arange(DIGITS - 1)), -(1 << (DIGITS - 1))], np.int32)


@rule("floor")
def floor(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    return box.lift(_whole(box, _digits(box, x)), x.dtype)


@rule("ceil")
def ceil(box: Box, op: Op, values: Values) -> Value:
    (x,) = values
    return -box.lift(_whole(box, _digits(box, -x)), x.dtype)


@rule("round")
def round_(box: Box, op: Op, values: Values) -> Value:
    """Halves go to the even neighbour, or away from zero, as the program says."""
    (x,) = values
    if int(op.params["rounding_method"]) == 0:
        return box.lift(_signed(box, x, lambda a: _whole(box, _digits(box, a + 0.5))), x.dtype)
    above = x + 0.5
    digits = _digits(box, above)
    whole = box.lift(_whole(box, digits), x.dtype)
    odd = box.structure(lambda a: a[..., 0], [digits], struct(x.shape, np.bool_))
    both = box.both(box.equal(above, whole, "half"), odd, "and")
    return whole - box.arith(both, x.dtype)


def towards_zero(box: Box, x: Secret) -> Secret:
    """A fixed-point number without its fraction, as a 32-bit integer."""
    return _signed(box, x, lambda a: _whole(box, _digits(box, a)))


def quotient(box: Box, x: Value, y: Value) -> Value:
    """x / y without its fraction, for magnitudes that the protocol divides to within one."""
    parts = _parted(box, x, y)
    return _where(box, parts.against, parts.whole, "negate")


@rule("rem")
def remainder(box: Box, op: Op, values: Values) -> Value:
    """What the quotient leaves, with the sign of the dividend."""
    parts = _parted(box, *values)
    return _where(box, parts.negative, parts.rest, "negate")


@rule("lt_to")
def lt_to(box: Box, op: Op, values: Values) -> Value:
    return box.less(values[0], values[1], None)  # a fixed-point number has one zero and no NaN


@rule("le_to")
def le_to(box: Box, op: Op, values: Values) -> Value:
    greater = box.less(values[1], values[0], None)
    return box.invert(greater) if is_secret(greater) else ~public(greater)


@rule("eq_to")
def eq_to(box: Box, op: Op, values: Values) -> Value:
    return box.equal(values[0], values[1], None)


# ---- what they are made of ----------------------------------------------------------------------------------


def _digits(box: Box, x: Secret) -> Secret:
    return box.bits(x, 0, DIGITS, "bits")


def _whole(box: Box, digits: Secret) -> Secret:
    """The integer of such digits."""
    number = box.arith(digits, np.int32)
    return box.total(box.scale(number, jnp.broadcast_to(WEIGHTS, number.shape)))


def _sign(box: Box, x: Value) -> Value:
    return box.less(x, full_like(x, 0), "sign") if is_secret(x) else public(x) < 0


def _where(box: Box, bit: Value, x: Value, name: str) -> Value:
    """-x where the bit is set, else x."""
    if not is_secret(bit) and not is_secret(x):
        return jnp.where(public(bit), -public(x), public(x))
    return box.select(bit, -x if is_secret(x) else -public(x), x, name)


def _signed(box: Box, x: Secret, f: Callable[[Secret], Secret]) -> Secret:
    """f of the magnitude, with the sign of x."""
    negative = _sign(box, x)
    result: Secret = _where(box, negative, f(_where(box, negative, x, "abs")), "negate")
    return result


@dataclass(frozen=True, eq=False)
class Parts:
    """|x| = whole |y| + rest, with bits: x is negative, and its sign is against that of y."""

    whole: Secret
    rest: Secret
    negative: Value
    against: Value


def _parted(box: Box, x: Value, y: Value) -> Parts:
    """Once for a quotient and a remainder of the same numbers."""
    return box.reused(("divided",), (x, y), lambda: _divided(box, x, y))


def _divided(box: Box, x: Value, y: Value) -> Parts:
    dtype, fixed = dtype_of(x), dtype_of(x) if jnp.issubdtype(dtype_of(x), jnp.inexact) else np.float32
    negative, other = _sign(box, x), _sign(box, y)
    a, b = _where(box, negative, x, "abs"), _where(box, other, y, "abs")
    whole = box.lift(_whole(box, _digits(box, _ratio(box, a, b, fixed))), dtype)
    rest = box.sub(a, box.product(whole, b, "product"))
    over = box.less(rest, full_like(rest, 0), "over/compare")  # the quotient is one too large
    whole = box.sub(whole, box.arith(over, dtype))
    rest = box.add(rest, box.select(over, b, full_like(rest, 0), "over/select"))
    under = box.invert(box.less(rest, b, "under/compare"))  # or one too small
    whole = box.add(whole, box.arith(under, dtype))
    rest = box.sub(rest, box.select(under, b, full_like(rest, 0), "under/select"))
    secret = is_secret(negative) or is_secret(other)
    against = box.xor(negative, other) if secret else negative ^ other
    return Parts(whole, rest, negative, against)


def _ratio(box: Box, a: Value, b: Value, dtype: Any) -> Secret:
    """a / b by the protocol, in fixed point."""
    a, b = (box.lift(v, dtype) if is_secret(v) else jnp.asarray(public(v), dtype) for v in (a, b))
    if not is_secret(b):
        return box.scale(a, 1 / b, "quotient")
    with box.names.circuit(), box.scope("quotient"):
        ratio: Secret = box.protocol.divide(box.protocol, box, a, b)
    return ratio
