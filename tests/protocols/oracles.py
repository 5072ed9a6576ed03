"""The protocols' circuits once more, in plain NumPy doubles, with the error of any site: independent oracles.

Written from the frameworks' sources with plain expressions; they know nothing of the black box. An oracle is
`f(x, at)`: it passes each interactive result through `at("site", value)`, which adds that site's error to a
number or XORs it to a bit, as one corrupt party can.
"""

import math
from collections import Counter

import numpy as np


class At:
    """Errors by site name; `met` lists the sites in the order in which an oracle came by them."""

    def __init__(self, errors=None, prefix="", met=None, names=None):
        self.errors, self.prefix = errors or {}, prefix
        self.met = [] if met is None else met
        self.names = Counter() if names is None else names

    def under(self, scope):
        return At(self.errors, f"{self.prefix}{scope}/", self.met, self.names)

    def __call__(self, name, value):
        self.names[name := self.prefix + name] += 1
        name += f"#{n}" if (n := self.names[name]) > 1 else ""
        self.met.append((name, np.asarray(value).dtype == bool))
        error = self.errors.get(name)
        if error is None:
            return value
        return value ^ error if np.asarray(value).dtype == bool else value + error


# ---- CrypTen: crypten/common/functions/approximations.py ----------------------------------------------------


def exp(x, at):
    y = 1 + x / 256
    for i in range(8):
        y = at(f"square{i + 1}", y * y)
    return y


def newton(x, y, rounds, at):
    for i in range(rounds):
        square = at(f"newton{i + 1}/square", y * y)
        y = 2 * y - at(f"newton{i + 1}", square * x)
    return y


def start_of_code(x, at):
    return 3 * exp(1 - 2 * x, at.under("exp")) + 0.003


def start_of_paper(x, at):
    return 3 * exp(0.5 - x, at.under("exp")) + 0.003


def crypten_reciprocal(start):
    def reciprocal(x, at):
        sign = 1.0 - 2.0 * at("sign", x < 0)
        positive = at("positive", sign * x)
        return at("signed", sign * newton(positive, start(positive, at), 10, at))

    return reciprocal


