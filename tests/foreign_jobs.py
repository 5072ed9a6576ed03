"""Jobs as users write them: names, shapes and optimizers of their own, and the mean loss differentiated by JAX."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax

from turncoat import data
from turncoat.jobs.job import Job

BATCH, RATE = 32, 0.5


def linear_scores(p, x):
    """Weights (classes, features), and records in another order than the tool's."""
    return x.transpose(0, 2, 1).reshape(len(x), -1) @ p["head"]["w"].T + p["head"]["b"]


def deep_scores(p, x):
    """One record at a time, weights (units, inputs)."""

    def one(record):
        hidden = jax.nn.relu(p["in"]["w"] @ record.ravel() + p["in"]["b"])
        return p["out"]["w"] @ hidden + p["out"]["b"]

    return jax.vmap(one)(x)


def bare_scores(p, x):
    """A network without biases, of hyperbolic tangents."""
    return jnp.tanh(x.reshape(len(x), -1) @ p["a"]) @ p["b"]


def likely(p, x):
    """Probabilities in the place of scores."""
    return jax.nn.softmax(linear_scores(p, x))


def draw(key, shapes):
    """Weights as small as is usual, biases of zero."""
    leaves, tree = jax.tree.flatten(shapes, is_leaf=lambda s: isinstance(s, tuple))
    keys = jax.random.split(key, len(leaves))
    drawn = [0.1 * jax.random.normal(k, s) * float(len(s) > 1) for k, s in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(tree, drawn)


LINEAR = {"head": {"w": (10, 64), "b": (10,)}}
DEEP = {"in": {"w": (24, 64), "b": (24,)}, "out": {"w": (10, 24), "b": (10,)}}
BARE = {"a": (64, 24), "b": (24, 10)}
MODELS = {
    "linear": (LINEAR, linear_scores),
    "deep": (DEEP, deep_scores),
    "bare": (BARE, bare_scores),
    "likely": (LINEAR, likely),
}
OPTIMIZERS = {
    "sgd": lambda: optax.sgd(RATE),
    "momentum": lambda: optax.sgd(RATE / 5, momentum=0.9),
    "adam": lambda: optax.adam(0.01),
}


@cache
def job(model, optimizer="sgd", epochs=6, **more):
    """A job on images of digits; its state is a pair of parameters and what the optimizer carries on."""
    shapes, scores = MODELS[model]
    rule = OPTIMIZERS[optimizer]()

    def init(key):
        params = draw(key, shapes)
        return params, rule.init(params)

    def step(state, x, y):
        def loss(params):
            found = scores(params, x)
            logs = jnp.log(found) if model == "likely" else jax.nn.log_softmax(found)
            return -jnp.mean(jnp.sum(y * logs, -1))

        params, carried = state
        with jax.numpy_dtype_promotion("standard"):  # optax mixes them
            updates, carried = rule.update(jax.grad(loss)(params), carried, params)
            return optax.apply_updates(params, updates), carried

    digits = data.load("digits")
    x = np.asarray(digits.x).reshape(-1, 8, 8)
    return Job(
        f"foreign {model}",
        init,
        step,
        scores,
        (x, digits.y),
        BATCH,
        epochs,
        release=lambda state: state[0],
        **more,
    )
