"""Protocol `tf-encrypted`: the approximations of TF Encrypted, as its code computes them (commit b2d89f0).

Files under tf_encrypted/protocol: aby3/aby3.py (piecewise sigmoid, exponential, softmax), aby3/fp.py
(reciprocal and square roots on a normalised argument), pond/pond.py (polynomials, without comparisons). Its
numbers have 16 fractional and 11 integral bits (tensor/fixed.py, fixed64_heuristic), which fix the number of
digits below. Variants: `tf-encrypted-5` (five pieces, the default of its own `sigmoid`) and
`tf-encrypted-pond`. It has no erf: that is CrypTen's; log1p is log(1 + x).

Two departures keep numbers within a 64-bit ring and honest results as they are. Its exponential multiplies
by 2^-32, and chooses by sign, after the product over the digits; here both come before it, factor by factor.
Its softmax finds the maximum by a sorting network; here by a tree, its other `method`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from turncoat.core.protocol import Domains, Protocol, bounded
from turncoat.core.tournament import maximum
from turncoat.core.values import full_like, struct
from turncoat.protocols.crypten import DOMAINS as OF_CRYPTEN
from turncoat.protocols.crypten import erf
from turncoat.protocols.digits import entries, highest, prefix_or
from turncoat.protocols.polynomials import combination

FRACTION, INTEGRAL = 16, 11  # precision_fractional, precision_integral
DIGITS = 5  # n_int_bits: an exponent of 2 is below 32
HALF = 32  # integral bits of a 64-bit number half of whose bits are fractional (approx_sqrt_inv)
EXP2 = (1.0, 0.69314, 0.24022, 0.055504, 0.0096183, 0.0013327)
"""`_exp2_pade_private` keeps a sixth power, but its loop `range(2, degree)` never fills that one in: zero."""

DOMAINS: Domains = {
    "exp": (-math.inf, 32 * math.log(2)),  # below -16 ln 2 it is zero
    "reciprocal": (2.0**-FRACTION, 2.0**INTEGRAL),  # of a magnitude
    "log": (0.05, 1.4),  # the polynomials: where they are off by less than 0.25
    "log1p": (0.05 - 1, 0.4),
    "sqrt": (2.0**-FRACTION, 2.0 ** (HALF - 1)),
    "rsqrt": (2.0**-FRACTION, 2.0 ** (HALF - 1)),
    "tanh": (-2.8, 2.8),
    "erf": OF_CRYPTEN["erf"],
}
NEGATIVE: Domains = DOMAINS | {"exp": (-math.inf, 0.0)}
DOMAINS_OF_POND: Domains = DOMAINS | {"sigmoid": (-10.0, 10.0), "relu": (-10.0, 10.0)}


# ---- piecewise sigmoids (aby3.py, _sigmoid_private and _polynomial_piecewise_private) ------------------

Line = tuple[float, float]  # a + b x
THREE = ((-2.5, 2.5), ((1e-4, 0.0), (0.5, 0.17), (1 - 1e-4, 0.0)))
FIVE = (
    (-4.0, -1.5, 1.5, 4.0),
    ((1e-4, 0.0), (0.281, 0.066), (0.5, 0.212), (0.719, 0.066), (1 - 1e-4, 0.0)),
)


def piecewise(cuts: Sequence[float], lines: Sequence[Line]) -> Callable:
    """sum_k p_k line_k(x), where p_k = [x <= cut_k] AND [cut_(k-1) < x].

    Sites: a bit `compare{k}` per cut, a bit `piece{k}` and a product `product{k}` per line. The first and the
    last AND have a shared constant 1 as an operand, as in the framework, and so are interactive too.
    """

    def sigmoid(box, x):
        """A sum of lines, each times the bit that x lies between its cuts."""
        above = [box.less(full_like(x, c), x, f"compare{k}") for k, c in enumerate(cuts, 1)]
        one = box.constant(full_like(above[0], True))
        lower, upper = [one, *above], [*(box.invert(b) for b in above), one]
        total = None
        for k, (a, b) in enumerate(lines, 1):
            inside = box.both(upper[k - 1], lower[k - 1], f"piece{k}")
            line = x * b + a if b else box.constant(full_like(x, a))
            part = box.select(inside, line, full_like(x, 0), f"product{k}")
            total = part if total is None else total + part
        return total

    return sigmoid


# ---- polynomials (pond.py) -----------------------------------------------------------------------------

SIGMOID = {0: 0.5, 1: 0.2159198015, 3: -0.0082176259, 5: 0.0001825597, 7: -0.0000018848, 9: 0.0000000072}
TANH = {0: 0.0, 1: 0.852721056, 3: -0.12494112, 5: 0.010654528, 7: -0.000423424}
RELU = {
    0: 0.44015372000819103, 1: 0.5, 2: 0.11217537671414643, 4: -0.0013660836712429923,
    6: 9.009136367360004e-06, 8: -2.1097433984e-08,
}  # fmt: skip
LOG = {0: -3.35674972, 1: 12.79333646, 2: -26.18955259, 3: 30.24596692, 4: -17.30367641, 5: 3.82474222}
STEPS = {3: (2, 1), 4: (3, 1), 5: (2, 3), 6: (2, 4), 7: (2, 5), 8: (2, 6), 9: (2, 7)}
"""x^n as the product of two lower powers; an even polynomial has x^4 = x^2 x^2."""


def polynomial(weights: Mapping[int, float]) -> Callable:
    """sum_n w_n x^n, a product `power{n}` for each power: of a degree that Pond has."""
    steps = STEPS | ({4: (2, 2)} if 3 not in weights else {})

    def apply(box, x):
        powers = {1: x, 2: box.square(x, "power2")}
        for n in range(3, max(weights) + 1):
            if n in weights:
                i, j = steps[n]
                powers[n] = box.product(powers[i], powers[j], f"power{n}")
        total = powers[1] * weights[1] + weights[0]
        for n in sorted(weights)[2:]:
            total = total + powers[n] * weights[n]
        return total

    apply.__doc__ = " ".join(f"{w:+.3g} x^{n}" for n, w in sorted(weights.items())) + "."
    return apply


log = bounded("log", DOMAINS)(polynomial(LOG))  # the same in aby3.py, _log_private


def log1p(box, x):
    """log(1 + x); not TF Encrypted's."""
    return log(box, 1 + x)


