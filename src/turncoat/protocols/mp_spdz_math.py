"""What MP-SPDZ builds its mathematics from: exponential, division, logarithm and square roots.

Formulas from Compiler/mpc_math.py, Compiler/library.py and Compiler/floatingpoint.py (commit 3a0a7b1d), with
the default precision: fixed-point numbers of k = 31 bits, f = 16 of them fractional. The exponential is that
of Aly and Smart (eprint 2019/354, protocol 6) with the optimisations of Keller and Sun (eprint 2022/933,
algorithm 2); division is Goldschmidt's iteration on a normalised divisor (Catrina and de Hoogh 2010,
protocol 3.3).

What reads digits sees its argument rounded down to 2^-16, and `grad` through digits is zero.
"""

from __future__ import annotations

import math

import numpy as np

from turncoat.core.protocol import Limits
from turncoat.core.values import full_like
from turncoat.protocols.digits import entries, replaced, shifted
from turncoat.protocols.polynomials import combination, polynomial

K, F = 31, 16  # types.py: sfix.set_precision(16, 31)
WHOLE_DIGITS = math.ceil(math.log2(K - F))  # mpc_math.exp2_fx: n_int_bits
THETA = math.ceil(math.log2(K / 3.5))  # library.FPDiv: 4 iterations
SQRT_ITERATIONS = max(math.ceil(math.log(K)), 6) - 3  # mpc_math.sqrt_simplified_fx: range(1, theta - 2)

# mpc_math.p_1045 (the name is Hart's, the numbers are ln(2)^i / i!), to the last coefficient that p_eval keeps
# at the precision of K - 2 bits
EXP2 = tuple(c for c in (math.log(2) ** i / math.factorial(i) for i in range(20)) if c >= 2.0 ** -(K - 1))
LOG2_NUMERATOR = (-2.05466671951, -8.8626599391, 6.10585199015, 4.81147460989)  # mpc_math.p_2524
LOG2_DENOMINATOR = (0.353553425277, 4.54517087629, 6.42784209029, 1.0)  # mpc_math.q_2524


# ---- exponential --------------------------------------------------------------------------------------------


def exp(box, x):
    """2^(x log2 e), by parts: a polynomial on the fraction, 1 + b_i (2^(2^i) - 1) for integer bits (exp2_fx).

    A negative exponent is read modulo 16, hence 2^16 too large, and the sign bit selects the smaller result.
    """
    digits = box.bits(x * math.log2(math.e), -F, K - F)  # two's complement
    below_one = box.arith(entries(box, digits, slice(F)), x.dtype)
    fraction = combination(box, below_one, 2.0 ** np.arange(-F, 0), "fraction")
    whole = _power_of_two(box, entries(box, digits, slice(F, F + WHOLE_DIGITS)), x.dtype)
    result = box.product(whole, polynomial(box, fraction, EXP2), "product")
    return box.select(entries(box, digits, -1), result * 2.0 ** -(2**WHOLE_DIGITS), result)


def _power_of_two(box, digits, dtype):
    """2^(b_0 + 2 b_1 + 4 b_2 + 8 b_3) (floatingpoint.Pow2_from_bits)."""
    bits = [box.arith(entries(box, digits, i), dtype) for i in range(WHOLE_DIGITS)]
    factors = [bit * (2.0**2**i - 1) + 1 for i, bit in enumerate(bits)]
    low = box.product(*factors[:2], "whole1")
    high = box.product(*factors[2:], "whole2")
    return box.product(low, high, "whole")


# ---- division -----------------------------------------------------------------------------------------------


def quotient(box, divisor, dividend, limits: Limits | None = None):
    """dividend / divisor by Goldschmidt's iteration q <- q (1 + e), e <- e^2 (library.FPDiv).

    It starts from w = 2.9142 - 2c with the divisor c normalised to [1/2, 1) (library.AppRcr). Zero for a
    divisor of zero. A public dividend saves one product, `quotient0`. `limits` are told to an engine that
    monitors, with the divisor's magnitude.
    """
    with box.scope("norm"):
        normalised, scale = _norm(box, divisor, limits)
    initial = box.product(2.9142 - 2 * normalised, scale, "initial")
    error = 1 - box.product(divisor, initial, "error0")
    result = box.product(dividend, initial, "quotient0")
    for i in range(1, THETA):
        result = box.product(result, 1 + error, f"quotient{i}")
        error = box.square(error, f"error{i}")
    return box.product(result, 1 + error, f"quotient{THETA}")


def _norm(box, y, limits: Limits | None):
    """(|y| s, sign(y) s) with the power of two s that brings |y| to [1/2, 1) (library.Norm)."""
    sign = 1 - 2 * box.arith(box.less(y, full_like(y, 0), "sign"), y.dtype)
    magnitude = box.product(sign, y, "abs")
    if limits is not None:
        box.argument("reciprocal", magnitude, limits)
    highest = _highest(box, _seen(box, magnitude, K - F))
    scale = combination(box, highest, 2.0 ** -np.arange(1 - F, K - F + 1.0))
    return box.product(magnitude, scale, "product"), box.product(sign, scale, "signed")


