"""Functions that a protocol may replace whole: the plain functions, which survive grad and vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import functions

X = jnp.linspace(-3, 3, 24).reshape(4, 6) ** 3 / 5
CASES = {
    "softmax": (functions.softmax, jax.nn.softmax),
    "softmax axis 0": (lambda x: functions.softmax(x, 0), lambda x: jax.nn.softmax(x, 0)),
    "sigmoid": (functions.sigmoid, jax.nn.sigmoid),
    "relu": (functions.relu, jax.nn.relu),
}
VIEWS = {
    "value": lambda f: f,
    "gradient": lambda f: jax.grad(lambda x: jnp.sum(f(x) ** 3)),
    "vmap": lambda f: jax.vmap(f) if f is not CASES["softmax axis 0"][0] else f,
    "vmap over columns": lambda f: jax.vmap(lambda c: f(c[None])[0], in_axes=1, out_axes=1),
    "jit": jax.jit,
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", [n for n in CASES if n != "softmax axis 0"])
def test_they_are_the_functions_of_jax_nn(name, view):
    ours, theirs = CASES[name]
    np.testing.assert_allclose(VIEWS[view](ours)(X), VIEWS[view](theirs)(X), atol=1e-6)
    secured = tc.secure(VIEWS[view](ours))(X)
    np.testing.assert_allclose(secured, VIEWS[view](theirs)(X), atol=1e-6)


def test_softmax_takes_an_axis():
    ours, theirs = CASES["softmax axis 0"]
    np.testing.assert_allclose(tc.secure(ours)(X), theirs(X), atol=1e-6)


@pytest.mark.parametrize("in_axis", [0, 1, 2])
def test_a_batched_softmax_keeps_its_axis_under_a_protocol(in_axis):
    x = jax.random.normal(jax.random.key(0), (3, 4, 5))
    batched = jax.vmap(functions.softmax, in_axes=in_axis, out_axes=in_axis)
    expected = jax.vmap(jax.nn.softmax, in_axes=in_axis, out_axes=in_axis)(x)
    np.testing.assert_allclose(tc.secure(batched, protocol="crypten")(x), expected, atol=2e-3)


def test_the_protocol_replaces_them_whole():
    def gradient(x):
        return jax.grad(lambda v: jnp.sum(functions.softmax(functions.relu(v)) ** 2))(x)

    names = list(tc.secure(gradient, protocol="crypten").surface(X).sites)
    assert "softmax/exp/square3" in names and "softmax/product" in names
    assert names.count("relu/compare") == 1 and "relu/compare#2" not in names  # the bit is reused
    assert list(tc.secure(functions.softmax).surface(X).sites) == ["softmax"]
