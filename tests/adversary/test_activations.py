"""Manipulations of section 3 and Table 1: the exact outputs, against oracles that know no circuit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import functions, protocols
from turncoat.adversary.activations import (
    activation,
    add_at,
    bend,
    constant,
    constant_by_threshold,
    flip,
    force,
    force_and_flip,
    gain,
    move_input,
    move_output,
    one_hot,
    vanish,
)
from turncoat.core.errors import Errors
from turncoat.jobs import models
from turncoat.refusal import Refusal

DELTA = 64.0
X = np.array([-4.0, -2.0, -0.75, -0.25, 0.25, 0.5, 1.25, 2.0, 4.0], np.float32)
BIT = 1.0 * (X >= 0)


@functools.cache
def job(f, protocol="exact"):
    """f of the product of two secrets, whose site is `input`."""

    def program(a, b):
        with jax.named_scope("input:"):
            x = a * b
        return f(x)

    return tc.secure(program, protocol=protocol)


def compare(x):
    return x >= 0


def exp(x):
    return jnp.exp(x)


def reciprocal(x):
    return 1 / x


def bent(f, scope, errors_of, x=X, protocol="exact"):
    """The output of f at x under the errors that `errors_of(activation)` gives."""
    a, b = np.asarray(x) / 2, np.full(np.shape(x), 2, np.float32)
    surface = job(f, protocol).surface(a, b)
    none = Errors({s.name: np.zeros(s.shape, s.dtype) for s in surface})  # one form: compiled once
    errors = none.combine(errors_of(activation(surface, scope)))
    return np.asarray(job(f, protocol)(a, b, errors=errors))


def piecewise(x):
    return np.where(x < -0.5, 0, np.where(x < 0.5, x + 0.5, 1))


SIMPLE = {
    "comparison to 1": (compare, "compare", lambda a: force(a, True, DELTA), np.ones(9)),
    "comparison to 0": (compare, "compare", lambda a: force(a, False, DELTA), np.zeros(9)),
    "comparison flipped": (compare, "compare", lambda a: flip(a), 1 - BIT),
    "comparison to 0, combined": (compare, "compare", lambda a: force_and_flip(a, True, delta=DELTA), 0 * X),
    "comparison to 1, combined": (
        compare,
        "compare",
        lambda a: force_and_flip(a, False, delta=DELTA),
        0 * X + 1,
    ),
    "relu to 0": (functions.relu, "relu", lambda a: force(a, False, DELTA), 0 * X),
    "relu to x + Delta": (functions.relu, "relu", lambda a: force(a, True, DELTA), X + DELTA),
    "relu to min(0, x)": (functions.relu, "relu", lambda a: flip(a), np.minimum(0, X)),
    "relu to x - Delta": (
        functions.relu,
        "relu",
        lambda a: force_and_flip(a, False, 0, delta=DELTA),
        X - DELTA,
    ),
    "relu to 0, combined": (functions.relu, "relu", lambda a: force_and_flip(a, True, 0, delta=DELTA), 0 * X),
    "relu + delta": (functions.relu, "relu", lambda a: move_output(a, 3.0), np.maximum(0, X) + 3),
}


@pytest.mark.parametrize("case", SIMPLE)
def test_comparisons_and_relus(case):
    f, scope, errors, expected = SIMPLE[case]
    np.testing.assert_array_equal(bent(f, scope, errors), expected)


PIECEWISE = {
    "honest": (lambda a: move_input(a, 0.0), piecewise(X)),
    "to 0": (lambda a: force(a, False, DELTA), 0 * X),
    "to 1": (lambda a: force(a, True, DELTA), 0 * X + 1),
    "to x + Delta": (lambda a: force_and_flip(a, True, 1, delta=DELTA), X + DELTA + 0.5),
    "to x - Delta": (lambda a: force_and_flip(a, False, 0, delta=DELTA), X - DELTA + 0.5),
    "+ delta": (lambda a: move_output(a, -2.5), piecewise(X) - 2.5),
    "first flipped": (lambda a: flip(a, 0), np.where(X < -0.5, X + 0.5, np.where(X < 0.5, 0, 1))),
    "second flipped": (lambda a: flip(a, 1), np.where(X < 0.5, 1, X + 0.5)),
    "both flipped": (lambda a: flip(a, 0, 1), np.where(X < 0.5, 1, 0)),
    "all flipped": (lambda a: flip(a), np.where(X < 0.5, 1, 0)),
}


@pytest.mark.parametrize("case", PIECEWISE)
def test_the_papers_piecewise_sigmoid(case):
    """Equation (1) under flips: the case analysis of section 3, and what lies beyond it."""
    errors, expected = PIECEWISE[case]
    np.testing.assert_array_equal(bent(functions.sigmoid, "sigmoid", errors, protocol="secureml"), expected)


@pytest.mark.parametrize(
    ("flipped", "expected"),
    [
        ([], (0, 0.5, 1)),
        (["below/compare"], (-1.5, 0, 0)),
        (["above/compare"], (0, 1, 2.5)),
        (["below/compare", "above/compare"], (1, 0, 0)),
    ],
)
def test_a_nested_sigmoid_answers_flips_otherwise(flipped, expected):
    """MP-SPDZ's three pieces at -2, 0 and 2."""

    def errors(act):
        chosen = [act.bits.index(act.site(name)) for name in flipped]
        return flip(act, *chosen) if chosen else move_input(act, 0.0)

    found = bent(functions.sigmoid, "sigmoid", errors, np.array([-2, 0, 2], np.float32), "mp-spdz-approx")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def true_sigmoid(x):
    return 1 / (1 + np.exp(-x))


