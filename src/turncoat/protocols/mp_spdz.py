"""Protocol `mp-spdz`: the functions of machine learning as MP-SPDZ (Keller 2020) computes them.

Formulas from Compiler/ml.py and Compiler/mpc_math.py (commit 3a0a7b1d) with their default precision; what
they are built from stands in `mp_spdz_math`. MP-SPDZ has neither log1p nor erf: log1p is log(1 + x), erf is
taken from its GELU layer.

Variants: `mp-spdz-approx` and `mp-spdz-approx5` (`approx` of its output layers: sigmoid in 3 or 5 pieces,
softmax as a ratio of ReLUs) and `mp-spdz-paper` (`exp` with the threshold bit z of equation (2), as in Keller
and Sun's algorithm 2; the code has it in the softmax alone).
"""

from __future__ import annotations

import math
from typing import Any

from turncoat.core.protocol import Domains, Protocol, bounded, relu_by_comparison
from turncoat.core.tournament import maximum
from turncoat.core.values import full_like
from turncoat.protocols.mp_spdz_math import (
    WHOLE_DIGITS,
    F,
    K,
    exp,
    log,
    quotient,
    rsqrt,
    sqrt,
)
from turncoat.protocols.mp_spdz_trig import TRIGONOMETRY
from turncoat.protocols.pieces import clamped

LIMIT = math.log(2.0 ** (K - F - 1))  # ml.get_limit: the largest exponent, 9.70
TANH_LIMIT = math.log(2.0 ** (K - F - 2)) / 2  # mpc_math.tanh: 4.51

TOP, ULP = 2.0 ** (K - F - 1), 2.0**-F
DOMAINS: Domains = {
    "exp": (-(2**WHOLE_DIGITS) * math.log(2), LIMIT),  # beyond, the integer part is read modulo 16
    "reciprocal": (1 / TOP, TOP),  # of a magnitude
    "log": (ULP, TOP),
    "log1p": (ULP - 1, TOP - 1),
    "sqrt": (0.0, TOP),
    "rsqrt": (ULP, TOP),
    "sigmoid": (-TOP, TOP),
    "tanh": (-TOP / 2, TOP / 2),
    "erf": (-40.0, 40.0),  # the cube that enters the sigmoid has to fit
    "softmax": (-TOP / 2, TOP / 2),
}
DOMAINS_OF_PAPER: Domains = DOMAINS | {"exp": (-TOP * math.log(2), LIMIT)}


def reciprocal(box, x):
    """1 / x, by the same circuit as a division."""
    return quotient(box, x, 1, DOMAINS["reciprocal"])


def divide(protocol, box, x, y):
    """x / y (types.py, _fix.__truediv__)."""
    return quotient(box, y, x, DOMAINS["reciprocal"])


def exp_or_zero(box, x):
    """exp(x) where -limit < x, else 0: the bit z of equation (2), as ml.exp_for_softmax computes it.

    x log2(e) < -(k - f - 1) and x < -limit are one condition. To force a constant, flip `threshold/compare`
    and add the constant at `threshold/select`.
    """
    result = exp(box, x)
    with box.scope("threshold"):
        return box.select(box.less(full_like(x, -LIMIT), x), result, full_like(x, 0))


def sigmoid(box, x):
    """1 / (1 + exp(-x)), then 0 and 1 beyond the range of exp (ml.sigmoid_from_e_x, ml.sanitize)."""
    with box.scope("exp"):
        e = exp(box, -x)
    with box.scope("div"):
        raw = quotient(box, 1 + e, 1)
    return clamped(box, x, raw, LIMIT, 0.0)


def sigmoid3(box, x):
    """x < -1/2 ? 0 : (1/2 < x ? 1 : x + 1/2) (ml.approx_sigmoid)."""
    return clamped(box, x, x + 0.5, 0.5, 0.0)


