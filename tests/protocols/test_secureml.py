"""Protocol `secureml`: equation (1) under every flip, and the paper's own code as the oracle (appendix A.4).

The circuits themselves are held to an independent oracle site by site in `test_vectors.py`.
"""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc
from turncoat.jobs import models

SIGMOID = ["sigmoid/b1", "sigmoid/b2", "sigmoid/middle", "sigmoid/product"]


@cache
def secured(f):
    return tc.secure(f, protocol="secureml")


def run(f, x, **errors):
    with jax.enable_x64(True):
        named = {name.replace("__", "/"): e for name, e in errors.items()}
        return np.asarray(secured(f)(jnp.asarray(x, jnp.float64), errors=named))


def paper_code(x, flip_b0, flip_b1):
    """`mpc_sigmoid` as printed in appendix A.4."""
    lower = (x > -0.5) ^ flip_b0
    upper = (x > 0.5) ^ flip_b1
    return np.where(upper, 1, np.where(lower, x + 0.5, 0))


X = np.array([-2.0, -0.5, -0.25, 0.0, 0.25, 0.5, 2.0])


@pytest.mark.parametrize(("first", "second"), list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("f", [lax.logistic, tc.functions.sigmoid], ids=["lax", "whole"])
def test_the_sigmoid_is_the_papers_code_under_every_flip(f, first, second):
    inside = np.abs(X) != 0.5  # at the cuts the code's comparisons are strict the other way
    flips = {"sigmoid__b1": np.full(7, first), "sigmoid__b2": np.full(7, second)}
    np.testing.assert_array_equal(run(f, X, **flips)[inside], paper_code(X, first, second)[inside])


@pytest.mark.parametrize(
    ("flips", "expected"),
    [
        ((), [0, 0.5, 1]),
        (("b1",), [-1.5, 0, 1]),
        (("b2",), [1, 1, 2.5]),
        (("b1", "b2"), [1, 1, 0]),
    ],
)
def test_the_case_analysis(flips, expected):
    """Section 3, cases 1 to 3, and what a single flip does."""
    errors = {f"sigmoid__{b}": np.ones(3, bool) for b in flips}
    np.testing.assert_array_equal(run(lax.logistic, [-2.0, 0.0, 2.0], **errors), expected)


def test_an_error_on_the_last_product_is_added_to_any_output():
    """Table 1 calls the modification of the activation "difficult"; this one needs no change of the input."""
    delta = np.linspace(-7, 7, 7)
    np.testing.assert_array_equal(run(lax.logistic, X, sigmoid__product=delta), run(lax.logistic, X) + delta)


@pytest.mark.parametrize("big", [8.0, 64.0])
def test_combined_modifications_reach_beyond_both_ends(big):
    """x + Delta + 1/2 and x - Delta + 1/2: an input forced past a cut, and the bit there flipped."""

    def shifted(x, one):
        return lax.logistic(x * one)

    secured = tc.secure(shifted, protocol="secureml")
    x, one = jnp.array([-0.75, 0.5, 1.25]), jnp.ones(3)
    for sign, bit in ((1, "b2"), (-1, "b1")):
        errors = {"mul": np.full(3, sign * big, np.float32), f"sigmoid/{bit}": np.ones(3, bool)}
        np.testing.assert_array_equal(secured(x, one, errors=errors), x + sign * big + 0.5)
        clamped = secured(x, one, errors={"mul": np.full(3, sign * big, np.float32)})
        np.testing.assert_array_equal(clamped, np.full(3, (1 + sign) / 2))


def test_the_sites_of_the_sigmoid():
    surface = tc.secure(tc.functions.sigmoid, protocol="secureml").surface(jnp.ones((2, 3)))
    assert list(surface.sites) == SIGMOID
    assert [s.kind for s in surface] == ["bit", "bit", "product", "product"]
    assert {s.shape for s in surface} == {(2, 3)}
    assert surface.find(shifts="result") == ["sigmoid/product"]


# ---- softmax --------------------------------------------------------------------------------------------------


def ratio(x):
    r = np.maximum(x, 0)
    total = r.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, r / total, 1 / x.shape[-1])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(-40, 40), min_size=4, max_size=4), min_size=3, max_size=3))
def test_the_softmax_is_the_ratio_of_relus(rows):
    x = np.array(rows) / 4
    got = run(tc.functions.softmax, x)
    np.testing.assert_allclose(got, ratio(x), atol=1e-6)
    np.testing.assert_allclose(got.sum(-1), 1, atol=1e-6)


def test_without_a_positive_entry_all_classes_are_alike():
    np.testing.assert_array_equal(run(tc.functions.softmax, [[-1.0, -2.0, 0.0, -4.0]]), np.full((1, 4), 0.25))
    flip = np.array([[True]])
    flipped = run(tc.functions.softmax, [[1.0, 3.0, -2.0, 0.0]], softmax__positive=flip)
    np.testing.assert_array_equal(flipped, np.full((1, 4), 0.25))


def test_other_axes():
    x = np.linspace(-2, 3, 24).reshape(2, 3, 4)
    for axis in (0, 1, 2):
        got = run(lambda x, axis=axis: tc.functions.softmax(x, axis), x)
        expected = np.moveaxis(ratio(np.moveaxis(x, axis, -1)), -1, axis)
        np.testing.assert_allclose(got, expected, atol=1e-3)  # sums near 0.001 are the least that converge


def test_an_error_shifts_the_softmax():
    surface = tc.secure(tc.functions.softmax, protocol="secureml").surface(jnp.ones((2, 3)))
    assert surface.find(shifts="result") == ["softmax/select"]


# ---- models, and what SecureML does not define ----------------------------------------------------------------


def test_the_loss_derivative_is_the_output_minus_the_label():
    """F = P - Y with P the piecewise sigmoid (appendix A.4), so delta on P stands in the bias gradient."""
    model = models.logistic_regression(3, 2, "sigmoid")
    params = {"w0": jnp.array([[0.25], [0.5], [-0.25]]), "b0": jnp.zeros(1)}
    x, y = jnp.array([[1.0, 0.0, 1.0], [4.0, 2.0, 0.0]]), jnp.array([[0.0], [1.0]])
    grads = tc.secure(model.gradient, protocol="secureml")
    p = np.array([[0.5], [1.0]])
    np.testing.assert_array_equal(grads(params, x, y)["w0"], np.asarray(x).T @ (p - y))
    delta = np.array([[0.0], [2.0]], np.float32)
    moved = grads(params, x, y, errors={"sigmoid/product": delta})
    np.testing.assert_array_equal(moved["w0"], np.asarray(x).T @ (p + delta - y))


def test_the_rest_is_cryptens_with_the_papers_initial_value():
    secureml, paper = tc.protocols.secureml, tc.protocols.crypten_paper
    for name in ("exp", "reciprocal", "log", "log1p", "sqrt", "rsqrt", "tanh", "erf", "divide", "relu"):
        assert getattr(secureml, name) is getattr(paper, name)
    assert "sigmoid" not in secureml.domains  # a piecewise line holds everywhere
