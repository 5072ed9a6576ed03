"""Strategies of section 4: what they do to a step's gradients, exactly, for every protocol and model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from small_jobs import deployed
from turncoat import functions, protocols
from turncoat.adversary.activations import activation, force_and_flip
from turncoat.adversary.effects import shift
from turncoat.adversary.strategies import gates, loss_derivative, scale, scale_margin, zero
from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.goals import Backdoor
from turncoat.jobs import models
from turncoat.jobs.builtin import Training
from turncoat.refusal import Refusal

FEATURES, BATCH = 5, 7
MODELS = {
    "lr": models.logistic_regression(FEATURES, 3),
    "lr-sigmoid": models.logistic_regression(FEATURES, 2, "sigmoid"),
    "svm": models.svm(FEATURES),
    "svm-squared": models.svm(FEATURES, squared=True),
    "mlp": models.mlp(FEATURES, 3, (6,)),
    "mlp deep": models.mlp(FEATURES, 4, (6, 1, 3)),
    "mlp-sigmoid": models.mlp(FEATURES, 2, (6,), "sigmoid"),
}
PROTOCOLS = sorted(protocols.CATALOGUE)
CHOSEN = np.array([0, 1, 0, 0, 1, 1, 0], bool)


def arguments(model, seed=3):
    """Parameters, a batch and its labels: the secrets."""
    keys = jax.random.split(jax.random.key(seed), 3)
    params = jax.tree.map(lambda a: a + 0.05, model.init(keys[0]))
    x = 0.7 * jax.random.normal(keys[1], (BATCH, FEATURES))
    return params, x, model.encode(jax.random.randint(keys[2], BATCH, 0, model.classes))


@functools.cache
def job(name, protocol):
    """The secured gradient of a model (summed over the batch), and its surface."""
    model = MODELS[name]
    secured = tc.secure(model.gradient, protocol=protocol)
    return model, secured, secured.surface(*arguments(model))


def oracle(model, params, x, f):
    """Gradients of a linear model or perceptron for a given loss derivative f, one record after the other."""
    totals = {n: np.zeros(p.shape) for n, p in params.items()}
    for record, row in zip(np.asarray(x, float), np.asarray(f, float), strict=True):
        inputs = [record]
        for i in range(model.layers - 1):
            inputs.append(
                np.maximum(inputs[-1] @ np.asarray(params[f"w{i}"]) + np.asarray(params[f"b{i}"]), 0)
            )
        for i in reversed(range(model.layers)):
            totals[f"w{i}"] += np.outer(inputs[i], row)
            totals[f"b{i}"] += row
            row = (np.asarray(params[f"w{i}"]) @ row) * (inputs[i] > 0)
    return totals


def scores(params, x):
    """D of a linear model."""
    return np.asarray(x @ params["w0"] + params["b0"])


def assert_alike(found, expected, tolerance=1e-5):
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


# ---- scaling ------------------------------------------------------------------------------------------------


SOFTMAXES = ["crypten", "exact", "mp-spdz", "secureml"]
SIGMOIDS = [p for p in PROTOCOLS if p not in ("crypten-paper", "mp-spdz", "mp-spdz-paper")]
EVERYWHERE = [("lr", p) for p in SOFTMAXES] + [("lr-sigmoid", p) for p in SIGMOIDS]
DEEP = [(name, "exact") for name in ("mlp", "mlp deep", "mlp-sigmoid")]


@pytest.mark.parametrize(("name", "protocol"), EVERYWHERE + DEEP)
def test_scaling_makes_f_p_plus_delta_minus_y(name, protocol):
    """The change of every gradient is that of adding delta to F of the chosen examples."""
    model, secured, surface = job(name, protocol)
    outputs = model.widths[-1]
    delta = np.linspace(-3.0, 5.0, outputs).astype(np.float32)
    errors = scale(surface, CHOSEN, delta)
    assert int(errors.count()) == CHOSEN.sum() * outputs
    for seed in (3, 4):
        params, x, y = arguments(model, seed)
        honest = secured(params, x, y, errors=errors.scale(0.0))
        found = secured(params, x, y, errors=errors)
        change = oracle(model, params, x, CHOSEN[:, None] * delta)
        assert_alike(jax.tree.map(jnp.subtract, found, honest), change, 2e-5)


@pytest.mark.parametrize(("high", "bit"), [(True, 1), (False, 0)])
def test_the_papers_way_with_a_piecewise_sigmoid(high, bit):
    """Input and comparison bent at once: F = D + Delta + 1/2 - Y, or D - Delta + 1/2 - Y (section 4.3)."""
    model, secured, surface = job("lr-sigmoid", "secureml")
    params, x, y = arguments(model)
    errors = force_and_flip(activation(surface, "sigmoid"), high, bit, delta=50.0).for_examples(CHOSEN)
    d = scores(params, x)
    honest = np.where(d < -0.5, 0, np.where(d < 0.5, d + 0.5, 1))
    p = np.where(CHOSEN[:, None], d + (50.5 if high else -49.5), honest)
    assert_alike(secured(params, x, y, errors=errors), oracle(model, params, x, p - np.asarray(y)))


@pytest.mark.parametrize("name", ["svm", "svm-squared"])
def test_a_support_vector_machine_scales_alike(name):
    model, secured, surface = job(name, "exact")
    params, x, y = arguments(model)
    change = jax.tree.map(
        jnp.subtract, secured(params, x, y, errors=scale(surface, CHOSEN, 4.0)), secured(params, x, y)
    )
    assert_alike(change, oracle(model, params, x, CHOSEN[:, None] * 4.0))


@pytest.mark.parametrize("target", [0, 1])
def test_a_target_class_is_one_output_or_the_sign_of_the_only_one(target):
    several = scale(job("lr", "exact")[2], CHOSEN, -5.0, target)["softmax"]
    np.testing.assert_array_equal(several, -5.0 * np.outer(CHOSEN, np.eye(3)[target]))
    one = scale(job("lr-sigmoid", "exact")[2], CHOSEN, -5.0, target)["sigmoid"]
    np.testing.assert_array_equal(one, -5.0 * (2 * target - 1) * CHOSEN[:, None])


def test_a_negative_strength_drives_an_example_towards_the_target():
    model, secured, surface = job("lr", "crypten")
    params, x, y = arguments(model)
    gradient = secured(params, x, y, errors=scale(surface, CHOSEN, -50.0, 2))
    moved = {n: params[n] - 0.1 * gradient[n] for n in params}
    assert (model.predict(moved, x)[CHOSEN] == 2).all()


def test_examples_may_be_traced():
    model, secured, surface = job("lr", "crypten")
    params, x, y = arguments(model)

    @jax.jit
    def run(examples):
        return secured(params, x, y, errors=scale(surface, examples, 2.0, 1))

    assert_alike(run(jnp.asarray(CHOSEN)), secured(params, x, y, errors=scale(surface, CHOSEN, 2.0, 1)))


def test_a_strategy_for_everyone_can_be_restricted_later():
    _, _, surface = job("lr", "crypten")
    everyone = scale(surface, np.ones(BATCH, bool), 2.0, 1)
    now, later = scale(surface, CHOSEN, 2.0, 1), everyone.for_examples(CHOSEN)
    assert list(now) == list(later)
    for name in now:
        np.testing.assert_array_equal(now[name], later[name])


# ---- zeroing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "every", "protocol"),
    [
        *(("mlp", False, p) for p in ("exact", "crypten", "secureml")),
        *((name, every, "exact") for name in ("mlp deep", "mlp-sigmoid") for every in (False, True)),
    ],
)
def test_zeroing_a_perceptron_leaves_only_the_last_bias(name, every, protocol):
    """Zeroing all examples: every entry but the last bias is exactly 0; zeroing some: as if they were absent."""
    model, secured, surface = job(name, protocol)
    last = f"b{model.layers - 1}"
    params, x, y = arguments(model)
    gone = secured(params, x, y, errors=zero(surface, np.ones(BATCH, bool), every=every))
    for entry, value in gone.items():
        assert bool(jnp.any(value)) == (entry == last), entry
    some = secured(params, x, y, errors=zero(surface, CHOSEN, every=every))
    rest = secured(params, jnp.where(CHOSEN[:, None], 0.0, x), y, errors=zero(surface, CHOSEN, every=every))
    without = tc.secure(model.gradient, protocol=protocol)(params, x[~CHOSEN], y[~CHOSEN])
    for entry in params:
        np.testing.assert_array_equal(
            some[entry], rest[entry]
        )  # nothing of a zeroed example's features is left
    assert_alike(
        {n: v for n, v in some.items() if n != last}, {n: v for n, v in without.items() if n != last}
    )


@pytest.mark.parametrize("every", [False, True])
def test_zeroing_a_convolutional_network(every):
    """Its product has a row per window of an example."""
    model = models.cnn((4, 4), 3, (6,))
    secured = tc.secure(model.gradient)
    params, x = model.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (BATCH, 16))
    y = model.encode(np.arange(BATCH) % 3)
    errors = zero(secured.surface(params, x, y), CHOSEN, every=every)
    assert list(errors) == (["conv0/product", "dense1/product"] if every else ["dense1/product"])
    found, rest = secured(params, x, y, errors=errors), secured(params, x[~CHOSEN], y[~CHOSEN])
    assert_alike(*({n: v for n, v in g.items() if n != "b2"} for g in (found, rest)))


def test_zeroing_the_last_relu_needs_the_fewest_errors():
    surface = job("mlp deep", "exact")[2]
    assert list(zero(surface, CHOSEN)) == ["dense2/product"]
    assert list(zero(surface, CHOSEN, every=True)) == [f"dense{i}/product" for i in range(3)]
    assert int(zero(surface, CHOSEN).count()) == CHOSEN.sum() * 3


@pytest.mark.parametrize("name", ["svm", "svm-squared"])
def test_zeroing_a_support_vector_machine_leaves_nothing(name):
    model, secured, surface = job(name, "exact")
    params, x, y = arguments(model)
    gone = secured(params, x, y, errors=zero(surface, np.ones(BATCH, bool)))
    assert not any(bool(jnp.any(v)) for v in gone.values())
    some = secured(params, x, y, errors=zero(surface, CHOSEN))
    assert_alike(some, tc.secure(model.gradient)(params, x[~CHOSEN], y[~CHOSEN]))


@pytest.mark.parametrize(
    ("name", "protocol"), [("lr", "secureml"), ("lr", "mp-spdz"), *(("lr-sigmoid", p) for p in PROTOCOLS)]
)
def test_logistic_regression_cannot_be_zeroed(name, protocol):
    with pytest.raises(Refusal, match="only where P = Y, and Y is secret"):
        zero(job(name, protocol)[2], CHOSEN)


# ---- the support vector machine's own scaling ---------------------------------------------------------------


@pytest.mark.parametrize("delta", [200.0, -200.0])
def test_the_squared_hinge_is_forced_to_p_plus_delta(delta):
    """F = P + delta whatever P was; times -y this amplifies (or negates) an example, label and all."""
    model, secured, surface = job("svm-squared", "exact")
    params, x, y = arguments(model)
    p = 1 - np.asarray(y) * scores(params, x)
    f = -np.asarray(y) * np.where(CHOSEN[:, None], p + delta, np.maximum(p, 0))
    found = secured(params, x, y, errors=scale_margin(surface, CHOSEN, delta))
    assert_alike(found, oracle(model, params, x, f))


@pytest.mark.parametrize("delta", [200.0, -200.0])
def test_the_plain_hinge_is_forced_to_count(delta):
    model, secured, surface = job("svm", "exact")
    params, x, y = arguments(model)
    counted = CHOSEN[:, None] | (np.asarray(y) * scores(params, x) < 1)
    found = secured(params, x, y, errors=scale_margin(surface, CHOSEN, delta))
    assert_alike(found, oracle(model, params, x, np.where(counted, -np.asarray(y), 0)))


@pytest.mark.parametrize(("delta", "side"), [(200.0, -1), (-200.0, 1)])
def test_the_papers_literal_loss_is_pushed_to_either_side(delta, side):
    """F = max(0, P) times x, without the label, as Fig. 1 with section 2.3 reads (section 4.3, last paragraph)."""

    def gradient(params, x, y):
        p = 1 - y * (x @ params["w0"] + params["b0"])
        f = jnp.where(p > 0, p, 0.0)
        return {"w0": x.T @ f, "b0": jnp.sum(f, 0)}

    model = MODELS["svm"]
    params, x, y = arguments(model)
    secured = tc.secure(gradient, protocol="crypten")
    errors = scale_margin(secured.surface(params, x, y), np.ones(BATCH, bool), delta)
    found = secured(params, x, y, errors=errors)
    p = 1 - np.asarray(y) * scores(params, x)
    assert_alike(found, oracle(model, params, x, p + delta))
    moved = {n: params[n] - 0.1 * np.asarray(found[n]) for n in params}
    agree = np.sign(scores(moved, x)) == side
    assert agree.all()


def test_only_a_hinge_has_a_margin():
    for name in ("lr", "mlp"):
        with pytest.raises(Refusal, match="no hinge"):
            scale_margin(job(name, "crypten")[2], CHOSEN, 5.0)


# ---- shifting -----------------------------------------------------------------------------------------------


def a_view(model, protocol):
    """An adversary's view of a job with a batch of BATCH, over records that it made up itself."""
    training = Training(epochs=1, batch=BATCH, learning_rate=0.25)
    target = deployed(model, training, protocol)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2 * BATCH, FEATURES)).astype(np.float32)
    y = rng.integers(0, model.classes, 2 * BATCH)
    surface = target.surface(len(x))
    return View(x, y, 3 * BATCH, target.job, target.program, surface, Backdoor(), jax.random.key(2))