def _seen(box, x, hi: int):
    """For each digit of x below weight 2^hi, the number 1 if it or a higher one is set (floatingpoint.PreOR).

    The tree of PreOpL: in round i, every position (from the highest) with bit i set takes in the last one of
    the block before.
    """
    digits = box.bits(x, -F, hi)
    n = digits.shape[-1]
    for i in range((n - 1).bit_length()):
        target = np.array([t for t in range(n) if t >> i & 1])
        source = (target >> i << i) - 1
        target, source = n - 1 - target, n - 1 - source  # digits are stored least first
        pair = entries(box, digits, source), entries(box, digits, target)
        digits = replaced(box, digits, target, box.either(*pair, f"or{i + 1}"))
    return box.arith(digits, x.dtype)


def _highest(box, seen):
    """The highest digit that is set, as a one-hot row: differences of neighbours."""
    return seen - shifted(box, seen, 1)


# ---- logarithm and roots ----------------------------------------------------------------------------------


def log(box, x):
    """ln(2) (log2 v + e) for |x| = v 2^e with v in [1/2, 1), log2 v as a ratio of cubics (mpc_math.log2_fx).

    The sign is dropped, and 0 gives log2 v = -5.81, e = 0.
    """
    zero = box.equal(x, full_like(x, 0), "zero")  # floatingpoint.Int2FL
    magnitude = box.select(box.less(x, full_like(x, 0), "sign"), -x, x, "abs")
    with box.scope("norm"):
        seen = _seen(box, magnitude, K - F - 1)
        v = box.product(magnitude, _left_aligning(box, seen, -(K - F - 1)), "product")
    exponent = box.select(zero, full_like(x, 0), box.total(seen) - float(F), "exponent")
    with box.scope("numerator"):
        numerator = polynomial(box, v, LOG2_NUMERATOR)
    with box.scope("denominator"):
        denominator = polynomial(box, v, LOG2_DENOMINATOR)
    with box.scope("div"):
        ratio = quotient(box, denominator, numerator)
    return (ratio + exponent) * math.log(2)


def _left_aligning(box, seen, power: int):
    """2^(zeros + power), with the number of leading zeros: 1 + sum_i (1 - seen_i) 2^i from the highest."""
    n = seen.shape[-1]
    return combination(box, 1 - seen, 2.0 ** (np.arange(n)[::-1] + power)) + 2.0**power


def sqrt(box, x):
    """x / 2^(m/2) with the power of two from the highest digit, then Goldschmidt and a Newton step
    (mpc_math.sqrt_simplified_fx)."""
    with box.scope("norm"):
        highest = _highest(box, _seen(box, x, K - F))
    root, even = _half_power(box, highest)
    root = box.product(root * (math.sqrt(2) - 1), even, "odd") + root
    with box.scope("div"):
        inverse = quotient(box, root, 1)
    g, h = box.product(inverse, x, "g0"), inverse * 0.5
    gh = box.product(g, h, "gh0")
    for i in range(1, SQRT_ITERATIONS + 1):
        r = 1.5 - gh
        g, h = box.product(g, r, f"g{i}"), box.product(h, r, f"h{i}")
        gh = box.product(g, h, f"gh{i}")
    with box.scope("newton"):
        return _newton(box, x, box.product(h, 1.5 - gh, "h"))


def _half_power(box, highest):
    """2^ceil(e/2) for the highest digit 2^e, and whether e is even, where a factor sqrt(2) is missing
    (mpc_math.norm_simplified_SQ)."""
    e = np.arange(-F, K - F)
    root = combination(box, highest, 2.0 ** np.ceil(e / 2))
    return root, combination(box, highest, 1.0 - e % 2)


def _newton(box, x, h):
    """x h (3 - 4 h^2 x), which is sqrt(x) if h is near 1 / (2 sqrt(x)); a vanishing h is kept from growing."""
    square = 4 * box.square(h, "square")
    tiny = box.less(h, full_like(h, 2.0 ** (-F / 2) / 2))
    square = box.select(tiny, full_like(h, 0), square)
    inverse = box.product(h, 3 - box.product(square, x, "product"), "inverse")
    return box.product(inverse, x, "root")


def rsqrt(box, x):
    """(3.14736 - 5.77789 u + 4.63887 u^2) 2^(-(e+1)/2) for x = u 2^(e+1), u in [1/4, 1/2)
    (mpc_math.InvertSqrt, Sep and SqrtComp, after Lu et al. 2020)."""
    with box.scope("norm"):
        seen = _seen(box, x, K - F)
        u = box.product(x, _left_aligning(box, seen, -F), "product")
    slope = box.product(u, 4.63887 * u - 5.77789, "polynomial")
    e = np.arange(-F, K - F) + 1
    weights = np.where(e < K - F, 2.0 ** (-(e + 1) / 2), 0)  # the sign's digit takes no part
    none = 1 - entries(box, seen, 0)  # no digit at all is taken for a highest digit below the last
    compensation = combination(box, _highest(box, seen), weights) + none * 2.0 ** ((F - 1) / 2)
    return box.product(slope + 3.14736, compensation, "product")
