"""The protocol interface: how a framework builds the functions that are neither sums nor products."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turncoat.core.values import Secret, Value, full_like, is_secret

Function = Callable[[Any, Secret], Secret]
"""A function of one secret, written over the black box: `f(box, x)`."""

Circuit = Callable[..., Any]
Limits = tuple[float, float]
Domains = dict[str, Limits]
"""Where approximations hold: names of functions to the least and largest argument; absent: everywhere."""


def bounded(name: str, domains: Domains) -> Callable[[Circuit], Circuit]:
    """Marks a function `f(box, x, ...)` as good on a domain, also where another function calls it.

    It computes the same circuit; an engine that monitors (see `turncoat.monitor`) is told of each argument.
    """
    low, high = domains.get(name, (-math.inf, math.inf))

    def mark(f: Circuit) -> Circuit:
        @functools.wraps(f)
        def marked(box: Any, x: Secret, *rest: Any) -> Any:
            box.argument(name, x, (low, high))
            return f(box, x, *rest)

        return marked

    return mark


def divide_by_reciprocal(protocol: Protocol, box: Any, x: Value, y: Secret) -> Secret:
    """x / y as a product with the reciprocal, as frameworks without a division of their own do."""
    with box.scope("recip"):
        inverse = protocol.reciprocal(box, y)
    quotient: Secret = box.product(x, inverse, "product") if is_secret(x) else box.scale(inverse, x)
    return quotient


def relu_by_comparison(box: Any, x: Secret) -> Secret:
    """max(0, x) = [0 < x] * x (section 3); the gradient reuses the comparison bit."""
    zero = full_like(x, 0)
    positive: Secret = box.select(box.less(zero, x), x, zero)
    return positive


@dataclass(frozen=True, eq=False)
class Protocol:
    """One framework's nonlinear functions.

    `others` has more, by the name of JAX's primitive: those that it computes otherwise than `rules.series` does.

    The fields are functions over the black box: `f(box, x)` for elementwise functions, `softmax(box, x, axis)`, and
    `divide(protocol, box, x, y)`. What the framework computes with products
    and comparisons, the function must write with `box.product`, `box.less`, `box.select`, ..., so that
    each of them is a site. `domains` says where each function holds, by the name of its field; that of a
    reciprocal is of the magnitude of its argument. Where the exponential is as good as zero, at `vanishes`,
    masks below its domain are cut off (see `masks`): a softmax raises its exponents by `raised`.
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
    domains: Domains = field(default_factory=dict)
    others: Mapping[str, Circuit] = field(default_factory=dict)
    vanishes: float = -math.inf
    raised: Function = lambda box, x: x
