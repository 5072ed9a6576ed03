"""MP-SPDZ's circuits in plain NumPy doubles, with the error of any site: written from Compiler/*.py alone.

An oracle is `f(x, at)`; `at` is explained in `oracles.py`. Numbers have k = 31 bits, f = 16 of them fractional.
"""

import math

import numpy as np

from protocols.oracles import relu

LIMIT = math.log(2.0**14)


def largest_of_three(x, at):
    """A tree over the columns of x: the first two, then their winner and the third."""
    a, b, c = (column[None] for column in x.T)
    a = at("select1", np.where(at("compare1", a < b), b, a))
    return at("select2", np.where(at("compare2", a < c), c, a)).T


def decompose(x, count, at):
    """bit_decompose: the lowest `count` bits of two's complement, least first."""
    weights = 2.0 ** np.arange(-16, count - 16)
    return at("bits", np.floor(x[..., None] / weights) % 2 == 1)


def pre_or(bits, at):
    """floatingpoint.PreOR by PreOpL, from the highest bit; as numbers, least first."""
    out = [bits[..., i] for i in reversed(range(bits.shape[-1]))]
    k = len(out)
    for i in range(math.ceil(math.log2(k))):
        jobs = []
        for j in range(k):
            y = 2**i + j * 2 ** (i + 1) - 1
            jobs += [(y, y + z) for z in range(1, 2**i + 1) if y + z < k]
        joined = at(f"or{i + 1}", np.stack([out[y] | out[t] for y, t in jobs], -1))
        for n, (_, t) in enumerate(jobs):
            out[t] = joined[..., n]
    return np.stack(out[::-1], -1) * 1.0


def one_hot(suffixes):
    above = np.concatenate([suffixes[..., 1:], 0 * suffixes[..., :1]], -1)
    return suffixes - above


def p_eval(coefficients, x, at):
    power = {1: x}
    for n in range(2, len(coefficients)):
        p = max(q for q in (1, 2, 4, 8) if q < n)
        power[n] = at(f"power{n}", power[p] * power[n - p])
    return coefficients[0] + sum(c * power[i] for i, c in enumerate(coefficients) if i)


def exp(x, at):
    """mpc_math.exp2_fx of x log2(e), bits as `bit_decompose` gives them."""
    bits = decompose(x * math.log2(math.e), 31, at)
    lower = (bits[..., :16] * 2.0 ** np.arange(-16, 0)).sum(-1)
    t = [1 + bits[..., 16 + i] * (2.0 ** (2**i) - 1) for i in range(4)]
    d = at("whole", at("whole1", t[0] * t[1]) * at("whole2", t[2] * t[3]))
    taylor = [math.log(2) ** i / math.factorial(i) for i in range(11)]
    g = at("product", d * p_eval(taylor, lower, at))
    return at("select", np.where(bits[..., 30], g / 2**16, g))


def exp_with_z(x, at):
    return at("threshold/select", np.where(at("threshold/compare", x > -LIMIT), exp(x, at), 0))


def division(a, b, at, public=False):
    """library.FPDiv, AppRcr and Norm."""
    here = at.under("norm")
    sign = 1 - 2.0 * here("sign", b < 0)
    absolute = here("abs", sign * b)
    z = one_hot(pre_or(decompose(absolute, 31, here), here))
    acc = (z * 2.0 ** (15 - np.arange(31))).sum(-1)
    c, v = here("product", absolute * acc), here("signed", sign * acc)
    w = at("initial", (2.9142 - 2 * c) * v)
    x = 1 - at("error0", b * w)
    y = a * w if public else at("quotient0", a * w)
    for i in (1, 2, 3):
        y = at(f"quotient{i}", y * (1 + x))
        x = at(f"error{i}", x * x)
    return at("quotient4", y * (1 + x))


def reciprocal(x, at):
    return division(1, x, at, public=True)


def log(x, at):
    """mpc_math.log2_fx with floatingpoint.Int2FL, times ln 2."""
    s, z = at("sign", x < 0), at("zero", x == 0)
    a = at("abs", np.where(s, -x, x))
    here = at.under("norm")
    b = pre_or(decompose(a, 30, here), here)
    t = here("product", a * (1 + ((1 - b) * 2.0 ** np.arange(30)[::-1]).sum(-1)) * 2.0**-14 + 0 * a)
    p = at("exponent", np.where(z, 0, b.sum(-1) - 16))
    upper = p_eval([-2.05466671951, -8.8626599391, 6.10585199015, 4.81147460989], t, at.under("numerator"))
    lower = p_eval([0.353553425277, 4.54517087629, 6.42784209029, 1], t, at.under("denominator"))
    return math.log(2) * (division(upper, lower, at.under("div")) + p)


