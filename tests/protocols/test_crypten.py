"""Protocol `crypten` against the formulas of CrypTen's code, written out again in NumPy's double precision.

The oracles follow crypten/common/functions/approximations.py with plain loops and know nothing of the black
box. Numbers that the paper's analysis rests on are pinned: where the exponential turns over, where Newton's
reciprocal stops to converge, and what one flipped sign bit does to the sigmoid.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc

# ---- oracles ----------------------------------------------------------------------------------------------


def exp_(x):
    y = 1 + x / 256
    for _ in range(8):
        y = y * y
    return y


def newton(x, y, rounds):
    for _ in range(rounds):
        y = 2 * y - y * y * x
    return y


def reciprocal_code(x):
    s = np.where(x < 0, -1.0, 1.0)
    return s * newton(s * x, 3 * exp_(1 - 2 * s * x) + 0.003, 10)


def reciprocal_paper(x):
    s = np.where(x < 0, -1.0, 1.0)
    return s * newton(s * x, 3 * exp_(0.5 - s * x) + 0.003, 10)


def log_(x):
    y = x / 120 - 20 * exp_(-(2 * x + 1)) + 3
    for _ in range(2):
        h = 1 - x * exp_(-y)
        y = y - sum(h**k / k for k in range(1, 9))
    return y


def rsqrt_(x):
    y = 2.2 * exp_(-(x / 2 + 0.2)) + 0.2 - x / 1024
    for _ in range(3):
        y = y * (3 - x * y * y) / 2
    return y


def sigmoid_(x, flipped=False):
    negative = (x < 0) ^ flipped
    magnitude = np.where(negative, -x, x)
    positive = newton(exp_(-magnitude) + 1, 0.75, 3)
    return np.where(negative, 1 - positive, positive)


def erf_(x):
    series = sum((-1) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(9))
    return 2 / math.sqrt(math.pi) * series


def softmax_(x):
    e = exp_(x - x.max(-1, keepdims=True))
    total = e.sum(-1, keepdims=True)
    return e * newton(total, 3 * exp_(1 - 2 * total) + 0.003, 10)


def tanh_(x):
    return 2 * sigmoid_(2 * x) - 1


# name: (function, oracle, domain, accuracy of the oracle against the true function there)
FUNCTIONS = {
    "exp": (jnp.exp, exp_, (-8.0, 1.5), 0.025),
    "reciprocal": (lambda x: 1 / x, reciprocal_code, (0.02, 250.0), 1e-2),
    "reciprocal of a negative": (lambda x: 1 / x, reciprocal_code, (-250.0, -0.02), 1e-2),
    "integer power": (lambda x: x**-2, lambda x: reciprocal_code(x * x), (0.2, 15.0), 1e-2),
    "log": (jnp.log, log_, (0.01, 200.0), 6e-2),
    "log1p": (jnp.log1p, lambda x: log_(1 + x), (-0.9, 100.0), 5e-2),
    "sqrt": (jnp.sqrt, lambda x: x * rsqrt_(x), (0.05, 150.0), 3e-2),
    "rsqrt": (lax.rsqrt, rsqrt_, (0.1, 150.0), 3e-2),
    "sigmoid": (lax.logistic, sigmoid_, (-250.0, 250.0), 4e-3),
    "tanh": (jnp.tanh, tanh_, (-120.0, 120.0), 8e-3),
    "erf": (lax.erf, erf_, (-1.5, 1.5), 1e-2),
}
WHOLE = {
    "softmax": (tc.functions.softmax, softmax_, (-30.0, 30.0), 5e-3),
    "library sigmoid": (tc.functions.sigmoid, sigmoid_, (-250.0, 250.0), 4e-3),
}


def points(domain, count=41):
    return np.linspace(*domain, count)


def run(f, x, protocol="crypten", **options):
    """f at x under a protocol, in double precision."""
    with jax.enable_x64(True):
        return np.asarray(tc.secure(f, protocol=protocol)(jnp.asarray(x, jnp.float64), **options))


@pytest.mark.parametrize("name", [*FUNCTIONS, *WHOLE])
def test_a_function_is_its_formula(name):
    f, formula, domain, _ = (FUNCTIONS | WHOLE)[name]
    x = points(domain, 42).reshape(6, 7)
    np.testing.assert_allclose(run(f, x), formula(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [*FUNCTIONS, *WHOLE])
def test_a_formula_approximates_its_function(name):
    f, formula, domain, accuracy = (FUNCTIONS | WHOLE)[name]
    x = points(domain)
    with jax.enable_x64(True):
        true = np.asarray(f(jnp.asarray(x)))
    assert np.max(np.abs(formula(x) - true)) < accuracy


def test_single_precision_is_near():
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    for f, formula in ((jnp.exp, exp_), (lax.logistic, sigmoid_), (jnp.tanh, tanh_)):
        got = tc.secure(f, protocol="crypten")(jnp.asarray(x))
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, formula(x.astype(float)), rtol=1e-4, atol=1e-5)


# ---- numbers of the analysis --------------------------------------------------------------------------------


def test_the_exponential_turns_over_below_minus_512():
    got = run(jnp.exp, np.array([-256.0, -512.0, -520.0, -600.0]))
    assert got[0] == 0
    assert got[1] == 1
    assert got[2] == pytest.approx(2637, rel=1e-3)
    assert got[3] == pytest.approx(7e32, rel=0.05)
    assert np.all(np.diff(run(jnp.exp, np.linspace(-256, 5, 100))) >= 0)


@pytest.mark.parametrize(("protocol", "last"), [("crypten", 253), ("crypten-paper", 504)])
def test_the_domain_of_the_reciprocal(protocol, last):
    x = np.arange(1.0, 700.0)
    with np.errstate(all="ignore"):
        good = np.abs(run(lambda x: 1 / x, x, protocol) * x - 1) < 0.05
    assert int(x[good][-1]) == last if np.all(good[:last]) and not np.any(good[last:]) else False


def test_the_two_initial_values():
    x = points((0.1, 250.0))
    np.testing.assert_allclose(run(lambda x: 1 / x, x, "crypten-paper"), reciprocal_paper(x), rtol=1e-9)
    below = np.array([300.0])
    assert abs(run(lambda x: 1 / x, below)[0]) > 1e3
    assert run(lambda x: 1 / x, below, "crypten-paper")[0] == pytest.approx(1 / 300, rel=1e-3)


def test_a_flipped_sign_bit_is_an_amplifier():
    x = np.array([-2.0, 4.0])
    flipped = run(lax.logistic, x, errors={"sigmoid/compare": np.array([True, True])})
    np.testing.assert_allclose(flipped, sigmoid_(x, flipped=True), rtol=1e-9)
    assert flipped[0] == pytest.approx(-7e4, rel=0.1)
    assert flipped[1] == pytest.approx(1e11, rel=0.5)


def test_a_flip_in_the_maximum_shifts_the_softmax_little():
    x = np.array([[1.0, 3.0, -2.0]])
    wrong = run(tc.functions.softmax, x, errors={"softmax/max/compare1": np.array([[True]])})
    honest = run(tc.functions.softmax, x)
    assert np.max(np.abs(wrong - honest)) < 0.05  # the maximum is only for the range
    assert np.any(wrong != honest)


# ---- sites ---------------------------------------------------------------------------------------------------


def names(f, *args, protocol="crypten"):
    return list(tc.secure(f, protocol=protocol).surface(*args).sites)


EXP = [f"square{i}" for i in range(1, 9)]
SERIES = [*EXP, "product", *(f"power{k}" for k in range(2, 9))]
X = jnp.ones((2, 3))


def newton_names(rounds):
    return [n for i in range(1, rounds + 1) for n in (f"newton{i}/square", f"newton{i}")]


def under(scope, inner):
    return [f"{scope}/{n}" for n in inner]


SITES = {
    "exp": (jnp.exp, under("exp", EXP)),
    "softmax": (
        tc.functions.softmax,
        under("softmax", ["max/compare1", "max/select1", "max/compare2", "max/select2", *under("exp", EXP),
                          *under("recip/exp", EXP), *under("recip", newton_names(10)), "product"]),
    ),
    "sigmoid": (
        lax.logistic,
        under("sigmoid", ["compare", "abs", *under("exp", EXP), *under("recip", newton_names(3)), "select"]),
    ),
    "tanh": (
        jnp.tanh,
        under("tanh/sigmoid", ["compare", "abs", *under("exp", EXP), *under("recip", newton_names(3)), "select"]),
    ),
    "reciprocal": (
        lambda x: x**-1,
        under("pow/recip", ["sign", "positive", *under("exp", EXP), *newton_names(10), "signed"]),
    ),
    "rsqrt": (
        lax.rsqrt,
        under("rsqrt", [*under("exp", EXP), *(f"newton{i}{e}" for i in "123" for e in ("/square", "/product", ""))]),
    ),
    "log": (
        jnp.log,
        under("log", [*under("initial", EXP), *under("householder1", SERIES), *under("householder2", SERIES)]),
    ),
    "erf": (lax.erf, under("erf", ["square", *(f"power{k}" for k in range(3, 18, 2))])),
    "relu": (tc.functions.relu, ["relu/compare", "relu/select"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SITES)
def test_names_of_the_sites(name):
    f, expected = SITES[name]
    assert names(f, X) == expected
    assert names(f, X, protocol="crypten-paper") == expected


def test_a_division_is_a_product_with_the_reciprocal():
    found = names(lambda a, b: a / b, X, X)
    assert found[-2:] == ["div/recip/signed", "div/product"]
    assert names(lambda b: 2 / b, X)[-1] == "div/recip/signed"  # a public numerator: local
    assert names(lambda a: a / 2, X) == []


def test_shapes_of_the_sites():
    surface = tc.secure(tc.functions.softmax, protocol="crypten").surface(jnp.ones((2, 5)))
    shapes = {s.name: s.shape for s in surface}
    assert [shapes[f"softmax/max/compare{i}"] for i in (1, 2, 3)] == [(2, 2), (1, 2), (1, 2)]
    assert shapes["softmax/exp/square8"] == (2, 5)
    assert shapes["softmax/recip/newton10"] == (2, 1)
    assert shapes["softmax/product"] == (2, 5)
    assert {s.kind for s in surface if "compare" in s.name} == {"bit"}
    assert {s.kind for s in surface if "compare" not in s.name} == {"product"}


def test_other_axes_and_ranks_of_the_softmax():
    x = np.linspace(-2, 2, 24).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        got = run(lambda x, axis=axis: tc.functions.softmax(x, axis), x)
        np.testing.assert_allclose(got, np.moveaxis(softmax_(np.moveaxis(x, axis, -1)), -1, axis), rtol=1e-9)
    over_rows = run(jax.vmap(tc.functions.softmax, 1, 1), x[0])
    np.testing.assert_allclose(over_rows, softmax_(x[0].T).T, rtol=1e-9)


def test_no_ideal_function_is_left():
    def everything(x):
        return [f(x) for f, *_ in (FUNCTIONS | WHOLE).values()]

    assert {s.kind for s in tc.secure(everything, protocol="crypten").surface(X)} == {"product", "bit"}