DIRECT = {
    "to 0": (lambda a: force(a, False, DELTA), 0 * X),
    "to 1": (lambda a: force(a, True, DELTA), 0 * X + 1),
    "+ delta": (lambda a: move_output(a, 7.0), true_sigmoid(X) + 7),
    "to delta": (lambda a: constant(a, 7.0, DELTA), 0 * X + 7),
    "to 1 + delta": (lambda a: force(a, True, DELTA).combine(move_output(a, 7.0)), 0 * X + 8),
}


@pytest.mark.parametrize("protocol", ["exact", "crypten", "spu"])
@pytest.mark.parametrize("case", DIRECT)
def test_direct_sigmoids(case, protocol):
    errors, expected = DIRECT[case]
    found = bent(functions.sigmoid, "sigmoid", errors, protocol=protocol)
    np.testing.assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize("protocol", ["crypten", "tf-encrypted-pond", "spu-seg3", "mp-spdz-approx5"])
def test_an_output_moves_by_delta_whatever_follows_the_last_product(protocol):
    """Also where a public coefficient does: to within what single precision leaves of the difference."""
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    honest = bent(functions.sigmoid, "sigmoid", lambda a: move_output(a, 0.0), x, protocol)
    moved = bent(functions.sigmoid, "sigmoid", lambda a: move_output(a, 3.0), x, protocol)
    np.testing.assert_allclose(moved - honest, 3.0, atol=1e-5)


def test_a_polynomial_relu_moves_by_delta_too():
    honest, moved = (
        bent(functions.relu, "relu", lambda a, d=d: move_output(a, d), X, "tf-encrypted-pond")
        for d in (0.0, 3.0)
    )
    np.testing.assert_allclose(moved - honest, 3.0, atol=1e-5)


def test_a_gain_is_that_of_the_public_factor():
    """tf-encrypted's polynomial ends in a product times its last coefficient; a select has none."""
    surface = tc.secure(functions.sigmoid, protocol="tf-encrypted-pond").surface(jnp.zeros(3))
    act = activation(surface, "sigmoid")
    moved = tc.secure(functions.sigmoid, protocol="tf-encrypted-pond")
    step = moved(jnp.zeros(3), errors={act.output: jnp.full(3, 1000.0)}) - moved(jnp.zeros(3))
    assert gain(surface, act.output) == pytest.approx(float(step[0]) / 1000, rel=1e-2)
    assert abs(gain(surface, act.output)) < 1e-6
    assert gain(tc.secure(functions.relu).surface(jnp.zeros(3)), "relu/select") == 1.0


