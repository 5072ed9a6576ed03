"""Built-in models: the backward pass that is written out is the gradient of the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import models
from turncoat.refusal import Refusal

MODELS = {
    "lr": models.logistic_regression(5, 3),
    "lr-sigmoid": models.logistic_regression(5, 2, "sigmoid"),
    "svm": models.svm(5),
    "svm-squared": models.svm(5, squared=True),
    "mlp": models.mlp(5, 3, (7,)),
    "mlp deep": models.mlp(5, 4, (7, 6, 3)),
    "mlp-sigmoid": models.mlp(5, 2, (7,), "sigmoid"),
}


@pytest.fixture(params=MODELS, ids=list(MODELS))
def job(request):
    model = MODELS[request.param]
    params = jax.tree.map(lambda a: a + 0.07, model.init(jax.random.key(3)))
    x = jax.random.normal(jax.random.key(4), (11, 5))
    return model, params, x, model.encode(np.arange(11) % model.classes)


def test_explicit_gradient_is_the_gradient_of_the_loss(job):
    model, params, x, y = job
    expected = jax.grad(model.loss)(params, x, y)
    found = model.gradient(params, x, y)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
        assert float(jnp.abs(expected[name]).max()) > 0


def test_step_descends_by_the_mean_gradient(job):
    model, params, x, y = job
    moved = model.step(params, x, y, 0.5)
    gradient = model.gradient(params, x, y)
    for name in params:
        np.testing.assert_allclose(
            moved[name], params[name] - 0.5 / 11 * gradient[name], rtol=1e-5, atol=1e-6
        )
    assert float(model.loss(model.step(params, x, y, 1e-2), x, y)) < float(model.loss(params, x, y))


@pytest.mark.parametrize("protocol", ["exact", "crypten"])
def test_secured_step_is_the_step(job, protocol):
    model, params, x, y = job
    expected = jax.jit(model.step)(params, x, y, 0.1)
    found = tc.secure(model.step, protocol=protocol)(params, x, y, 0.1)
    tolerance = 1e-6 if protocol == "exact" else 2e-3
    for name in params:
        np.testing.assert_allclose(found[name], expected[name], atol=tolerance)


def test_predictions_and_probabilities_agree(job):
    model, params, x, _ = job
    p = model.probabilities(params, x)
    assert p.shape == (11, model.classes)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(params, x), jnp.argmax(p, 1))


ENCODED = {
    "lr": [[0, 1, 0], [1, 0, 0]],
    "lr-sigmoid": [[1], [0]],
    "svm": [[1], [-1]],
    "svm-squared": [[1], [-1]],
}


@pytest.mark.parametrize("name", ENCODED)
def test_labels_are_encoded_for_the_loss(name):
    np.testing.assert_array_equal(MODELS[name].encode(np.array([1, 0])), ENCODED[name])


def test_initial_weights_have_the_stated_variance():
    params = models.mlp(400, 10, (300,)).init(jax.random.key(0))
    assert np.var(params["w0"]) == pytest.approx(2 / 400, rel=0.05)
    assert np.var(params["w1"]) == pytest.approx(1 / 300, rel=0.1)
    assert not params["b0"].any() and not params["b1"].any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nope", 5, 3), "no model 'nope'"),
        (("svm", 5, 3), "two classes"),
        (("mlp", 5, 3, ()), "hidden layers"),
        (("mlp", 5, 3, (0,)), "hidden layers"),
    ],
)
def test_models_that_cannot_be_are_refused(arguments, says):
    with pytest.raises(Refusal, match=says):
        models.get(*arguments)
