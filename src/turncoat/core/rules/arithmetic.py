"""Sums, products and the functions that a protocol builds out of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.bilinear import from_primitive
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.rounding import quotient
from turncoat.core.rules.table import Rule, refusal, rule
from turncoat.core.values import (
    Aval,
    Secret,
    Splat,
    Value,
    dtype_of,
    full_like,
    is_secret,
    known,
    public,
    struct,
)


@rule("add", "add_any")
def add(box: Box, op: Op, values: Values) -> Value:
    return box.add(*values)


@rule("sub")
def sub(box: Box, op: Op, values: Values) -> Value:
    return box.sub(*values)


@rule("neg")
def neg(box: Box, op: Op, values: Values) -> Value:
    return box.neg(values[0])


@rule("mul")
def mul(box: Box, op: Op, values: Values) -> Value:
    return box.product(*values)


@rule("square")
def square(box: Box, op: Op, values: Values) -> Value:
    return box.square(values[0])


@rule("dot_general", "conv_general_dilated")
def bilinear(box: Box, op: Op, values: Values) -> Value:
    aval = op.avals[0]
    if aval.dtype != np.bool_:
        return _bilinear(box, op, values, struct(aval.shape, aval.dtype))
    pairs = _bilinear(box, op, values, struct(aval.shape, np.int32))  # an OR of ANDs: is any pair set?
    return box.invert(box.equal(pairs, full_like(pairs, 0)))


def _bilinear(box: Box, op: Op, values: Values, aval: Aval) -> Secret:
    whole = not jnp.issubdtype(aval.dtype, jnp.inexact)
    x, y = (_number(box, v, aval.dtype if whole else np.int32) for v in values)
    if whole and any(jnp.issubdtype(v.dtype, jnp.inexact) for v in (x, y)):
        raise refusal(op, values, "a fixed-point number is turned into an integer")
    if not whole and not any(jnp.issubdtype(v.dtype, jnp.inexact) for v in (x, y)):
        x = box.lift(x, aval.dtype) if is_secret(x) else jnp.asarray(public(x), aval.dtype)
    form = from_primitive(op.primitive, op.params, x, y, aval)
    if is_secret(x) and is_secret(y):
        return box.bilinear(form, x, y)
    if is_secret(x):
        return box.product_public(form, x, public(y))
    return box.product_public(form.swap(), y, public(x))


def _number(box: Box, value: Value, dtype: Any) -> Value:
    """A bit as an integer, which is multiplied without a truncation; numbers as they are."""
    if dtype_of(value) != np.bool_:
        return value
    return box.arith(value, dtype) if is_secret(value) else jnp.asarray(public(value), dtype)


@rule("div")
def div(box: Box, op: Op, values: Values) -> Value:
    x, y = values
    if not jnp.issubdtype(op.avals[0].dtype, jnp.inexact):
        return quotient(box, x, y)
    if is_secret(y):
        with box.names.circuit():
            return box.protocol.divide(box.protocol, box, x, y)
    number = known(y)
    if number == 0:
        raise refusal(op, values, "a secret is divided by the constant zero")
    if number is not None:
        return box.scale(x, Splat(np.asarray(1.0 / number, x.dtype), y.shape))
    return box.scale(x, 1 / public(y))


@rule("integer_pow")
def integer_pow(box: Box, op: Op, values: Values) -> Value:
    return power(box, values[0], op.params["y"])


def power(box: Box, x: Secret, n: int) -> Value:
    """x to the power of an integer, by repeated squaring."""
    if n < 0:
        positive = power(box, x, -n) if n != -1 else x
        with box.names.circuit(), box.scope("recip"):
            return box.protocol.reciprocal(box, positive)
    if n == 0:
        return full_like(x, 1)
    if n == 2:
        return box.square(x)
    out, base = None, x
    while n:
        if n & 1:
            out = base if out is None else box.product(out, base, "product")
        n >>= 1
        if n:
            base = box.square(base, "square")
    return out


@rule("pow")
def pow_(box: Box, op: Op, values: Values) -> Value:
    x, y = values
    if is_secret(x) and is_secret(y):
        raise refusal(op, values, "a secret is raised to a secret power", "use exp(y * log(x))")
    number = known(y)
    if is_secret(x) and number is not None and float(number).is_integer():
        return power(box, x, int(number))
    with box.names.circuit():
        if not is_secret(x):  # c^y = exp(y ln c)
            y = y if y.dtype == op.avals[0].dtype else box.lift(y, op.avals[0].dtype)
            return box.protocol.exp(box, box.scale(y, jnp.log(public(x))))
        if number == 0.5:
            return box.protocol.sqrt(box, x)
        if number == -0.5:
            return box.protocol.rsqrt(box, x)
        with box.scope("log"):
            log = box.protocol.log(box, x)
        with box.scope("exp"):
            return box.protocol.exp(box, box.scale(log, y))


def _unary(name: str) -> Rule:
    def apply(box: Box, op: Op, values: Values) -> Value:
        with box.names.circuit():
            return getattr(box.protocol, name)(box, values[0])

    return apply


for _primitive, _function in {
    "exp": "exp",
    "log": "log",
    "log1p": "log1p",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "tanh": "tanh",
    "erf": "erf",
    "logistic": "sigmoid",
    "turncoat.sigmoid": "sigmoid",
}.items():
    rule(_primitive)(_unary(_function))


@rule("turncoat.relu")
def relu(box: Box, op: Op, values: Values) -> Value:
    return box.protocol.relu(box, values[0])  # its comparison is the program's own: the gradient reuses it


@rule("exp2")
def exp2(box: Box, op: Op, values: Values) -> Value:
    with box.names.circuit():
        return box.protocol.exp(box, box.scale(values[0], np.log(2.0)))


@rule("expm1")
def expm1(box: Box, op: Op, values: Values) -> Value:
    with box.names.circuit():
        return box.protocol.exp(box, values[0]) - 1.0


@rule("erfc")
def erfc(box: Box, op: Op, values: Values) -> Value:
    with box.names.circuit():
        return 1.0 - box.protocol.erf(box, values[0])


@rule("turncoat.softmax")
def softmax(box: Box, op: Op, values: Values) -> Value:
    with box.names.circuit():
        return box.protocol.softmax(box, values[0], -1)
