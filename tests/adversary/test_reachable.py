"""What can be reached is found by running: expressions are fitted right, and oracles agree on what came out."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat import protocols
from turncoat.adversary.reachable import bending, expression, probe, reached, written

RNG = np.random.default_rng(0)
TERMS = {"f(x)": np.tanh(RNG.normal(size=300)), "x": RNG.normal(size=300), "1": np.ones(300)}
TERMS["Δ"] = np.repeat([96.0, 112.0], 150)


@given(st.dictionaries(st.sampled_from(list(TERMS)), st.integers(-40, 40).map(lambda n: n / 10), max_size=3))
def test_an_expression_is_found_again(factors):
    """Whatever sum of the terms came out is what is found, zeros left out."""
    wanted = {n: f for n, f in factors.items() if f}
    out = sum((f * TERMS[n] for n, f in wanted.items()), start=np.zeros(300))
    found = expression(out, TERMS)
    assert found is not None and found == pytest.approx(wanted)


@pytest.mark.parametrize(
    "out",
    [
        np.abs(TERMS["x"]),
        TERMS["f(x)"] * TERMS["x"],
        np.where(np.arange(300) == 7, 0.1, 0.0) + TERMS["x"],
        np.where(np.arange(300) == 7, np.inf, 0.0),
    ],
    ids=["|x|", "product", "one exception", "infinity"],
)
def test_what_is_no_sum_of_the_terms_has_no_expression(out):
    assert expression(out, TERMS) is None


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({}, "0"),
        ({"1": 1.0}, "1"),
        ({"1": 0.5, "x": 1.0, "Δ": -1.0}, "x + 0.5 - Δ"),
        ({"x": 1.0, "f(x)": -1.0}, "x - f(x)"),
        ({"Δ": -0.17, "x": -0.17}, "-0.17 x - 0.17 Δ"),
        ({"v": 1.0, "e_i": 1.0}, "e_i + v"),
    ],
)
def test_expressions_in_words(factors, words):
    assert written(factors) == words


@functools.cache
def outcomes(function, protocol):
    return {
        (f.column, f.ways): None if f.expression is None else written(f.expression)
        for f in reached(probe(function, protocols.get(protocol)))
    }


def test_a_relu_under_every_manipulation():
    assert outcomes("ReLU", "exact") == {
        ("input", "input +Δ"): "x + Δ",
        ("input", "input -Δ"): "0",
        ("activation", "compare flipped"): "x - f(x)",
        ("activation", "output +δ"): "f(x) + δ",
        ("combined", "input +Δ, compare flipped"): "0",
        ("combined", "input +Δ, output +δ"): "x + Δ + δ",
        ("combined", "input -Δ, compare flipped"): "x - Δ",
        ("combined", "input -Δ, output +δ"): "δ",
    }


def test_a_piecewise_sigmoid_under_flips():
    found = outcomes("sigmoid", "secureml")
    assert found["combined", "input +Δ, b2 flipped"] == "x + Δ + 0.5"
    assert found["combined", "input -Δ, b1 flipped"] == "x + 0.5 - Δ"
    assert found["combined", "input +Δ, b1 and b2 flipped"] == "0"
    for ways in ("b1 flipped", "b2 flipped", "b1 and b2 flipped"):
        assert found["activation", ways] is None  # which output it is depends on the secret
    assert len(found) == 2 + 4 + 2 * 4


def test_a_comparison_has_no_output_to_add_to():
    found = outcomes("comparison", "exact")
    assert set(found) == {
        ("input", "input +Δ"),
        ("input", "input -Δ"),
        ("activation", "compare flipped"),
        ("combined", "input +Δ, compare flipped"),
        ("combined", "input -Δ, compare flipped"),
    }


def test_a_softmax_entry_by_entry():
    found = outcomes("softmax", "exact")
    assert found["input", "input +Δ at i, -Δ elsewhere"] == "e_i"
    assert found["input", "input -Δ at i"] == "0"
    assert found["combined", "input +Δ at i, -Δ elsewhere, output +v"] == "e_i + v"


def test_secrets_do_not_change_what_is_reached():
    """Other secrets, the same table."""
    exact = protocols.get("exact")
    one, other = (reached(probe("sigmoid", exact, seed=seed)) for seed in (1, 2))
    assert [(f.ways, f.expression) for f in one] == [(f.ways, f.expression) for f in other]


def test_every_product_of_a_newton_reciprocal_bends_it():
    p = probe("reciprocal", protocols.get("crypten"))
    products = [n for n in p.act.sites if not p.act.surface[n].is_bit]
    assert bending(p) == (len(products), len(products))
    assert bending(p, error=0.0) == (0, len(products))