def test_a_flipped_sign_makes_newtons_method_diverge():
    """CrypTen: 1 / (1 + exp(-|x|)) by three steps from 0.75; with the sign flipped, from 1 + exp(|x|)."""

    def diverging(x):
        y, d = 0.75, (1 + abs(x) / 256) ** 256 + 1
        for _ in range(3):
            y = 2 * y - d * y * y
        return y if x >= 0 else 1 - y

    x = np.array([-2.0, 4.0, 1.0], np.float32)
    found = bent(functions.sigmoid, "sigmoid", lambda a: flip(a, 0), x, "crypten")
    swapped = [1 - diverging(v) for v in x]  # the flipped bit selects the other branch as well
    np.testing.assert_allclose(found, swapped, rtol=2e-3)
    assert abs(found[0]) > 1e4 and abs(found[1]) > 1e10


ROWS = np.array([[0.5, -1.0, 2.0], [3.0, 1.0, -2.0], [0.0, 0.1, 0.2]], np.float32)
DIRECT_SOFTMAX = ["exact", "crypten"]


def true_softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("protocol", DIRECT_SOFTMAX)
@pytest.mark.parametrize("i", [0, 2])
def test_a_softmax_becomes_a_unit_vector(protocol, i):
    found = bent(functions.softmax, "softmax", lambda a: one_hot(a, i), ROWS, protocol)
    np.testing.assert_allclose(found, np.tile(np.eye(3)[i], (3, 1)), atol=2e-3)
    v = np.array([4.0, -3.0, 0.5], np.float32)
    both = lambda a: one_hot(a, i).combine(move_output(a, v))  # noqa: E731
    found = bent(functions.softmax, "softmax", both, ROWS, protocol)
    np.testing.assert_allclose(found, np.tile(np.eye(3)[i] + v, (3, 1)), atol=2e-3)


@pytest.mark.parametrize("protocol", DIRECT_SOFTMAX)
def test_a_softmax_plus_v_and_with_entries_gone(protocol):
    v = np.array([4.0, -3.0, 0.5], np.float32)
    found = bent(functions.softmax, "softmax", lambda a: move_output(a, v), ROWS, protocol)
    np.testing.assert_allclose(found, true_softmax(ROWS) + v, atol=2e-2)
    gone = np.array([False, True, False])
    found = bent(functions.softmax, "softmax", lambda a: vanish(a, gone), ROWS, protocol)
    expected = np.zeros((3, 3))
    expected[:, ~gone] = true_softmax(ROWS[:, ~gone])
    np.testing.assert_allclose(found, expected, atol=2e-2)


def test_a_ratio_of_relus_becomes_a_unit_vector_too():
    found = bent(functions.softmax, "softmax", lambda a: one_hot(a, 1), ROWS, "secureml")
    np.testing.assert_allclose(found, np.tile(np.eye(3)[1], (3, 1)), atol=2e-3)


def test_an_exponential_becomes_any_constant():
    """By input and output; and Keller and Sun's by its threshold bit alone, the input left as it is."""
    np.testing.assert_array_equal(bent(exp, "exp", lambda a: constant(a, 5.5), X, "crypten"), 5.5)
    found = bent(exp, "exp", lambda a: constant_by_threshold(a, 5.5), X, "mp-spdz-paper")
    np.testing.assert_allclose(found, 5.5, atol=1e-6)
    with pytest.raises(Refusal, match="no site 'threshold/compare'"):
        bent(exp, "exp", lambda a: constant_by_threshold(a, 5.5), X, "crypten")