# ---- the exponential (aby3.py, _exp_private and _exp2_private, "mp-spdz") ------------------------------


@bounded("exp", DOMAINS)
def exp(box, x):
    """2^(x log2 e): 2^i from the digits of the integer part, a polynomial for the fraction; 0 below -16 ln 2."""
    return _exp2(box, x * math.log2(math.e), negative=False)


@bounded("exp", NEGATIVE)
def negative_exp(box, x):
    """2^(x log2 e) for x known to be negative (`sign=-1`)."""
    return _exp2(box, x * math.log2(math.e), negative=True)


def _exp2(box, x, negative: bool):
    """2^i 2^r for the integer part i (modulo 32) and the fraction r; zero below -16.

    That threshold is the bit z of the paper's equation (2): `threshold/compare` and `threshold/select`.
    """
    digits = box.arith(box.bits(x, -FRACTION, DIGITS), x.dtype)
    fraction = combination(box, entries(box, digits, slice(FRACTION)), 2.0 ** np.arange(-FRACTION, 0))
    factors = _factors(box, x, entries(box, digits, slice(FRACTION, None)), negative)
    whole = _tree(box, [entries(box, factors, i) for i in range(DIGITS)])
    power = box.product(whole, _exp2_of_fraction(box, fraction), "product")
    with box.scope("threshold"):
        return box.select(box.less(x, full_like(x, -FRACTION)), full_like(x, 0), power)


def _factors(box, x, digits, negative: bool):
    """1 + b (2^m - 1) for m = 1, 2, 4, 8, 16; where x is negative, all of them together 2^-32 as large."""
    high = 2.0**2.0 ** np.arange(DIGITS)
    scales = np.array([0.5, 1, 1, 1, 1]) / high
    small = _line(box, digits, (high - 1) * scales, scales)
    if negative:
        return small
    sign = box.less(x, full_like(x, 0), "sign")
    wide = struct(digits.shape, bool)
    sign = box.structure(lambda b: jnp.broadcast_to(b[..., None], wide.shape), [sign], wide)
    return box.select(sign, small, _line(box, digits, high - 1, np.ones(DIGITS)), "factors")


def _line(box, x, slopes, offsets):
    slopes, offsets = (jnp.broadcast_to(jnp.asarray(v, x.dtype), x.shape) for v in (slopes, offsets))
    return x * slopes + offsets


