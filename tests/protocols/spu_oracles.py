"""SPU's circuits in plain NumPy doubles, with the error of any site: written from kernel/hal/*.cc alone.

An oracle is `f(x, at)`; `at` is explained in `oracles.py`. Numbers have 64 bits, 18 of them fractional.
"""

import math

import numpy as np
from numpy.polynomial import chebyshev

from protocols.mp_spdz_oracles import largest_of_three
from protocols.oracles import exp, relu


def prefix_or(x, at):
    """ring.cc: six shifts and ORs on the bits of the word, least first."""
    b = at("bits", np.floor(x[..., None] / 2.0 ** np.arange(-18, 46)) % 2 == 1)
    for i in range(6):
        moved = np.zeros_like(b)
        moved[..., : 64 - 2**i] = b[..., 2**i :]
        b = at(f"or{i + 1}", b | moved)
    return b


def highest_one_bit(x, at):
    y = prefix_or(x, at)
    return np.logical_xor(y, np.concatenate([y[..., 1:], np.zeros_like(y[..., :1])], -1))


def bitrev(bits, end):
    """ring.cc: bit i of the lowest `end` becomes bit end - 1 - i, read as an integer."""
    return sum(bits[..., i] * 2.0 ** (end - 1 - i) for i in range(end))


def polynomial(coefficients, x, at):
    prefix = [x]
    while len(prefix) < len(coefficients) - 1:
        top = prefix[-1]
        for low in prefix[: len(coefficients) - 1 - len(prefix)]:
            prefix.append(at(f"power{len(prefix) + 1}", low * top))
    return coefficients[0] + sum(c * p for c, p in zip(coefficients[1:], prefix, strict=True))


def normalized(b_abs, at):
    """The divisor's factor 2^-m, and Goldschmidt's approximation of 1 / (divisor factor)."""
    here = at.under("norm")
    factor = bitrev(highest_one_bit(b_abs, here), 36) * 2.0**-18
    c = here("product", b_abs * factor)
    r = 2.9142 - 2 * c
    e = 1 - at("error0", c * r)
    r = at("result1", r * (e + 1))
    e = at("error1", e * e)
    return factor, at("result2", r * (e + 1))


def positive_reciprocal(b_abs, at):
    factor, r = normalized(b_abs, at)
    return at("factor", r * factor)


def reciprocal(b, at):
    negative = at("sign", b < 0)
    r = positive_reciprocal(at("abs", np.where(negative, -b, b)), at)
    return at("select", np.where(negative, -r, r))


def division(a, b, at):
    negative = at("sign", b < 0)
    factor, r = normalized(at("abs", np.where(negative, -b, b)), at)
    r = at("factor", at("dividend", r * a) * factor)
    return at("select", np.where(negative, -r, r))


def log(x, at):
    """log_minmax."""
    here = at.under("norm")
    pre = prefix_or(x, here)
    k = pre[..., :38].sum(-1)
    msb = np.logical_xor(pre, np.concatenate([pre[..., 1:], np.zeros_like(pre[..., :1])], -1))
    norm = here("product", x * bitrev(msb, 37) * 2.0**-18)
    coefficients = [0.0, 0.9999964239, -0.4998741238, 0.3317990258, -0.2407338084,
                    0.1676540711, -0.0953293897, 0.0360884937, -0.0064535442]  # fmt: skip
    return polynomial(coefficients, norm - 1, at) + (k - 19) * math.log(2)


def rsqrt(x, at):
    """f_rsqrt: rsqrt_np2, rsqrt_init_guess, rsqrt_comp."""
    here = at.under("norm")
    z = highest_one_bit(x, here)
    z = np.concatenate([np.zeros_like(z[..., :1]), z[..., :-1]], -1)
    u = here("product", x * bitrev(z, 36) * 2.0**-18)
    r = polynomial([4.14285016, -15.47994394, 38.4714796, -49.86605845, 26.02942339], u, at.under("guess"))
    even, odd = z[..., ::2], z[..., 1::2]
    a_rev = bitrev(np.logical_xor(even, odd), 18)
    c = np.where(even.sum(-1) % 2 == 1, 2**9 * math.sqrt(2), 2**9)
    compensation = at.under("compensation")("product", c * a_rev / 2.0**18)
    return at("product", r * compensation)


def sqrt(x, at):
    y0 = rsqrt(x, at.under("rsqrt"))
    g = at("g0", x * y0)
    return at("g1", g * (1.5 - at("gh0", g * y0 * 0.5)))


def sigmoid(x, at):
    return reciprocal(1 + exp(-x, at.under("exp")), at.under("recip"))


def sigmoid_seg3(x, at):
    below, above = at("below/compare", x < -4), at("above/compare", x > 4)
    inner = at("above/select", np.where(above, 1, 0.5 + 0.125 * x))
    return at("below/select", np.where(below, 0, inner))


TANH = [1.2514045938932097, -0.3655987797163166, 0.17253141478140663, -0.08943445792774211,
        0.047703017901250824, -0.025830290571688078, 0.014338801903468182, -0.008541730970059077,
        0.0061230685785789475]  # fmt: skip


def tanh(x, at):
    """tanh_chebyshev: after clamping, terms T1, T3, ..., T17 by their recurrence."""
    here = at.under("clamp")
    x = here("low/select", np.where(here("low/compare", x < -5), -5, x))
    x = here("high/select", np.where(here("high/compare", x < 5), x, 5)) * 0.2
    y = 4 * at("square", x * x) - 2
    poly = [x, at("degree3", x * (y - 1))]
    for degree in range(5, 18, 2):
        poly.append(at(f"degree{degree}", y * poly[-1]) - poly[-2])
    return sum(c * p for c, p in zip(TANH, poly, strict=True))


def honest_tanh(x):
    series = np.zeros(18)
    series[1::2] = TANH
    return chebyshev.chebval(np.clip(x, -5, 5) / 5, series)


def erf(x, at):
    negative = at("sign", x < 0)
    size = at("abs", x * (1 - 2.0 * negative))
    small = at("small/compare", size < 3)
    z = polynomial([1.0, 0.278393, 0.230389, 0.000972, 0.078108], size, at)
    z = at("square1", z * z)
    z = at("square2", z * z)
    y = at("small/select", np.where(small, 1 - positive_reciprocal(z, at.under("recip")), 1))
    return at("select", np.where(negative, -y, y))


def softmax(x, at):
    e = exp(x - largest_of_three(x, at.under("max")), at.under("exp"))
    return at("product", e * reciprocal(e.sum(-1, keepdims=True), at.under("recip")))


SPU = {
    "exp": exp, "reciprocal": reciprocal, "log": log, "log1p": lambda x, at: log(1 + x, at), "sqrt": sqrt,
    "rsqrt": rsqrt, "tanh": tanh, "erf": erf, "sigmoid": sigmoid, "softmax": softmax, "relu": relu,
}  # fmt: skip
ORACLES = {"spu": SPU, "spu-seg3": SPU | {"sigmoid": sigmoid_seg3}}
