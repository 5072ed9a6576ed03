"""Protocol `tf-encrypted`: pieces under every flip, the exponential's range, what normalisation covers.

The circuits themselves are held to an independent oracle site by site in `test_vectors.py`.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.circuits import FUNCTIONS
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc

VARIANTS = ("tf-encrypted", "tf-encrypted-5", "tf-encrypted-pond")


@cache
def secured(f, protocol):
    return tc.secure(f, protocol=protocol)


def inverse(x):
    return x**-1


def run(f, x, protocol="tf-encrypted", errors=None):
    with jax.enable_x64(True):
        return np.asarray(secured(f, protocol)(jnp.asarray(x, jnp.float64), errors=errors))


def sites(f, protocol="tf-encrypted", x=None):
    return list(tc.secure(f, protocol=protocol).surface(jnp.ones(3) if x is None else x).sites)


# ---- sigmoid --------------------------------------------------------------------------------------------------

INSIDE = np.array([-5.0, -3.0, 0.0, 3.0, 5.0])  # one point in each of the five pieces


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("tf-encrypted", [1e-4, 1e-4, 0.5, 1 - 1e-4, 1 - 1e-4]),
        ("tf-encrypted-5", [1e-4, 0.281 - 0.198, 0.5, 0.719 + 0.198, 1 - 1e-4]),
    ],
)
def test_the_pieces(protocol, expected):
    np.testing.assert_allclose(run(lax.logistic, INSIDE, protocol), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("protocol", "cuts"), [("tf-encrypted", (-2.5, 2.5)), ("tf-encrypted-5", (-4, -1.5, 1.5, 4))]
)
def test_where_the_pieces_meet(protocol, cuts):
    """A cut belongs to the piece on its left: [x <= c]."""
    step = 1e-9
    left, at, right = (run(lax.logistic, np.array(cuts) + d, protocol) for d in (-step, 0.0, step))
    assert np.all(np.abs(at - left) < 1e-8)
    assert np.all(np.abs(right - at)[[0, -1]] > 1e-2)  # the outermost lines leave a gap


@pytest.mark.parametrize("index", [1, 2])
@pytest.mark.parametrize("x", [-3.0, 0.0, 3.0])
def test_a_flipped_comparison_moves_a_bit_from_one_piece_to_its_neighbour(index, x):
    """p_k = [x <= c_k] AND NOT [x <= c_(k-1)] with one comparison wrong, for cuts -2.5 and 2.5."""
    le = [x <= -2.5, x <= 2.5]
    le[index - 1] = not le[index - 1]
    pieces = [le[0], le[1] and not le[0], not le[1]]
    expected = pieces[0] * 1e-4 + pieces[1] * (0.5 + 0.17 * x) + pieces[2] * (1 - 1e-4)
    got = run(lax.logistic, [x], errors={f"sigmoid/compare{index}": np.array([True])})
    np.testing.assert_allclose(got, [expected], rtol=1e-14)


@pytest.mark.parametrize("piece", [1, 2, 3])
def test_a_flipped_piece_adds_its_line_or_takes_it_away(piece):
    lines = [np.full(5, 1e-4), 0.5 + 0.17 * INSIDE, np.full(5, 1 - 1e-4)]
    there = [INSIDE <= -2.5, np.abs(INSIDE) < 2.5, INSIDE > 2.5][piece - 1]
    got = run(lax.logistic, INSIDE, errors={f"sigmoid/piece{piece}": np.ones(5, bool)})
    change = np.where(there, -1, 1) * lines[piece - 1]
    np.testing.assert_allclose(got, run(lax.logistic, INSIDE) + change, rtol=1e-12, atol=1e-15)


def test_the_sites_of_the_sigmoids():
    three = ["compare1", "compare2", "piece1", "product1", "piece2", "product2", "piece3", "product3"]
    assert sites(tc.functions.sigmoid) == [f"sigmoid/{n}" for n in three]
    assert len(sites(tc.functions.sigmoid, "tf-encrypted-5")) == 4 + 5 + 5
    surface = tc.secure(tc.functions.sigmoid, protocol="tf-encrypted").surface(jnp.ones(3))
    assert surface.find(shifts="result") == [f"sigmoid/product{k}" for k in (1, 2, 3)]


def test_ponds_sigmoid_has_no_comparison_and_scales_each_error():
    surface = tc.secure(tc.functions.sigmoid, protocol="tf-encrypted-pond").surface(jnp.ones(3))
    assert [s.name for s in surface] == [f"sigmoid/power{n}" for n in (2, 3, 5, 7, 9)]
    assert {s.kind for s in surface} == {"product"}
    x = np.linspace(-6, 6, 3)
    error = {"sigmoid/power9": np.full(3, 1e6)}
    moved = run(lax.logistic, x, "tf-encrypted-pond", error) - run(lax.logistic, x, "tf-encrypted-pond")
    np.testing.assert_allclose(moved, 0.0000000072e6, rtol=1e-9)


def test_ponds_relu_is_a_polynomial_of_even_powers():
    assert sites(tc.functions.relu, "tf-encrypted-pond") == [f"relu/power{n}" for n in (2, 4, 6, 8)]
    assert run(tc.functions.relu, [0.0], "tf-encrypted-pond")[0] == 0.44015372000819103


# ---- exponential ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.floats(-11.0, 22.0))
def test_the_exponential_is_near_on_its_domain(x):
    assert run(jnp.exp, [x])[0] == pytest.approx(np.exp(x), rel=1.2e-4)


def test_the_exponential_beyond_its_domain():
    low, high = -16 * np.log(2), 32 * np.log(2)
    below, above = run(jnp.exp, [low - 1e-6, -1e4]), run(jnp.exp, [high - 1e-6, high + 1e-6])
    np.testing.assert_array_equal(below, [0, 0])
    assert above[0] > 4e9 and above[1] < 1.01  # the integer part is read modulo 32


def test_the_top_power_that_the_framework_never_fills_in():
    """Near 1 the fraction's polynomial lacks c_6 = 1.55e-4: 2^r is 1.7e-4 too small there."""
    x = (1 - 2.0**-16) * np.log(2)
    assert np.exp(x) - run(jnp.exp, [x])[0] == pytest.approx(1.7e-4, abs=2e-5)