CUTS = (-5.0, -2.5, 2.5, 5.0)
SLOPES = (0.0, 0.02776, 0.17, 0.02776, 0.0)
OFFSETS = (1e-4, 0.145, 0.5, 0.85498, 1 - 1e-4)


def sigmoid5(box, x):
    """Five lines, each times a difference of two bits [x <= cut] (ml.approx_sigmoid with n = 5)."""
    beyond = [box.less(full_like(x, cut), x, f"compare{i}") for i, cut in enumerate(CUTS, 1)]
    reached = [0, *(1 - box.arith(b, x.dtype) for b in beyond), full_like(x, 1)]
    total = full_like(x, 0)
    for i, (slope, offset) in enumerate(zip(SLOPES, OFFSETS, strict=True)):
        here = box.sub(reached[i + 1], reached[i])
        line = x * slope + offset if slope else offset
        total = box.add(total, box.product(here, line, f"piece{i + 1}"))
    return total


def tanh(box, x):
    """(y - 1) / (y + 1) with y = exp(2x), and -1 or 1 beyond +-ln(2^(k-f-2)) / 2 (mpc_math.tanh)."""
    with box.scope("exp"):
        y = exp(box, 2 * x)
    with box.scope("div"):
        ratio = quotient(box, y + 1, y - 1)
    return clamped(box, x, ratio, TANH_LIMIT, -1.0)


def erf(box, x):
    """2 sigmoid(2.2568 x + 0.20182 x^3) - 1: x sigmoid(1.595769 x + 0.071355 x^3) is its GELU
    (ml.Gelu.compute_gelu_sigmoid), and x (1 + erf(x / sqrt(2))) / 2 the true one."""
    cube = box.product(box.square(x, "square"), x, "cube")
    with box.scope("sigmoid"):
        return 2 * sigmoid(box, 1.595769 * math.sqrt(2) * x + 0.071355 * math.sqrt(8) * cube) - 1


def softmax(box, x, axis):
    """e / sum e with e = exp_or_zero(x - m), m = max x - limit + ln(len) (ml.exp_for_softmax)."""
    least = maximum(box, x, axis) + (math.log(x.shape[axis]) - LIMIT)
    with box.scope("exp"):
        e = exp_or_zero(box, x - least)
    with box.scope("div"):
        return quotient(box, box.total(e, axis, keepdims=True), e)


def softmax_of_relus(box, x, axis):
    """ReLU(x_i) times 1 / sum ReLU(x_j) (ml.ReluMultiOutput.backward); zeros if no entry is positive."""
    with box.scope("relu"):
        relus = relu_by_comparison(box, x)
    with box.scope("recip"):
        inverse = reciprocal(box, box.total(relus, axis, keepdims=True))
    return box.product(relus, inverse, "product")


def log1p(box, x):
    """log(1 + x)."""
    return log(box, 1 + x)


FUNCTIONS: dict[str, Any] = {
    f.__name__: f for f in (exp, log, log1p, sqrt, rsqrt, tanh, erf, sigmoid, softmax)
}


def _variant(name: str, domains: Domains = DOMAINS, **instead: Any) -> Protocol:
    functions = {n: bounded(n, domains)(f) for n, f in (FUNCTIONS | instead).items()}
    return Protocol(
        name=name, **functions, reciprocal=reciprocal, divide=divide, domains=domains, others=TRIGONOMETRY,
        vanishes=-11.0,  # 1.7e-5, one unit of 2^-16; below -11.1 it wraps around
    )  # fmt: skip


mp_spdz = _variant("mp-spdz")
mp_spdz_approx = _variant("mp-spdz-approx", sigmoid=sigmoid3, softmax=softmax_of_relus)
mp_spdz_approx5 = _variant("mp-spdz-approx5", sigmoid=sigmoid5, softmax=softmax_of_relus)
mp_spdz_paper = _variant("mp-spdz-paper", DOMAINS_OF_PAPER, exp=exp_or_zero)
