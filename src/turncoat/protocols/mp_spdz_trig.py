"""Trigonometry of protocol `mp-spdz`: Compiler/mpc_math.py (commit 3a0a7b1d), after Aly and Smart (eprint 2019/354).

Angles are reduced to [0, pi/2] with two comparisons (sTrigSub), on which polynomials of Hart are good; the arctangent
is a ratio of polynomials on [0, 1].
"""

from __future__ import annotations

import math

import numpy as np

from turncoat.core.values import full_like
from turncoat.protocols.mp_spdz_math import F, K, quotient, sqrt
from turncoat.protocols.polynomials import combination, polynomial

SIN = (1.57079632679489, -0.645964097506246, 0.079692626246167, -0.00468175413531868, 0.00016044118478735800)
COS = (1.0, -0.5, 0.04166666666666667129, -0.00138888888888888873, 0.00002480158730158702)
"""mpc_math.p_3307 and p_3508, to the last coefficient that p_eval keeps: 2^-17."""
ATAN_NUMERATOR = (
    21514.05962602441933193254468,
    73597.43380288444240814980706,
    100272.5618306302784970511863,
    69439.29750032252337059765503,
    25858.09739719099025716567793,
    5038.63918550126655793779119,
    460.1588804635351471161727227,
    15.08767735870030987717455528,
    0.07523052818757628444510739539,
)
ATAN_DENOMINATOR = (21514.05962602441933193298234, 80768.78701155924885176713209, 122892.6789092784776298743322,
                    97323.20349053555680260434387, 42868.57652046408093184006664, 10401.13491566890057005103878,
                    1289.75056911611097141145955, 68.51937831018968013114024294, 1.0)  # fmt: skip
SCALE = sum(ATAN_DENOMINATOR) / (2.0 ** (K - F - 1) - 1)


def sin(box, x):
    """s p(v^2) v with v = 2 w / pi on [0, 1] and the sign s (ssin)."""
    angle, above, _ = _reduced(box, x)
    return _sin(box, angle, above)


def cos(box, x):
    """s q(w^2) on [0, pi/2] with the sign s (scos)."""
    angle, _, obtuse = _reduced(box, x)
    return _cos(box, angle, obtuse)


def tan(box, x):
    """sin / cos, of the same reduced angle."""
    angle, above, obtuse = _reduced(box, x)
    with box.scope("sin"):
        numerator = _sin(box, angle, above)
    with box.scope("cos"):
        denominator = _cos(box, angle, obtuse)
    with box.scope("div"):
        return quotient(box, denominator, numerator)


def atan(box, x):
    """v p(v^2) / q(v^2) on v = |x|, or pi/2 less that of v = 1 / |x| above 1."""
    negative = box.less(x, full_like(x, 0), "sign")
    magnitude = box.select(negative, -x, x, "abs")
    large = box.less(full_like(x, 1), magnitude, "large")
    with box.scope("recip"):
        inverse = quotient(box, magnitude, 1)
    v = box.select(large, inverse, magnitude, "small")
    square = box.square(v, "square")
    with box.scope("numerator"):
        p = polynomial(box, square, [c / SCALE for c in ATAN_NUMERATOR])
    with box.scope("denominator"):
        q = polynomial(box, square, [c / SCALE for c in ATAN_DENOMINATOR])
    with box.scope("div"):
        ratio = quotient(box, q, p)
    y = box.product(v, ratio, "product")
    y = box.select(large, math.pi / 2 - y, y, "large/select")
    return box.select(negative, -y, y, "sign/select")


def asin(box, x):
    """The arctangent of x / sqrt(1 - x^2)."""
    with box.scope("sqrt"):
        root = sqrt(box, 1 - box.square(x, "square"))
    with box.scope("div"):
        ratio = quotient(box, root, x)
    with box.scope("atan"):
        return atan(box, ratio)


def acos(box, x):
    """pi/2 - asin."""
    return math.pi / 2 - asin(box, x)


TRIGONOMETRY = {f.__name__: f for f in (sin, cos, tan, atan, asin, acos)}


def _sin(box, angle, above):
    v = angle * (2 / math.pi)
    signed = box.select(above, -v, v, "sign")
    return box.product(signed, polynomial(box, box.square(v, "square"), SIN), "product")


def _cos(box, angle, obtuse):
    value = polynomial(box, box.square(angle, "square"), COS)
    return box.select(obtuse, -value, value, "sign")


def _reduced(box, x):
    """The angle in [0, pi/2], and the bits that x modulo 2 pi was above pi, and modulo pi above pi/2 (sTrigSub)."""
    with box.scope("reduced"):
        y = x - _whole(box, x * (0.5 / math.pi)) * (2 * math.pi)
        above = box.less(full_like(y, math.pi), y, "above")
        angle = box.select(above, 2 * math.pi - y, y, "above/select")
        obtuse = box.less(full_like(y, math.pi / 2), angle, "obtuse")
        return box.select(obtuse, math.pi - angle, angle, "obtuse/select"), above, obtuse


def _whole(box, x):
    """x rounded down (trunc): its digits from the ones on, the highest of them negative."""
    digits = box.arith(box.bits(x, 0, K - F), x.dtype)
    weights = 2.0 ** np.arange(K - F)
    weights[-1] *= -1
    return combination(box, digits, weights, "whole")