def test_a_flipped_threshold_and_an_error_make_the_exponential_a_constant():
    """The paper's attack on equation (2): z = 1 gives 0, then + c at the last product."""
    errors = {"exp/threshold/compare": np.ones(3, bool), "exp/threshold/select": np.full(3, 2.5)}
    np.testing.assert_array_equal(run(jnp.exp, [-3.0, 0.0, 4.0], errors=errors), [2.5, 2.5, 2.5])


@pytest.mark.parametrize("digit", range(5))
def test_a_flipped_digit_of_the_integer_part_is_a_power_of_two(digit):
    flip = np.zeros((1, 21), bool)
    flip[0, 16 + digit] = True
    x = 5.25 * np.log(2)  # digits 1 and 4 of the exponent are set: 5 = 1 + 4
    factor = 2.0 ** (2**digit * (-1 if 5 >> digit & 1 else 1))
    np.testing.assert_allclose(
        run(jnp.exp, [x], errors={"exp/bits": flip}), run(jnp.exp, [x]) * factor, rtol=1e-12
    )


def test_the_softmax_needs_no_sign():
    names = sites(tc.functions.softmax, x=jnp.ones((1, 3)))
    assert "softmax/exp/sign" not in names and names[-1] == "softmax/product"
    x = np.array([[0.0, -3.0, 2.0], [700.0, 1.0, -900.0]])
    got = run(tc.functions.softmax, x)
    true = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(got, true / true.sum(-1, keepdims=True), atol=3e-5)


# ---- normalisation --------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.floats(2.0**-16, 2.0**10), st.booleans())
def test_reciprocal_and_roots_on_their_domains(x, negative):
    signed = -x if negative else x
    assert run(inverse, [signed])[0] == pytest.approx(1 / signed, rel=2e-6)
    assert run(lax.rsqrt, [x])[0] == pytest.approx(x**-0.5, rel=5e-5)
    assert run(jnp.sqrt, [x])[0] == pytest.approx(x**0.5, rel=1e-8)


def test_below_the_last_digit_is_zero():
    tiny = np.array([0.0, 2.0**-17, -(2.0**-17)])
    assert run(inverse, tiny)[0] == 0
    assert run(inverse, tiny)[1] == 0
    assert run(lax.rsqrt, tiny)[1] == 0


def test_a_quotient_is_a_product_with_the_reciprocal():
    names = list(secured(jnp.divide, "tf-encrypted").surface(jnp.ones(2), jnp.ones(2)).sites)
    assert names[-2:] == ["div/recip/quintic", "div/product"]


@pytest.mark.parametrize("protocol", VARIANTS)
def test_single_precision_is_near(protocol):
    x = np.linspace(0.2, 1.3, 12, dtype=np.float32)
    own = [jnp.exp, lax.rsqrt, inverse] if protocol == "tf-encrypted" else []
    for f in (lax.logistic, *own):
        got = secured(f, protocol)(jnp.asarray(x))
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, run(f, x.astype(float), protocol), rtol=2e-4, atol=5e-5)


@pytest.mark.parametrize("protocol", VARIANTS)
def test_no_ideal_function_is_left(protocol):
    def everything(x):
        return [known.f(x) for known in FUNCTIONS.values()]

    assert {s.kind for s in tc.secure(everything, protocol=protocol).surface(jnp.ones((2, 3)))} == {
        "product",
        "bit",
    }