def sqrt(x, at):
    """mpc_math.sqrt_simplified_fx."""
    here = at.under("norm")
    z = one_hot(pre_or(decompose(x, 31, here), here))
    m_odd = z[..., ::2].sum(-1)
    w = z[..., 0] * 2.0**-8
    for i in range(1, 16):
        w = w + 2.0 ** (i - 8) * (z[..., 2 * i - 1] + z[..., 2 * i])
    w = at("odd", (w * 2**0.5 - w) * m_odd) + w
    y = division(1, w, at.under("div"), public=True)
    g, h = at("g0", y * x), y * 0.5
    gh = at("gh0", g * h)
    for i in (1, 2, 3):
        r = 1.5 - gh
        g, h = at(f"g{i}", g * r), at(f"h{i}", h * r)
        gh = at(f"gh{i}", g * h)
    here = at.under("newton")
    h = here("h", h * (1.5 - gh))
    small = here("compare", h < 2**-8 / 2)
    factor = here("select", np.where(small, 0, 4 * here("square", h * h)))
    factor = here("inverse", h * (3 - here("product", factor * x)))
    return here("root", factor * x)


def rsqrt(x, at):
    """mpc_math.InvertSqrt, Sep and SqrtComp."""
    here = at.under("norm")
    b = pre_or(decompose(x, 31, here), here)[..., ::-1]
    t = x * (1 + ((1 - b) * 2.0 ** np.arange(31)).sum(-1))
    u = here("product", t * 2.0**-16)
    b = np.concatenate([b, np.ones_like(b[..., :1])], -1)
    z = [b[..., i + 1] - b[..., i] for i in reversed(range(31))]
    compensation = sum(z[i] * 2 ** (-(i - 16 + 1) / 2) for i in range(31))
    c = 3.14736 + at("polynomial", u * (4.63887 * u - 5.77789))
    return at("product", c * compensation)


def sanitized(x, inside, limit, low, at):
    below, above = at("below/compare", x < -limit), at("above/compare", x > limit)
    inner = at("above/select", np.where(above, 1, inside))
    return at("below/select", np.where(below, low, inner))


def sigmoid(x, at):
    raw = division(1, 1 + exp(-x, at.under("exp")), at.under("div"), public=True)
    return sanitized(x, raw, LIMIT, 0, at)


def sigmoid3(x, at):
    """ml.approx_sigmoid: a.if_else(0, b.if_else(1, 0.5 + x))."""
    return sanitized(x, 0.5 + x, 0.5, 0, at)


def sigmoid5(x, at):
    cuts = [-5, -2.5, 2.5, 5]
    le = [at(f"compare{i + 1}", x > cut) ^ True for i, cut in enumerate(cuts)]
    le = [0 * x, *(b * 1.0 for b in le), 1 + 0 * x]
    lines = [1e-4, 0.02776 * x + 0.145, 0.17 * x + 0.5, 0.02776 * x + 0.85498, 1 - 1e-4]
    parts = [(le[i + 1] - le[i]) * lines[i] for i in range(5)]
    return parts[0] + sum(at(f"piece{i + 1}", parts[i]) for i in (1, 2, 3)) + parts[4]


def tanh(x, at):
    y = exp(2 * x, at.under("exp"))
    return sanitized(x, division(y - 1, y + 1, at.under("div")), math.log(2.0**13) / 2, -1, at)


def erf(x, at):
    """GELU is x sigmoid(0.071355 x^3 + 1.595769 x), and x (1 + erf(x / sqrt 2)) / 2."""
    s = math.sqrt(2)
    cube = at("cube", at("square", x * x) * x)
    return 2 * sigmoid(0.071355 * s**3 * cube + 1.595769 * s * x, at.under("sigmoid")) - 1


def softmax(x, at):
    m = largest_of_three(x, at.under("max")) + (math.log(x.shape[-1]) - LIMIT)
    e = exp_with_z(x - m, at.under("exp"))
    return division(e, e.sum(-1, keepdims=True), at.under("div"))


def softmax_of_relus(x, at):
    relus = relu(x, at.under("relu"))
    return at("product", relus * reciprocal(relus.sum(-1, keepdims=True), at.under("recip")))


MP_SPDZ = {
    "exp": exp, "reciprocal": reciprocal, "log": log, "log1p": lambda x, at: log(1 + x, at), "sqrt": sqrt,
    "rsqrt": rsqrt, "tanh": tanh, "erf": erf, "sigmoid": sigmoid, "softmax": softmax, "relu": relu,
}  # fmt: skip
APPROX = MP_SPDZ | {"sigmoid": sigmoid3, "softmax": softmax_of_relus}
ORACLES = {
    "mp-spdz": MP_SPDZ,
    "mp-spdz-approx": APPROX,
    "mp-spdz-approx5": APPROX | {"sigmoid": sigmoid5},
    "mp-spdz-paper": MP_SPDZ | {"exp": exp_with_z},
}
