"""Protocol `crypten`: the approximations of CrypTen (Knott et al. 2021) as its code computes them.

Formulas from crypten/common/functions/approximations.py and configs/default.yaml (commit 775868a):
exponential by a limit, reciprocal and square root by Newton's method, logarithm by Householder's,
softmax after subtracting a maximum found by comparisons. log1p is ours: log(1 + x).
`DOMAINS` says where each approximation holds: measured, but for the logarithm, whose docstring says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from turncoat.core.protocol import Domains, Protocol, bounded
from turncoat.core.tournament import maximum
from turncoat.core.values import full_like

EXP_ITERATIONS = 8  # exp_iterations, log_exp_iterations
NEWTON_ITERATIONS = 10  # reciprocal_nr_iters
SQRT_ITERATIONS = 3  # sqrt_nr_iters
LOG_ITERATIONS, LOG_ORDER = 2, 8  # log_iterations, log_order
ERF_TERMS = 8  # erf_iterations
TRIG_ITERATIONS = 10  # trig_iterations

DOMAINS: Domains = {
    "exp": (-512.0, math.inf),  # below, 1 + x / 256 is less than -1; above 2, off by more than 0.8 %
    "reciprocal": (0.001, 253.0),  # of a magnitude
    "log": (1e-4, 250.0),
    "log1p": (1e-4 - 1, 249.0),
    "sqrt": (0.05, 170.0),
    "rsqrt": (0.05, 170.0),
    "sigmoid": (-506.0, 506.0),
    "tanh": (-253.0, 253.0),
    "erf": (-1.8, 1.8),
}
DOMAINS_OF_PAPER: Domains = DOMAINS | {"reciprocal": (0.001, 504.0)}


@bounded("exp", DOMAINS)
def exp(box, x):
    """(1 + x / 2^8)^(2^8) by repeated squaring; needs -512 < x."""
    result = 1 + x * 2.0**-EXP_ITERATIONS
    for i in range(EXP_ITERATIONS):
        result = box.square(result, f"square{i + 1}")
    return result


def initial_of_code(box, x):
    """3 exp(1 - 2x) + 0.003: CrypTen's code; Newton's method then converges on (0, 253]."""
    with box.scope("exp"):
        return 3 * exp(box, 1 - 2 * x) + 0.003


def initial_of_paper(box, x):
    """3 exp(0.5 - x) + 0.003: CrypTen's docstring and the paper (section 3); converges up to 504."""
    with box.scope("exp"):
        return 3 * exp(box, 0.5 - x) + 0.003


CODE, PAPER = (initial_of_code, DOMAINS), (initial_of_paper, DOMAINS_OF_PAPER)
"""The two initial values of the reciprocal, with the domains that follow from them."""


def newton_reciprocal(box, x, y, iterations: int):
    """y <- 2y - x y^2, from an initial value y."""
    for i in range(iterations):
        square = box.square(y, f"newton{i + 1}/square")
        y = 2 * y - box.product(square, x, f"newton{i + 1}")
    return y


def positive_reciprocal(initial: Callable, domains: Domains) -> Callable:
    """1 / x for x known to be positive (reciprocal_all_pos)."""

    @bounded("reciprocal", domains)
    def reciprocal(box, x):
        """y <- 2y - x y^2, ten times, from y = 3 exp(...) + 0.003."""
        return newton_reciprocal(box, x, initial(box, x), NEWTON_ITERATIONS)

    return reciprocal


def signed_reciprocal(initial: Callable, domains: Domains) -> Callable:
    """1 / x for either sign: sign(x) / (sign(x) x)."""

    def reciprocal(box, x):
        """sign(x) y with y <- 2y - |x| y^2, ten times, from y = 3 exp(1 - 2|x|) + 0.003 or its variant."""
        sign = _sign(box, x)
        positive = box.product(sign, x, "positive")
        return box.product(sign, positive_reciprocal(initial, domains)(box, positive), "signed")

    return reciprocal


def _sign(box, x):
    negative = box.less(x, full_like(x, 0), "sign")
    return 1 - 2 * box.arith(negative, x.dtype)


@bounded("log", DOMAINS)
def log(box, x):
    """Householder iterations of order 8: y <- y - sum_k h^k / k with h = 1 - x exp(-y)."""
    with box.scope("initial"):
        y = x * (1 / 120) - 20 * exp(box, -(2 * x + 1.0)) + 3.0
    for i in range(LOG_ITERATIONS):
        with box.scope(f"householder{i + 1}"):
            h = 1 - box.product(x, exp(box, -y), "product")
            y = y - _series(box, h)
    return y