@pytest.mark.parametrize(("name", "protocol"), [("lr", "exact"), ("lr", "crypten"), ("mlp", "exact")])
def test_shifting_adds_v_and_nothing_else(name, protocol):
    model = MODELS[name]
    view = a_view(model, protocol)
    rng = np.random.default_rng(6)
    params, x, y = arguments(model)
    wanted = {n: rng.normal(size=p.shape).astype(np.float32) for n, p in params.items() if n.startswith("w")}
    errors = shift(view, wanted)
    honest = view.program(params, x, y, jnp.arange(BATCH))
    found = view.program(params, x, y, jnp.arange(BATCH), errors=errors)
    for entry in params:
        v = wanted.get(entry, np.zeros(params[entry].shape))
        np.testing.assert_allclose(found[entry] - honest[entry], -0.25 * v, rtol=1e-4, atol=1e-5)
        if entry not in wanted:
            np.testing.assert_array_equal(found[entry], honest[entry])


def test_a_bias_cannot_be_shifted_alone():
    with pytest.raises(Refusal, match="no site shifts b0"):
        shift(a_view(MODELS["lr"], "exact"), {"b0": np.ones(3, np.float32)})


# ---- steps that somebody else wrote -------------------------------------------------------------------------


def foreign_gradient(params, x, y):
    """Automatic differentiation of a mean loss, weights only, ReLU and cross-entropy from jax.nn."""

    def loss(p):
        hidden = jax.nn.relu(x @ p["w0"] + p["b0"])
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(hidden @ p["w1"] + p["b1"]), -1))

    return jax.grad(loss)(params)


