"""Amplification: what an error in a ReLU bit's conversion does to gradients, against a formula in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import functions, protocols
from turncoat.adversary.strategies import amplify, gates, loss_derivative
from turncoat.jobs import models
from turncoat.refusal import Refusal

BATCH, FEATURES = 6, 5
CHOSEN = np.array([0, 1, 0, 1, 1, 0], bool)
EVERYONE = np.ones(BATCH, bool)


def arguments(model):
    keys = jax.random.split(jax.random.key(3), 3)
    x = 0.7 * jax.random.normal(keys[1], (BATCH, FEATURES))
    return model.init(keys[0]), x, model.encode(jax.random.randint(keys[2], BATCH, 0, model.classes))


def expected(params, x, y, e):
    """Gradients of a binary perceptron with SecureML's sigmoid whose last hidden layer's are amplified by e."""
    w, b = ([np.asarray(params[f"{n}{i}"], float) for i in range(3)] for n in "wb")
    first = np.asarray(x, float) @ w[0] + b[0]
    second = np.maximum(first, 0) @ w[1] + b[1]
    score = np.maximum(second, 0) @ w[2] + b[2]
    g = np.clip(score + 0.5, 0, 1) - np.asarray(y, float)
    out = {"w2": np.maximum(second, 0).T @ g, "b2": g.sum(0)}
    g = ((second > 0) - 2.0 * e[:, None]) * (g @ w[2].T)
    out |= {"w1": np.maximum(first, 0).T @ g, "b1": g.sum(0)}
    g = (first > 0) * (g @ w[1].T)
    return out | {"w0": np.asarray(x, float).T @ g, "b0": g.sum(0)}


def test_the_gradients_of_chosen_examples_are_amplified_or_negated():
    model = models.mlp(FEATURES, 2, (6, 4), "sigmoid")
    args = arguments(model)
    secured = tc.secure(model.gradient, protocol="secureml", engine="replicated")
    surface = secured.surface(*args)
    strengths = (0, 1, -1, -3, 5)
    (site,) = amplify(surface, CHOSEN, 1)
    errors = {site: jnp.stack([amplify(surface, CHOSEN, e)[site] for e in strengths])}
    found = jax.jit(jax.vmap(lambda e: secured(*args, errors=e)))(errors)
    for i, e in enumerate(strengths):
        for name, gradient in expected(*args, e * CHOSEN).items():
            np.testing.assert_allclose(found[name][i], gradient, atol=2e-3 * (1 + 2 * abs(e)), err_msg=name)
    assert abs(found["w0"][1] - found["w0"][0]).max() > 0.1


@pytest.mark.parametrize("protocol", sorted(protocols.CATALOGUE.keys() - {"exact"}))
def test_every_protocol_leaves_networks_this_way_in(protocol):
    model = models.mlp(FEATURES, 3, (6, 4))
    surface = tc.secure(model.step, protocol=protocol, engine="replicated").surface(*arguments(model))
    ((site, error),) = amplify(surface, CHOSEN, -2).items()
    assert site == "relu1/grad_input/xor2"
    np.testing.assert_array_equal(error, np.where(CHOSEN[:, None], -2, 0) * np.ones((1, 4), int))
    exposure = surface.exposure[site]
    assert {o for o, r in exposure.items() if r.kind == "scaled"} == {"w0", "b0", "w1", "b1"} == set(exposure)


def test_in_a_users_step_it_is_found_by_what_it_is():
    def step(w, v, x, y):
        def loss(w, v):
            with jax.named_scope("model"):
                return jnp.sum((functions.relu(x @ w) @ v - y) ** 2)

        gw, gv = jax.grad(loss, (0, 1))(w, v)
        return w - 0.1 * gw, v - 0.1 * gv

    args = np.ones((FEATURES, 4)), np.ones((4, 1)), np.ones((BATCH, FEATURES)), np.ones((BATCH, 1))
    args = [a.astype(np.float32) for a in args]
    surface = tc.secure(step, protocol="crypten", engine="replicated").surface(*args)
    (site,) = amplify(surface, CHOSEN, 1)
    assert surface[site].phase == "backward" and set(surface.exposure[site]) == {"0"}


def test_where_nothing_can_be_amplified_it_is_refused():
    network, linear = models.mlp(FEATURES, 3, (6,)), models.logistic_regression(FEATURES, 3)
    for engine in ("reals", "ring"):
        surface = tc.secure(network.step, protocol="crypten", engine=engine).surface(*arguments(network))
        with pytest.raises(
            Refusal, match=f"engine '{engine}' converts no bit by products.*take --engine rep"
        ):
            amplify(surface, CHOSEN, 1)
    surface = tc.secure(linear.step, protocol="crypten", engine="replicated").surface(*arguments(linear))
    with pytest.raises(Refusal, match="amplification needs a network; take --model mlp"):
        amplify(surface, CHOSEN, 1)


def test_other_strategies_find_their_sites_beside_the_conversions():
    for model in (models.mlp(FEATURES, 3, (6,)), models.svm(FEATURES)):
        found = []
        for engine in ("ring", "replicated"):
            surface = tc.secure(model.step, protocol="crypten", engine=engine).surface(*arguments(model))
            relus, hinge = gates(surface, BATCH)
            margin = None if hinge is None else (hinge.sites, hinge.input)
            found.append(([(r.sites, r.input) for r in relus], margin, loss_derivative(surface, BATCH)))
        assert found[0] == found[1] and (found[0][0] or found[0][1])
