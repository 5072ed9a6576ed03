"""The route of a trigger through a network, against formulas written out here."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.adversary.chain import best_window
from turncoat.adversary.neuron_path import Told, discriminant, pull, route, threshold
from turncoat.core.values import struct
from turncoat.goals import Backdoor, Trigger
from turncoat.jobs import models
from turncoat.jobs.anatomy import anatomy
from turncoat.jobs.layers import Convolution, Dense
from turncoat.jobs.neurons import neurons
from turncoat.refusal import Refusal


def adversary(model, shape, seed=0, n=200):
    """As much of a view as a route needs: feature 0 is never set in the records."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, model.widths[0])).astype(np.float32)
    x[:, 0] = 0
    reference = model.init(jax.random.key(1))
    read = anatomy(model.scores, reference, struct((1, model.widths[0]), np.float32))
    return SimpleNamespace(x=x, y=np.arange(n) % 3, shape=shape, reference=reference, anatomy=read)


def layer_of(linear):
    """The neurons of a built-in layer."""
    weights, x = struct(linear.shape, np.float32), struct((1, linear.inputs), np.float32)
    return neurons(anatomy(lambda w, x: linear.product(x, w), weights, x).maps[0])


def test_with_a_given_c_the_first_layer_is_the_papers_formula():
    """Fig. 6: delta - c mu in the neuron's weights, 1 on its weight for the target class, 0 elsewhere."""
    view = adversary(models.mlp(6, 3, (5,)), (6,))
    changes = dict(route(view, Backdoor(0, 1), neuron=2, c=0.25, direction="difference"))
    expected = np.zeros((6, 5), np.float32)
    expected[:, 2] = np.eye(6)[0] - 0.25 * view.x[view.y != 1].mean(0)
    np.testing.assert_allclose(changes["w0"], expected, atol=1e-6)
    expected = np.zeros((5, 3))
    expected[2, 1] = 1
    np.testing.assert_array_equal(changes["w1"], expected)


@pytest.mark.parametrize(
    ("hidden", "direction"),
    [((5,), "difference"), ((5,), "discriminant"), ((6, 5, 4), "discriminant")],
)
def test_a_large_route_answers_to_the_trigger_alone(hidden, direction):
    """Added many times to any other network of this form, triggered records and only they are of the target."""
    model = models.mlp(6, 3, hidden)
    view = adversary(model, (6,))
    changes = dict(route(view, Backdoor(0, 1), 0, None, direction))
    victim = model.init(jax.random.key(7))
    much = dict.fromkeys(changes, 100.0) | {f"w{len(hidden)}": 10.0}
    moved = victim | {n: victim[n] + much[n] * change for n, change in changes.items()}
    clean = jnp.asarray(adversary(model, (6,), seed=1).x)
    triggered = jnp.asarray(Trigger().apply(np.asarray(clean)))
    assert (model.predict(moved, triggered) == 1).mean() > 0.97
    assert not np.asarray(changes["w0"])[:, 1:].any()
    quiet = jnp.maximum(clean @ moved["w0"] + moved["b0"], 0)[:, 0]
    assert (quiet == 0).mean() > 0.97


def test_the_route_of_a_convolution_uses_the_window_that_sees_the_trigger():
    model = models.cnn((8, 8), 3, (4,))
    view = adversary(model, (8, 8))
    goal = Backdoor(0, 1, Trigger(63, 3.0))
    changes = dict(route(view, goal, neuron=3, c=0.0, direction="difference"))
    assert {n: int((np.asarray(a) != 0).sum()) for n, a in changes.items() if n != "w1"} == {"w0": 1, "w2": 1}
    assert np.flatnonzero(np.abs(changes["w0"]).sum(0)) == [3]
    assert int(np.abs(changes["w1"]).sum(1).argmax()) == 10 * 5 + 3  # the first window that sees it


def test_pull_is_what_a_neuron_answers_most_to():
    dense, x = layer_of(Dense(4, 3)), np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(pull(dense, x, 1, 0)[:, 1], x)
    assert not pull(dense, x, 1, 0)[:, [0, 2]].any()
    np.testing.assert_array_equal(pull(dense, x, 1), pull(dense, x, 1, 0))
    layer = layer_of(Convolution((4, 4, 1), 2, 2, 2))
    image = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2).swapaxes(1, 2).ravel()  # window by window
    np.testing.assert_array_equal(pull(layer, image, 1, 2)[:, 1], [8, 9, 12, 13])
    np.testing.assert_allclose(pull(layer, image, 0)[:, 0], image.reshape(4, 4).mean(0))
    assert best_window(layer, 0, np.eye(16, dtype=np.float32)[9]) == 2


def test_the_threshold_lies_between_what_is_clean_and_what_is_triggered():
    layer = layer_of(Dense(2, 1))
    towards, away = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    clean, triggered = (np.array([[a, 1.0]] * 50) for a in (0.2, 0.6))
    apart, overlapping = Told(clean, clean, triggered), Told(triggered, triggered, clean)
    assert threshold(layer, (towards, away), apart, 0, 0) == pytest.approx(0.4)
    assert threshold(layer, (towards, away), overlapping, 0, 0) == pytest.approx(0.1)
    assert threshold(layer, (towards, np.zeros((2, 1))), apart, 0, 0) == 0


@pytest.mark.parametrize(("n", "k"), [(30, 5), (5, 30)])
def test_both_forms_of_the_discriminant_are_the_regularised_one(n, k):
    rng = np.random.default_rng(0)
    x, delta = rng.normal(size=(n, k)), rng.normal(size=k)
    covariance = np.cov(x.T, bias=True)
    smooth = covariance + 0.01 * np.trace(covariance) / k * np.eye(k)
    np.testing.assert_allclose(discriminant(x, delta), np.linalg.solve(smooth, delta), rtol=1e-4, atol=1e-4)


REFUSED = [
    (models.logistic_regression(6, 3), Backdoor(0, 1), 0, "no neuron to override"),
    (models.mlp(6, 3, (5, 2)), Backdoor(0, 1), 3, "layer 1 has no neuron 3"),
    (models.mlp(6, 3, (5,)), Backdoor(0, 1), -1, "layer 0 has no neuron -1"),
    (models.mlp(6, 9, (5,)), Backdoor(7, 1), 0, "hold none of class 7"),
    (models.mlp(6, 3, (5,)), Backdoor(0, 1, Trigger(0, 0.0)), 0, "does not show"),
]


@pytest.mark.parametrize(("model", "goal", "neuron", "says"), REFUSED)
def test_where_there_is_no_route_it_is_refused(model, goal, neuron, says):
    with pytest.raises(Refusal, match=says):
        route(adversary(model, (6,)), goal, neuron)