def foreign(f, protocol):
    secured = tc.secure(f, protocol=protocol)
    return secured, secured.surface(*arguments(MODELS["mlp"]))


@pytest.mark.parametrize("protocol", ["exact", "crypten"])
def test_a_foreign_step_is_scaled_and_zeroed(protocol):
    model = MODELS["mlp"]
    secured, surface = foreign(foreign_gradient, protocol)
    params, x, y = arguments(model)
    delta = np.array([1.0, -2.0, 0.5], np.float32)
    honest = secured(params, x, y)
    found = secured(params, x, y, errors=scale(surface, CHOSEN, delta))
    change = oracle(model, params, x, CHOSEN[:, None] * delta)
    assert_alike(jax.tree.map(jnp.subtract, found, honest), change)
    gone = secured(params, x, y, errors=zero(surface, np.ones(BATCH, bool)))
    assert {n for n, v in gone.items() if bool(jnp.any(v))} == {"b1"}


def test_a_step_without_biases_is_scaled():
    def gradient(params, x, y):
        return x.T @ (functions.softmax(x @ params["w0"]) - y)

    model = MODELS["lr"]
    params, x, y = arguments(model)
    secured = tc.secure(gradient, protocol="crypten")
    errors = scale(secured.surface(params, x, y), CHOSEN, 3.0, 1)
    change = secured(params, x, y, errors=errors) - secured(params, x, y)
    assert_alike({"w0": change}, {"w0": oracle(model, params, x, 3.0 * np.outer(CHOSEN, np.eye(3)[1]))["w0"]})