def _tree(box, values: list):
    """The product of all values: halves first (`_prod_private`)."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return box.product(_tree(box, values[:half]), _tree(box, values[half:]), "whole")


def _exp2_of_fraction(box, r):
    """A polynomial of degree 5 for 2^r on [0, 1) (`_exp2_pade_private`)."""
    powers = {1: r}
    for n in range(2, len(EXP2)):
        powers[n] = box.product(powers[n // 2], powers[n - n // 2], f"power{n}")
    total = r * EXP2[1] + EXP2[0]
    for n in range(2, len(EXP2)):
        total = total + powers[n] * EXP2[n]
    return total


def softmax(box, x, axis):
    """exp(x - max x - 2^-16) / sum: a tree of comparisons, exponentials, one reciprocal, one product."""
    shifted = x - maximum(box, x, axis) - 2.0**-FRACTION
    with box.scope("exp"):
        numerator = negative_exp(box, box.protocol.raised(box, shifted))
    with box.scope("recip"):
        inverse = positive_reciprocal(box, box.total(numerator, axis, keepdims=True))
    return box.product(numerator, inverse, "product")


# ---- reciprocal and square roots (fp.py) ---------------------------------------------------------------


def reciprocal(box, x):
    """1 / x for either sign: the magnitude is normalised, its scale bears the sign."""
    sign = 1 - 2 * box.arith(box.less(x, full_like(x, 0), "sign"), x.dtype)
    magnitude = box.product(sign, x, "magnitude")
    return _reciprocal(box, x, magnitude, lambda scale: box.product(sign, scale, "signed"))


def positive_reciprocal(box, x):
    """1 / x for x known to be positive (`nonsigned=True`)."""
    return _reciprocal(box, x, x, lambda scale: scale)


def _reciprocal(box, x, magnitude, signed: Callable):
    """2.9281928 - 2 s on the significand s in [1/2, 1), then one quintic iteration (`_fp_recip_private`)."""
    significand, scale = _normalised(box, magnitude)
    y = box.product(2.9281928 - 2 * significand, signed(scale), "initial")
    error = 1 - box.product(x, y, "residual")
    square = box.square(error, "residual/square")
    step = box.product(box.product(y, 1 + square, "quintic/outer"), error + square, "quintic")
    return y + step


@bounded("reciprocal", DOMAINS)
def _normalised(box, x):
    """s in [1/2, 1) and 2^-e with x = s 2^e (`__fp_normalize`)."""
    with box.scope("norm"):
        digits = box.arith(_leading_bit(box, x, INTEGRAL), x.dtype)
        scale = combination(box, digits, 2.0 ** -(np.arange(-FRACTION, INTEGRAL) + 1.0))
        return box.product(x, scale, "product"), scale


@bounded("rsqrt", DOMAINS)
def rsqrt(box, x):
    """c in [1/4, 1/2) with x = c 2^e; a parabola and one Newton step; times 2^(-e/2) (`approx_sqrt_inv`)."""
    with box.scope("norm"):
        top = _leading_bit(box, x, HALF)
        digits = box.arith(top, x.dtype)
        c = box.product(x, combination(box, digits, 2.0 ** -(np.arange(-FRACTION, HALF) + 2.0)), "product")
    y = box.product(4.7979 * c - 5.9417, c, "initial") + 3.1855
    square = box.product(box.product(c, y, "newton/product"), y, "newton/square")
    y = box.product(y, 3 - square, "newton") * 0.5
    return box.product(y, _root_of_scale(box, top, digits), "product")


def _root_of_scale(box, top, digits):
    """2^(-e/2) from the position of the leading bit: a power of 2 for each pair, and its parity."""
    even, odd = (entries(box, top, slice(start, None, 2)) for start in (0, 1))
    pairs = box.arith(box.either(even, odd, "scale/pairs"), digits.dtype)
    whole = combination(box, pairs, 2.0 ** -(np.arange(-FRACTION, HALF, 2) / 2 + 1.0))
    parity = box.total(entries(box, digits, slice(1, None, 2)))
    return box.product(whole, 1 + parity * (math.sqrt(0.5) - 1), "scale")


def sqrt(box, x):
    """g = x y and h = y / 2 for y = 1 / sqrt(x); g <- g (1.5 - g h), once (`_fp_sqrt2`)."""
    with box.scope("rsqrt"):
        y = rsqrt(box, x)
    g = box.product(x, y, "product")
    return box.product(g, 1.5 - box.product(g, y * 0.5, "goldschmidt/product"), "goldschmidt")


def _leading_bit(box, x, integral: int):
    """Of the bits of weight 2^-16 to 2^(integral-1), only the highest that is set (`prefix_ORs`)."""
    return highest(box, prefix_or(box, box.bits(x, -FRACTION, integral)))


# ---- the protocols -------------------------------------------------------------------------------------

tf_encrypted = Protocol(
    name="tf-encrypted",
    exp=exp,
    reciprocal=reciprocal,
    log=log,
    log1p=log1p,
    sqrt=sqrt,
    rsqrt=rsqrt,
    tanh=bounded("tanh", DOMAINS)(polynomial(TANH)),
    erf=erf,
    sigmoid=piecewise(*THREE),
    softmax=softmax,
    domains=DOMAINS,
    vanishes=-12.0,
)
tf_encrypted_5 = replace(tf_encrypted, name="tf-encrypted-5", sigmoid=piecewise(*FIVE))
tf_encrypted_pond = replace(
    tf_encrypted,
    name="tf-encrypted-pond",
    sigmoid=bounded("sigmoid", DOMAINS_OF_POND)(polynomial(SIGMOID)),
    relu=bounded("relu", DOMAINS_OF_POND)(polynomial(RELU)),
    domains=DOMAINS_OF_POND,
)