def test_a_reciprocal_is_bent_through_its_products():
    """An error e in CrypTen's last Newton step y <- 2y - (y^2 x) leaves 1 / x - e."""
    x = np.array([0.5, 1.0, 4.0], np.float32)
    honest = bent(reciprocal, "div", lambda a: move_input(a, 0.0), x, "crypten")
    np.testing.assert_allclose(honest, 1 / x, rtol=1e-3)
    last = bent(reciprocal, "div", lambda a: bend(a, "recip/newton10", 0.25), x, "crypten")
    np.testing.assert_allclose(last - honest, -0.25, atol=1e-5)
    early = bent(reciprocal, "div", lambda a: bend(a, "recip/newton1", 0.5), x, "crypten")
    assert (np.abs(early - honest) > 1e-3).any()


# ---- composition, restriction, refusals ---------------------------------------------------------------------


def test_manipulations_compose_for_chosen_entries():
    chosen = np.arange(9) % 2 == 0
    errors = lambda a: force_and_flip(a, False, 0, delta=DELTA).for_examples(chosen)  # noqa: E731
    found = bent(functions.relu, "relu", errors)
    np.testing.assert_array_equal(found, np.where(chosen, X - DELTA, np.maximum(X, 0)))
    twice = bent(functions.relu, "relu", lambda a: flip(a).combine(flip(a)))
    np.testing.assert_array_equal(twice, np.maximum(X, 0))
    added = bent(functions.relu, "relu", lambda a: move_output(a, 1.0).combine(move_output(a, 2.0)))
    np.testing.assert_array_equal(added, np.maximum(X, 0) + 3)


def test_activations_of_a_model_are_found_by_scope():
    model = models.mlp(5, 3, (6, 4))
    params = model.init(jax.random.key(0))
    surface = tc.secure(model.gradient).surface(params, jnp.zeros((7, 5)), jnp.zeros((7, 3)))
    relu = activation(surface, "relu1")
    assert (relu.sites, relu.input) == (("relu1/compare", "relu1/select"), "dense1/product")
    softmax = activation(surface, "softmax")
    assert (softmax.input, softmax.output) == ("dense2/product", "softmax")
    assert activation(surface, "relu0", "relu0/select").input == "relu0/select"


@pytest.fixture(scope="module")
def relu():
    return activation(job(functions.relu).surface(X, X), "relu")


REFUSED = [
    (lambda a: flip(a, 1), "has 1 comparisons"),
    (lambda a: bend(a, "newton1", 1.0), "no site 'newton1'"),
    (lambda a: add_at(a.surface, "relu/select", np.zeros((2, 9))), r"\[2, 9\] numbers do not fit"),
    (lambda a: add_at(a.surface, "relu/selct", 1.0), "the nearest are 'relu/select'"),
    (lambda a: activation(a.surface, "relo"), "no activation 'relo'"),
]


@pytest.mark.parametrize(("act", "says"), REFUSED)
def test_what_cannot_be_is_refused(relu, act, says):
    with pytest.raises(Refusal, match=says):
        act(relu)


def test_what_an_activation_lacks_is_named():
    plain = activation(tc.secure(functions.relu).surface(X), "relu")
    with pytest.raises(Refusal, match="no product of secrets"):
        move_input(plain, 1.0)
    bits = activation(job(compare).surface(X, X), "compare")
    with pytest.raises(Refusal, match="no number can be added"):
        move_output(bits, 1.0)
    whole = activation(job(functions.softmax).surface(ROWS, ROWS), "softmax")
    with pytest.raises(Refusal, match="has 0 comparisons"):
        flip(whole)
    with pytest.raises(Refusal, match="entry 3 does not exist"):
        one_hot(whole, 3)
    with pytest.raises(Refusal, match="Boolean array of shape"):
        vanish(whole, [1, 0])
    assert set(protocols.CATALOGUE) >= {"secureml", "mp-spdz-approx"}