def log(x, at):
    y = x / 120 - 20 * exp(-(2 * x + 1), at.under("initial")) + 3
    for i in (1, 2):
        here = at.under(f"householder{i}")
        h = 1 - here("product", x * exp(-y, here))
        power = {1: h}
        for k in range(2, 9):
            power[k] = here(f"power{k}", power[k // 2] * power[k - k // 2])
        y = y - sum(p / k for k, p in power.items())
    return y


def rsqrt(x, at):
    y = 2.2 * exp(-(x / 2 + 0.2), at.under("exp")) + 0.2 - x / 1024
    for i in (1, 2, 3):
        square = at(f"newton{i}/square", y * y)
        product = at(f"newton{i}/product", x * square)
        y = at(f"newton{i}", y * (3 - product)) / 2
    return y


def sqrt(x, at):
    return at("product", rsqrt(x, at) * x)


def sigmoid(x, at):
    negative = at("compare", x < 0)
    magnitude = at("abs", x * (1 - 2.0 * negative))
    y = newton(exp(-magnitude, at.under("exp")) + 1, 0.75 + 0 * x, 3, at.under("recip"))
    return at("select", np.where(negative, 1 - y, y))


def tanh(x, at):
    return 2 * sigmoid(2 * x, at.under("sigmoid")) - 1


def erf(x, at):
    square = at("square", x * x)
    power = total = x
    for n in range(1, 9):
        power = at(f"power{2 * n + 1}", power * square)
        total = total + (-1) ** n * power / (math.factorial(n) * (2 * n + 1))
    return 2 / math.sqrt(math.pi) * total


def largest_of_three(x, at):
    """The maximum of each row by two comparisons: the first two entries, then their winner and the third."""
    first = at("select1", np.where(at("compare1", x[:, 0] < x[:, 1]), x[:, 1], x[:, 0]))
    return at("select2", np.where(at("compare2", first < x[:, 2]), x[:, 2], first))[:, None]


def crypten_softmax(start):
    def softmax(x, at):
        e = exp(x - largest_of_three(x, at.under("max")), at.under("exp"))
        total, here = e.sum(-1, keepdims=True), at.under("recip")
        return at("product", e * newton(total, start(total, here), 10, here))

    return softmax


# ---- SecureML: the paper's section 3, and Mohassel and Zhang 2017 -------------------------------------------


def relu(x, at):
    return at("select", np.where(at("compare", x > 0), x, 0))


def piecewise_linear(x, at):
    b1, b2 = at("b1", x + 0.5 < 0), at("b2", x - 0.5 < 0)
    middle = at("middle", (b1 ^ True) * (x + 0.5))
    return at("product", b2 * middle) + (b2 ^ True)


def softmax_of_relus(x, at):
    r = relu(x, at.under("relu"))
    total, here = r.sum(-1, keepdims=True), at.under("recip")
    some = at("positive", total > 0)
    ratio = at("product", r * newton(total, start_of_paper(total, here), 10, here))
    return at("select", np.where(some, ratio, 1 / x.shape[-1]))


# ---- TF Encrypted: tf_encrypted/protocol/aby3/aby3.py and fp.py, pond/pond.py -------------------------------


def piecewise(cuts, lines):
    def sigmoid_(x, at):
        le = [at(f"compare{i + 1}", x > c) ^ True for i, c in enumerate(cuts)]
        ones = np.ones_like(x, bool)
        le_pivots, gt_pivots = [*le, ones], [ones, *(b ^ True for b in le)]
        parts = []
        for i, (a, b) in enumerate(lines):
            inside = at(f"piece{i + 1}", le_pivots[i] & gt_pivots[i])
            parts.append(at(f"product{i + 1}", inside * (a + b * x)))
        return sum(parts)

    return sigmoid_


THREE = piecewise((-2.5, 2.5), ((1e-4, 0), (0.50, 0.17), (1 - 1e-4, 0)))
FIVE = piecewise((-4, -1.5, 1.5, 4), ((1e-4, 0), (0.281, 0.066), (0.5, 0.212), (0.719, 0.066), (1 - 1e-4, 0)))


def pond_sigmoid(x, at):
    x2 = at("power2", x * x)
    x3 = at("power3", x2 * x)
    x5 = at("power5", x2 * x3)
    x7 = at("power7", x2 * x5)
    x9 = at("power9", x2 * x7)
    odd = 0.2159198015 * x - 0.0082176259 * x3 + 0.0001825597 * x5 - 0.0000018848 * x7
    return 0.5 + odd + 0.0000000072 * x9


def pond_relu(x, at):
    x2 = at("power2", x * x)
    x4 = at("power4", x2 * x2)
    x6 = at("power6", x2 * x4)
    x8 = at("power8", x2 * x6)
    even = 0.44015372000819103 + 0.11217537671414643 * x2 - 0.0013660836712429923 * x4
    return 0.5 * x + even + 9.009136367360004e-06 * x6 - 2.1097433984e-08 * x8


def pond_tanh(x, at):
    x2 = at("power2", x * x)
    x3 = at("power3", x2 * x)
    x5 = at("power5", x2 * x3)
    x7 = at("power7", x2 * x5)
    return 0.852721056 * x - 0.12494112 * x3 + 0.010654528 * x5 - 0.000423424 * x7


def pond_log(x, at):
    x2 = at("power2", x * x)
    x3 = at("power3", x2 * x)
    x4 = at("power4", x3 * x)
    x5 = at("power5", x2 * x3)
    low = -3.35674972 + 12.79333646 * x - 26.18955259 * x2
    return low + 30.24596692 * x3 - 17.30367641 * x4 + 3.82474222 * x5


def bits_of(x, low, high):
    """Two's complement digits of floor(x 2^-low), least first: shape (..., high - low)."""
    whole = np.floor(x * 2.0**-low).astype(np.int64)
    return (whole[..., None] >> np.arange(high - low) & 1).astype(bool)


def power_of_two(x, at, negative):
    """2^x as `_exp2_private` has it: 2^(i mod 32) 2^r, times 2^-32 where x is negative; 0 below -16."""
    bits = at("bits", bits_of(x, -16, 5))
    r = (bits[..., :16] * 2.0 ** np.arange(-16, 0)).sum(-1)
    sign = np.ones_like(x, bool) if negative else at("sign", x < 0)
    factor = 1 + bits[..., 16:] * (2.0**2.0 ** np.arange(5) - 1)
    small = factor * np.array([2.0**-2, 2.0**-2, 2.0**-4, 2.0**-8, 2.0**-16])  # 2^-32 in all
    factor = small if negative else at("factors", np.where(sign[..., None], small, factor))
    f = [factor[..., i] for i in range(5)]
    low = at("whole", f[0] * f[1])
    top = at("whole", f[3] * f[4])
    high = at("whole", f[2] * top)
    whole = at("whole", low * high)
    r2 = at("power2", r * r)
    r3 = at("power3", r * r2)
    r4 = at("power4", r2 * r2)
    r5 = at("power5", r2 * r3)
    u = 1 + 0.69314 * r + 0.24022 * r2 + 0.055504 * r3 + 0.0096183 * r4 + 0.0013327 * r5
    g = at("product", whole * u)
    out_of_range = at("threshold/compare", x < -16)
    return at("threshold/select", np.where(out_of_range, 0, g))


def aby3_exp(x, at):
    return power_of_two(x * np.log2(np.e), at, negative=False)


def leading(x, integral, at):
    """A one-hot row: the highest digit of x that is set."""
    y = at("bits", bits_of(x, -16, integral))
    width = 16 + integral
    for i in range(math.ceil(math.log2(width))):
        moved = np.concatenate([y, np.zeros((*y.shape[:-1], 2**i), bool)], -1)[..., 2**i :]
        y = at(f"or{i + 1}", y | moved)
    return y ^ np.concatenate([y, np.zeros((*y.shape[:-1], 1), bool)], -1)[..., 1:]


def aby3_reciprocal(x, at):
    sign = 1 - 2.0 * at("sign", x < 0)
    return quintic(x, at("magnitude", sign * x), lambda scale: at("signed", sign * scale), at)


def quintic(x, magnitude, signed, at):
    here = at.under("norm")
    scale = (leading(magnitude, 11, here) * 2.0 ** -(np.arange(-16, 11) + 1.0)).sum(-1)
    sgf = here("product", magnitude * scale)
    y = at("initial", (2.9281928 - 2 * sgf) * signed(scale))
    res = 1 - at("residual", x * y)
    res2 = at("residual/square", res * res)
    return y + at("quintic", at("quintic/outer", y * (1 + res2)) * (res + res2))


def aby3_rsqrt(x, at):
    here = at.under("norm")
    top = leading(x, 32, here)
    c = here("product", x * (top * 2.0 ** -(np.arange(-16, 32) + 2.0)).sum(-1))
    y = at("initial", (4.7979 * c - 5.9417) * c) + 3.1855
    square = at("newton/square", at("newton/product", c * y) * y)
    y = at("newton", y * (3 - square)) * 0.5
    even, odd = top[..., ::2], top[..., 1::2]
    pairs = at("scale/pairs", even | odd)
    whole = (pairs * 2.0 ** -(np.arange(-8, 16) + 1.0)).sum(-1)
    scale = at("scale", whole * (1 + odd.sum(-1) * (math.sqrt(0.5) - 1)))
    return at("product", y * scale)


def aby3_sqrt(x, at):
    y = aby3_rsqrt(x, at.under("rsqrt"))
    g = at("product", x * y)
    return at("goldschmidt", g * (1.5 - at("goldschmidt/product", g * y / 2)))


def aby3_softmax(x, at):
    shifted = x - largest_of_three(x, at.under("max")) - 2.0**-16
    e = power_of_two(shifted * np.log2(np.e), at.under("exp"), negative=True)
    total = e.sum(-1, keepdims=True)
    return at("product", e * quintic(total, total, lambda scale: scale, at.under("recip")))


# ---- which oracle speaks for which function of which protocol -----------------------------------------------

CRYPTEN = {
    "exp": exp, "reciprocal": crypten_reciprocal(start_of_code), "log": log,
    "log1p": lambda x, at: log(1 + x, at), "sqrt": sqrt, "rsqrt": rsqrt, "tanh": tanh, "erf": erf,
    "sigmoid": sigmoid, "softmax": crypten_softmax(start_of_code), "relu": relu,
}  # fmt: skip
PAPER = CRYPTEN | {
    "reciprocal": crypten_reciprocal(start_of_paper), "softmax": crypten_softmax(start_of_paper),
}  # fmt: skip
ABY3 = {
    "exp": aby3_exp, "reciprocal": aby3_reciprocal, "log": pond_log,
    "log1p": lambda x, at: pond_log(1 + x, at), "sqrt": aby3_sqrt, "rsqrt": aby3_rsqrt, "tanh": pond_tanh,
    "erf": erf, "sigmoid": THREE, "softmax": aby3_softmax, "relu": relu,
}  # fmt: skip
ORACLES = {
    "crypten": CRYPTEN,
    "crypten-paper": PAPER,
    "secureml": PAPER | {"sigmoid": piecewise_linear, "softmax": softmax_of_relus},
    "tf-encrypted": ABY3,
    "tf-encrypted-5": ABY3 | {"sigmoid": FIVE},
    "tf-encrypted-pond": ABY3 | {"sigmoid": pond_sigmoid, "relu": pond_relu},
}
SCOPES = {"reciprocal": "pow/recip"}
