"""Built-in models: the backward pass that is written out is the gradient of the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat.jobs import models
from turncoat.jobs.layers import Convolution
from turncoat.refusal import Refusal

TWO = (Convolution((5, 6, 2), 3, 3, 2), Convolution((3, 3, 3), 4, 2, 1))
MODELS = {
    "lr": models.logistic_regression(5, 3),
    "lr-sigmoid": models.logistic_regression(5, 2, "sigmoid"),
    "svm": models.svm(5),
    "svm-squared": models.svm(5, squared=True),
    "mlp": models.mlp(5, 3, (7,)),
    "mlp deep": models.mlp(5, 4, (7, 6, 3)),
    "mlp-sigmoid": models.mlp(5, 2, (7,), "sigmoid"),
    "cnn": models.cnn((7, 6), 3, (4,)),
    "two convolutions": models.Model("cnn", (60, 27, 36, 3), 3, "softmax", convolutions=TWO),
}


@pytest.fixture(params=MODELS, ids=list(MODELS))
def job(request):
    model = MODELS[request.param]
    params = jax.tree.map(lambda a: a + 0.07, model.init(jax.random.key(3)))
    x = jax.random.normal(jax.random.key(4), (11, model.widths[0]))
    return model, params, x, model.encode(np.arange(11) % model.classes)


def test_explicit_gradient_is_the_gradient_of_the_loss(job):
    model, params, x, y = job
    expected = jax.jit(jax.grad(model.loss))(params, x, y)
    found = jax.jit(model.gradient)(params, x, y)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
        assert float(jnp.abs(expected[name]).max()) > 0


def test_step_descends_by_the_mean_gradient(job):
    model, params, x, y = job
    step, loss = jax.jit(model.step), jax.jit(model.loss)
    moved = step(params, x, y, 0.5)
    gradient = jax.jit(model.gradient)(params, x, y)
    for name in params:
        np.testing.assert_allclose(
            moved[name], params[name] - 0.5 / 11 * gradient[name], rtol=1e-5, atol=1e-6
        )
    assert float(loss(step(params, x, y, 1e-2), x, y)) < float(loss(params, x, y))


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
        (("nope", (5,), 3), "no model 'nope'"),
        (("svm", (5,), 3), "two classes"),
        (("mlp", (5,), 3, ()), "hidden layers"),
        (("mlp", (5,), 3, (0,)), "hidden layers"),
        (("cnn", (5,), 3), "needs images, but a record here has shape"),
        (("cnn", (5, 5), 3, ()), "dense layers"),
    ],
)
def test_models_that_cannot_be_are_refused(arguments, says):
    with pytest.raises(Refusal, match=says):
        models.get(*arguments)


CONVOLUTIONS = [
    ((28, 28, 1), 5, 5, 2, (14, 14)),
    ((8, 8, 1), 5, 5, 2, (4, 4)),
    ((5, 6, 2), 3, 3, 2, (3, 3)),
    ((4, 7, 3), 2, 2, 3, (2, 3)),
    ((6, 5, 1), 1, 1, 1, (6, 5)),
]


@pytest.mark.parametrize(("image", "outputs", "side", "stride", "count"), CONVOLUTIONS)
def test_a_convolution_is_that_of_jax(image, outputs, side, stride, count):
    """Against lax.conv_general_dilated with padding "SAME", forward and backward."""
    layer = Convolution(image, outputs, side, stride)
    assert layer.windows == count[0] * count[1]
    keys = jax.random.split(jax.random.key(0), 4)
    x = jax.random.normal(keys[0], (3, layer.inputs))
    w, b = jax.random.normal(keys[1], layer.shape), jax.random.normal(keys[2], (outputs,))
    g = jax.random.normal(keys[3], (3, layer.units))

    def expected(x, w, b):
        out = jax.lax.conv_general_dilated(
            x.reshape(3, *image), w.reshape(side, side, image[2], outputs), (stride, stride), "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip
        return (out + b).reshape(3, -1)

    @jax.jit
    def theirs(x, w, b, g):
        out, pull = jax.vjp(expected, x, w, b)
        return out, *pull(g)

    @jax.jit
    def ours(x, w, b, g):
        out = layer.product(x, w) + layer.bias(b)
        return out, layer.input_gradient(g, w), layer.weights_gradient(x, g), layer.bias_gradient(g)

    for found, wanted in zip(ours(x, w, b, g), theirs(x, w, b, g), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_small_network_is_the_literatures():
    """Network D of SecureNN: 5 filters of 5 x 5 at stride 2 on 28 x 28 give 980 units, then 100 and 10."""
    params = models.cnn((28, 28), 10).init(jax.random.key(0))
    assert {n: p.shape for n, p in params.items()} == {
        "w0": (25, 5), "b0": (5,), "w1": (980, 100), "b1": (100,), "w2": (100, 10), "b2": (10,)
    }  # fmt: skip


def test_a_convolutions_surface_follows_from_the_model():
    model = models.cnn((8, 8), 10, (16,))
    params = jax.eval_shape(model.init, jax.random.key(0))
    x, y = (jax.ShapeDtypeStruct((4, n), jnp.float32) for n in (64, 10))
    surface = tc.surface(tc.secure(lambda p, x, y: model.step(p, x, y, 0.1)), params, x, y)
    clean = {o: s for o, s in surface.shiftable().items() if s}
    assert clean == {f"w{i}": f"{n}{i}/grad_weights" for i, n in enumerate(("conv", "dense", "dense"))}


@pytest.mark.parametrize("hidden", [(10**12,), (20_000, 20_000)])
def test_a_model_that_memory_cannot_hold_is_refused(hidden):
    with pytest.raises(Refusal, match="weights is too large"):
        models.get("mlp", (64,), 10, hidden)
