"""The protocol interface: how a framework builds the functions that are neither sums nor products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from turncoat.core.values import Secret, Splat, Value, is_secret

Function = Callable[[Any, Secret], Secret]
"""A function of one secret, written over the black box: `f(box, x)`."""


def divide_by_reciprocal(protocol: Protocol, box: Any, x: Value, y: Secret) -> Secret:
    """x / y as a product with the reciprocal, as frameworks without a division of their own do."""
    with box.scope("recip"):
        inverse = protocol.reciprocal(box, y)
    return box.product(x, inverse, "product") if is_secret(x) else box.scale(inverse, x)


def relu_by_comparison(box: Any, x: Secret) -> Secret:
    """max(0, x) = [0 < x] * x (section 3); the gradient reuses the comparison bit."""
    zero = Splat(x.dtype.type(0), x.shape)
    return box.select(box.less(zero, x), x, zero)


@dataclass(frozen=True, eq=False)
class Protocol:
    """One framework's nonlinear functions.

    Every field but the name is a function over the black box: `f(box, x)` for elementwise functions,
    `softmax(box, x, axis)`, and `divide(protocol, box, x, y)`. What the framework computes with products
    and comparisons, the function must write with `box.product`, `box.less`, `box.select`, ..., so that
    each of them is a site.
    """

    name: str
    exp: Function
    reciprocal: Function
    log: Function
    log1p: Function
    sqrt: Function
    rsqrt: Function
    tanh: Function
    erf: Function
    sigmoid: Function
    softmax: Callable[[Any, Secret, int], Secret]
    divide: Callable[[Protocol, Any, Value, Secret], Secret] = divide_by_reciprocal
    relu: Function = relu_by_comparison
