"""Protocol `spu`: the functions of SecretFlow SPU as it lowers a JAX program.

Formulas from src/libspu/kernel/hal/fxp_approx.cc and fxp_base.cc (commit 02ac612d), with the defaults of
src/libspu/core/config.cc for the field FM64: 18 fractional bits in Z_2^64, exponential by its limit in 8
squarings, 2 Goldschmidt iterations, logarithm by a minimax polynomial, real sigmoid. The exponential is not
clamped (SPU's EXP_PADE is, and is not the default).

`jax.nn.softmax` comes to exp(x - max x) times the reciprocal of the sum: a compiler pass
(optimize_denominator_with_broadcast.cc) turns the division by a broadcast sum into one reciprocal a row.
SPU raises to a power by another exponential (exp_pade); here a power is exp(y log x).

Variant `spu-seg3`: `sigmoid_mode` SIGMOID_SEG3. What reads digits sees its argument rounded down to 2^-18,
and `grad` through digits is zero.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from turncoat.core.protocol import Domains, Limits, Protocol, bounded
from turncoat.core.tournament import leading, maximum, pairs, row, with_odd
from turncoat.core.values import full_like
from turncoat.protocols.digits import entries, highest, prefix_or, shifted
from turncoat.protocols.pieces import clamped
from turncoat.protocols.polynomials import combination, joined, polynomial

K, F = 64, 18  # FieldType FM64 and its defaultFxpBits
EXP_ITERATIONS = 8  # fxp_exp_iters
DIV_ITERATIONS = 2 if F < 30 else 3  # fxp_div_goldschmidt_iters; reciprocal_goldschmidt_normalized_approx

LOG = (0.0, 0.9999964239, -0.4998741238, 0.3317990258, -0.2407338084,
       0.1676540711, -0.0953293897, 0.0360884937, -0.0064535442)  # fmt: skip
RSQRT = (4.14285016, -15.47994394, 38.4714796, -49.86605845, 26.02942339)
ERF = (1.0, 0.278393, 0.230389, 0.000972, 0.078108)
TANH = (1.2514045938932097, -0.3655987797163166, 0.17253141478140663, -0.08943445792774211,
        0.047703017901250824, -0.025830290571688078, 0.014338801903468182, -0.008541730970059077,
        0.0061230685785789475)  # fmt: skip

FACTOR = 2.0**F  # a divisor's power of two has 2 F digits: its factor lies between 2^-F and 2^(F-1)
TOP = 2.0 ** (K - F - 2)  # what can be compared
EXP_TOP = math.log(2.0 ** (K - 1 - 2 * F))  # 18.7: its last square is formed before truncation
DOMAINS: Domains = {
    "exp": (-2.0 * 2**EXP_ITERATIONS, EXP_TOP),  # below, 1 + x / 256 is less than -1
    "reciprocal": (1 / FACTOR, FACTOR),  # of a magnitude
    "log": (1 / FACTOR, 2 * FACTOR),
    "log1p": (1 / FACTOR - 1, 2 * FACTOR - 1),
    "sqrt": (1 / FACTOR, FACTOR / 2),
    "rsqrt": (1 / FACTOR, FACTOR / 2),
    "sigmoid": (-EXP_TOP, 500.0),  # exp(-x): too large below, rises again above
    "tanh": (-TOP, TOP),
    "erf": (-TOP, TOP),
}
DOMAINS_OF_SEG3: Domains = DOMAINS | {"sigmoid": (-TOP, TOP)}


@bounded("exp", DOMAINS)
def exp(box, x):
    """(1 + x / 2^8)^(2^8) by repeated squaring (exp_taylor)."""
    result = x * 2.0**-EXP_ITERATIONS + 1
    for i in range(EXP_ITERATIONS):
        result = box.square(result, f"square{i + 1}")
    return result


# ---- digits -----------------------------------------------------------------------------------------------


def _seen(box, x):
    """For each digit of x, whether it or a higher one is set: six shifts and ORs (ring.cc, _prefix_or)."""
    return prefix_or(box, box.bits(x, -F, K - F))


def _reversed(box, digits, count: int, power: int, dtype):
    """sum_i b_i 2^(power - i) over the lowest `count` digits (ring.cc, _bitrev, and maskNumberOfBits)."""
    low = box.arith(entries(box, digits, slice(count)), dtype)
    return combination(box, low, 2.0 ** (power - np.arange(count)), "reversed")


# ---- division -----------------------------------------------------------------------------------------------


def quotient(box, divisor, dividend, limits: Limits | None = None):
    """dividend / divisor for either sign: Goldschmidt's iterations on |divisor| (div_goldschmidt_general).

    With a dividend of 1 and no product for it: reciprocal_goldschmidt. `limits` are told to an engine that
    monitors, with the divisor's magnitude.
    """
    negative = box.less(divisor, full_like(divisor, 0), "sign")
    magnitude = box.select(negative, -divisor, divisor, "abs")
    if limits is not None:
        box.argument("reciprocal", magnitude, limits)
    result = _positive(box, magnitude, dividend)
    return box.select(negative, -result, result)


def _positive(box, divisor, dividend=1):
    """dividend / divisor > 0: r <- r (1 + e), e <- e^2 from r = 2.9142 - 2c, c = divisor * factor in [1/2, 1).

    Zero for a divisor beyond the digits of the factor (reciprocal_goldschmidt_normalized_approx).
    """
    with box.scope("norm"):
        factor = _reversed(box, highest(box, _seen(box, divisor)), 2 * F, F - 1, divisor.dtype)
        c = box.product(divisor, factor, "product")
    r = 2.9142 - 2 * c
    e = 1 - box.product(c, r, "error0")
    for i in range(1, DIV_ITERATIONS + 1):
        r = box.product(r, e + 1, f"result{i}")
        if i < DIV_ITERATIONS:
            e = box.square(e, f"error{i}")
    r = box.product(r, dividend, "dividend")
    return box.product(r, factor, "factor")


def reciprocal(box, x):
    """1 / x for either sign (reciprocal_goldschmidt)."""
    return quotient(box, x, 1, DOMAINS["reciprocal"])


def divide(protocol, box, x, y):
    """x / y (f_div)."""
    return quotient(box, y, x, DOMAINS["reciprocal"])


# ---- logarithm and roots ----------------------------------------------------------------------------------


@bounded("log", DOMAINS)
def log(box, x):
    """log(v) + e ln(2) for x = v 2^e, v in [1, 2), with a minimax polynomial in v - 1 (log_minmax)."""
    with box.scope("norm"):
        seen = _seen(box, x)
        factor = _reversed(box, highest(box, seen), 2 * F + 1, F, x.dtype)
        v = box.product(x, factor, "product")
    digits = box.total(box.arith(entries(box, seen, slice(2 * F + 2)), x.dtype))
    return polynomial(box, v - 1, LOG) + (digits - float(F + 1)) * math.log(2)


@bounded("log1p", DOMAINS)
def log1p(box, x):
    """log(1 + x) (f_log1p)."""
    return log(box, x + 1)


@bounded("rsqrt", DOMAINS)
def rsqrt(box, x):
    """p(u) 2^(-(e+1)/2) for x = u 2^(e+1), u in [1/4, 1/2), with a quartic p (f_rsqrt)."""
    with box.scope("norm"):
        next_ = shifted(box, highest(box, _seen(box, x)), -1)  # rsqrt_np2: 2^e, the next power of two above
        u = box.product(x, _reversed(box, next_, 2 * F, F - 1, x.dtype), "product")
    with box.scope("guess"):
        guess = polynomial(box, u, RSQRT)
    with box.scope("compensation"):
        compensation = _compensation(box, next_, x.dtype)
    return box.product(guess, compensation, "product")


def _compensation(box, power, dtype):
    """2^(-(e+1)/2) from the digits of 2^e: half the exponent, and sqrt(2) for what is lost (rsqrt_comp).

    Digit i has weight 2^(i - F), and F is even.
    """
    even, odd = (entries(box, power, slice(start, None, 2)) for start in (0, 1))
    half = box.xor(even, odd)
    whole = _reversed(box, half, F // 2 * 2, F // 2 - 1, dtype)
    root, one = full_like(whole, math.sqrt(2)), full_like(whole, 1)
    return box.product(box.select(_parity(box, even), root, one), whole, "product")


def _parity(box, bits):
    """XOR of all digits: local."""
    x = leading(box, bits, (len(bits.shape) - 1,))
    while (n := x.shape[0]) > 1:
        x = with_odd(box, box.xor(*pairs(box, x)), x, n)
    return row(box, x, 0)


@bounded("sqrt", DOMAINS)
def sqrt(box, x):
    """g (3/2 - g h) with g = x / sqrt(x), h = 1 / (2 sqrt(x)): one Goldschmidt iteration (f_sqrt).

    The code updates h as well and drops it; that product reaches nothing and is left out.
    """
    with box.scope("rsqrt"):
        y = rsqrt(box, x)
    g = box.product(x, y, "g0")
    r = 1.5 - box.product(g, y * 0.5, "gh0")
    return box.product(g, r, "g1")


# ---- sigmoid, tanh, erf, softmax ----------------------------------------------------------------------------


@bounded("sigmoid", DOMAINS)
def sigmoid(box, x):
    """1 / (1 + exp(-x)) (sigmoid_real)."""
    with box.scope("exp"):
        e = exp(box, -x)
    with box.scope("recip"):
        return quotient(box, e + 1, 1)  # zero beyond the reciprocal's domain, as it should be


def sigmoid_seg3(box, x):
    """x < -4 ? 0 : (4 < x ? 1 : 1/2 + x/8) (sigmoid_seg3)."""
    return clamped(box, x, x * 0.125 + 0.5, 4.0, 0.0)


@bounded("tanh", DOMAINS)
def tanh(box, x):
    """A Chebyshev series of degree 17 on [-5, 5], after clamping (tanh_chebyshev)."""
    with box.scope("clamp"):
        for name, bound in (("low", -5.0), ("high", 5.0)):  # ring.cc, _clamp
            end = full_like(x, bound)
            below = box.less(x, end, f"{name}/compare")
            ends = (end, x) if name == "low" else (x, end)
            x = box.select(below, *ends, f"{name}/select")
    x = x * 0.2
    y = 4 * box.square(x, "square") - 2  # compute_chebyshev_polynomials: T_(2n+1) = y T_(2n-1) - T_(2n-3)
    series = [x, box.product(x, y - 1, "degree3")]
    while len(series) < len(TANH):
        degree = 2 * len(series) + 1
        series.append(box.product(y, series[-1], f"degree{degree}") - series[-2])
    return combination(box, joined(box, series), TANH)


@bounded("erf", DOMAINS)
def erf(box, x):
    """sign(x) (1 - p(|x|)^-4) below |x| = 3, sign(x) beyond; p of degree 4 (f_erf, ErfImpl)."""
    negative = box.less(x, full_like(x, 0), "sign")
    magnitude = box.product(1 - 2 * box.arith(negative, x.dtype), x, "abs")
    small = box.less(magnitude, full_like(x, 3), "small/compare")
    z = polynomial(box, magnitude, ERF)
    fourth = box.square(box.square(z, "square1"), "square2")
    with box.scope("recip"):
        inside = 1 - _positive(box, fourth)
    result = box.select(small, inside, full_like(x, 1), "small/select")
    return box.select(negative, -result, result)


def softmax(box, x, axis):
    """exp(x - max x) times 1 / sum, one reciprocal a row.

    The maximum's tree compares neighbours; SPU's (kernel/hlo/reduce.cc, TreeReduce) the two halves.
    """
    below = x - maximum(box, x, axis)
    with box.scope("exp"):
        e = exp(box, box.protocol.raised(box, below))
    with box.scope("recip"):
        inverse = reciprocal(box, box.total(e, axis, keepdims=True))
    return box.product(e, inverse, "product")


spu = Protocol(
    name="spu",
    exp=exp,
    reciprocal=reciprocal,
    log=log,
    log1p=log1p,
    sqrt=sqrt,
    rsqrt=rsqrt,
    tanh=tanh,
    erf=erf,
    sigmoid=sigmoid,
    softmax=softmax,
    divide=divide,
    domains=DOMAINS,
    vanishes=-(2.0**EXP_ITERATIONS),  # where 1 + x / 256 is zero
)
spu_seg3 = replace(spu, name="spu-seg3", sigmoid=sigmoid_seg3, domains=DOMAINS_OF_SEG3)