def log1p(box, x):
    """log(1 + x); not CrypTen's."""
    return log(box, 1 + x)


def _series(box, h):
    """h + h^2 / 2 + ... + h^8 / 8."""
    powers = {1: h}
    for k in range(2, LOG_ORDER + 1):
        powers[k] = box.product(powers[k // 2], powers[k - k // 2], f"power{k}")
    total = h
    for k in range(2, LOG_ORDER + 1):
        total = total + powers[k] * (1 / k)
    return total


@bounded("rsqrt", DOMAINS)
def rsqrt(box, x):
    """y <- y (3 - x y^2) / 2 from 2.2 exp(-(x / 2 + 0.2)) + 0.2 - x / 1024."""
    with box.scope("exp"):
        y = 2.2 * exp(box, -(x * 0.5 + 0.2)) + 0.2
    y = y - x * (1 / 1024)
    for i in range(SQRT_ITERATIONS):
        name = f"newton{i + 1}"
        product = box.product(x, box.square(y, f"{name}/square"), f"{name}/product")
        y = box.product(y, 3 - product, name) * 0.5
    return y


def sqrt(box, x):
    """x / sqrt(x)."""
    return box.product(rsqrt(box, x), x, "product")


@bounded("sigmoid", DOMAINS)
def sigmoid(box, x):
    """1 / (1 + exp(-|x|)) by three Newton steps from 0.75, mirrored where x < 0."""
    negative = box.less(x, full_like(x, 0))
    magnitude = box.product(x, 1 - 2 * box.arith(negative, x.dtype), "abs")
    with box.scope("exp"):
        denominator = exp(box, -magnitude) + 1
    with box.scope("recip"):
        y = box.constant(full_like(x, 0.75))
        positive = newton_reciprocal(box, denominator, y, 3)
    return box.select(negative, 1 - positive, positive)


@bounded("tanh", DOMAINS)
def tanh(box, x):
    """2 sigmoid(2x) - 1."""
    with box.scope("sigmoid"):
        return 2 * sigmoid(box, 2 * x) - 1


@bounded("erf", DOMAINS)
def erf(box, x):
    """The Taylor series 2 / sqrt(pi) sum_n (-1)^n x^(2n+1) / (n! (2n+1)), to n = 8; diverges for large x."""
    square = box.square(x, "square")
    power, total = x, x
    for n in range(1, ERF_TERMS + 1):
        power = box.product(power, square, f"power{2 * n + 1}")
        total = total + power * ((-1) ** n / (math.factorial(n) * (2 * n + 1)))
    return total * (2 / math.sqrt(math.pi))


def sin(box, x):
    """The imaginary part of exp(i x), by ten squarings of 1 + i x / 2^10 (_eix)."""
    return _eix(box, x)[1]


def cos(box, x):
    """The real part of exp(i x)."""
    return _eix(box, x)[0]


def _eix(box, x):
    imaginary = x * 2.0**-TRIG_ITERATIONS
    real = 1 - box.square(imaginary, "squared/imaginary1")  # the real part was 1
    imaginary = imaginary * 2
    for i in range(2, TRIG_ITERATIONS + 1):
        squares = box.square(real, f"squared/real{i}") - box.square(imaginary, f"squared/imaginary{i}")
        real, imaginary = squares, 2 * box.product(imaginary, real, f"product{i}")
    return real, imaginary


def softmax(initial: Callable, domains: Domains) -> Callable:
    """The softmax with a given initial value in its reciprocal."""

    def apply(box, x, axis):
        """exp(x - max x) / sum: a tree of comparisons, exponentials, one reciprocal, one product."""
        shifted = x - maximum(box, x, axis)
        with box.scope("exp"):
            numerator = exp(box, box.protocol.raised(box, shifted))
        with box.scope("recip"):
            total = box.total(numerator, axis, keepdims=True)
            inverse = positive_reciprocal(initial, domains)(box, total)
        return box.product(numerator, inverse, "product")

    return apply


def _variant(name: str, initial: Callable, domains: Domains) -> Protocol:
    return Protocol(
        name=name,
        exp=exp,
        reciprocal=signed_reciprocal(initial, domains),
        log=log,
        log1p=log1p,
        sqrt=sqrt,
        rsqrt=rsqrt,
        tanh=tanh,
        erf=erf,
        sigmoid=sigmoid,
        softmax=softmax(initial, domains),
        domains=domains,
        others={"sin": sin, "cos": cos},
        vanishes=-(2.0**EXP_ITERATIONS),  # where 1 + x / 256 is zero
    )


crypten = _variant("crypten", *CODE)
crypten_paper = _variant("crypten-paper", *PAPER)