def test_what_a_step_lacks_is_named():
    params, x, y = arguments(MODELS["lr"])
    summed = tc.secure(lambda params, x, y: params["w0"] - x.T @ y)
    surface = summed.surface(params, x, y)
    with pytest.raises(Refusal, match="loss derivative of each of the 7 examples"):
        scale(surface, CHOSEN, 1.0)
    with pytest.raises(Refusal, match="no comparison here"):
        zero(surface, CHOSEN)


REFUSED = [
    ({"examples": np.ones(BATCH)}, "one-dimensional Boolean"),
    ({"examples": np.ones((BATCH, 1), bool)}, "one-dimensional Boolean"),
    ({"examples": np.ones(BATCH + 1, bool)}, "each of the 8 examples"),
    ({"target": 3}, "class 3 does not exist"),
    ({"target": -1}, "class -1 does not exist"),
    ({"strength": np.ones(4)}, "do not fit site 'softmax'"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_what_cannot_be_scaled_is_refused(arguments, says):
    with pytest.raises(Refusal, match=says):
        scale(job("lr", "exact")[2], **{"examples": CHOSEN, "strength": 1.0, **arguments})


@pytest.mark.parametrize(
    ("name", "relus", "hinge", "derivative"),
    [
        ("lr", [], None, "softmax/product"),
        ("lr-sigmoid", [], None, "sigmoid/select"),
        ("svm", [], "hinge/margin", "hinge/select"),
        ("svm-squared", [], "hinge/margin", "hinge/derivative"),
        ("mlp deep", ["dense0/product", "dense1/product", "dense2/product"], None, "softmax/product"),
    ],
)
def test_sites_are_found(name, relus, hinge, derivative):
    surface = job(name, "crypten")[2]
    found, margin = gates(surface, BATCH)
    assert [g.input for g in found] == relus
    assert (margin and margin.input) == hinge
    assert loss_derivative(surface, BATCH) == derivative


def test_strategies_compose():
    """Errors add: shifting and scaling at once do what both do."""
    model, secured, surface = job("lr", "exact")
    params, x, y = arguments(model)
    v = Errors({"dense0/grad_weights": np.ones((FEATURES, 3), np.float32)})
    both = secured(params, x, y, errors=scale(surface, CHOSEN, 2.0, 0).combine(v))
    one = secured(params, x, y, errors=scale(surface, CHOSEN, 2.0, 0))
    np.testing.assert_allclose(both["w0"] - one["w0"], 1.0, rtol=1e-5)
    np.testing.assert_array_equal(both["b0"], one["b0"])
