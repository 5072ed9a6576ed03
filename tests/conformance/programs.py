"""The programs that every engine must run: training steps with fixed arguments, small and ordinary."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import turncoat as tc
from turncoat.jobs import models

FEATURES, CLASSES, BATCH, STEPS = 5, 3, 4, 3


@dataclass(frozen=True, eq=False)
class Program:
    """A step `f(params, *data)` and how its arguments are drawn.

    `dyadic`: additions, products and comparisons only, at arguments that are multiples of 1/4, so that every
    number on the way is short and engines with enough digits must agree to the last bit.
    """

    name: str
    f: Callable
    draw: Callable[[np.random.Generator], tuple]
    dyadic: bool = False

    def __repr__(self) -> str:
        return self.name

    def args(self, dtype: Any) -> tuple:
        """The arguments as JAX arrays of this dtype."""
        drawn = self.draw(np.random.default_rng(0))
        if self.dyadic:
            drawn = jax.tree.map(lambda a: np.round(4 * np.clip(a, -2, 2)) / 4, drawn)
        return jax.tree.map(lambda a: jnp.asarray(a, dtype), drawn)


def _of_model(name: str, model: models.Model, dyadic: bool = False) -> Program:
    def draw(rng):
        widths = zip(model.widths[:-1], model.widths[1:], strict=True)
        params = {}
        for i, (n, m) in enumerate(widths):
            params |= {f"w{i}": rng.normal(size=(n, m)) / np.sqrt(n), f"b{i}": 0.1 * rng.normal(size=m)}
        if dyadic:  # at a quarter, weights would all be rounded to a few values
            params = {k: 2 * v for k, v in params.items()}
        labels = np.arange(BATCH) % model.classes
        return params, rng.normal(size=(BATCH, model.widths[0])), np.asarray(model.encode(labels))

    # an eighth is a short number in every engine
    return Program(name, lambda params, x, y: model.step(params, x, y, 0.125), draw, dyadic)


def _descent(loss: Callable) -> Callable:
    def step(params, *data):
        grads = jax.grad(loss)(params, *data)
        return jax.tree.map(lambda p, g: p - 0.125 * g, params, grads)

    return step


# ---- recurrent nets ---------------------------------------------------------------------------------------


def _recurrent(cell: Callable) -> Callable:
    def loss(params, xs, y):
        with jax.named_scope("cell"):
            start = jnp.zeros((xs.shape[1], params["u"].shape[0]), xs.dtype)
            h, _ = lax.scan(lambda h, x: (cell(x @ params["w"] + h @ params["u"]), None), start, xs)
        return jnp.sum((h @ params["v"] - y) ** 2)

    return _descent(loss)


def _sequences(rng):
    params = {"w": rng.normal(size=(2, 2)), "u": rng.normal(size=(2, 2)), "v": rng.normal(size=(2, 1))}
    return params, rng.normal(size=(STEPS, 2, 2)), rng.normal(size=(2, 1))


# ---- a convolutional net ----------------------------------------------------------------------------------


def _cnn(params, x, y):
    dims = ("NHWC", "HWIO", "NHWC")
    with jax.named_scope("conv"):
        a = lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=dims)
    a = tc.functions.relu(a)
    a = lax.reduce_window(a, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    a = lax.reduce_window(a, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")
    return jnp.sum((a.reshape(len(x), -1) @ params["w"] - y) ** 2)


def _images(rng):
    params = {"k": rng.normal(size=(3, 3, 1, 2)), "w": rng.normal(size=(2 * 1 * 2, 1))}
    return params, rng.normal(size=(2, 6, 4, 1)), rng.normal(size=(2, 1))


# ---- layer norm -------------------------------------------------------------------------------------------


def _normed(params, x, y):
    with jax.named_scope("norm"):
        centred = x - jnp.mean(x, -1, keepdims=True)
        variance = jnp.mean(centred**2, -1, keepdims=True)
        a = centred * lax.rsqrt(variance + 0.5) * params["gain"] + params["shift"]
    return jnp.sum((a @ params["w"] - y) ** 2)


def _normable(rng):
    params = {"gain": 1 + 0.1 * rng.normal(size=4), "shift": rng.normal(size=4), "w": rng.normal(size=(4, 1))}
    return params, rng.normal(size=(2, 4)), rng.normal(size=(2, 1))


PROGRAMS = (
    _of_model("lr", models.logistic_regression(FEATURES, CLASSES)),
    _of_model("lr-sigmoid", models.logistic_regression(FEATURES, 2, "sigmoid")),
    _of_model("svm", models.svm(FEATURES), dyadic=True),
    _of_model("mlp", models.mlp(FEATURES, CLASSES, (4,))),
    _of_model("mlp-deep", models.mlp(FEATURES, CLASSES, (4, 3))),
    Program("recurrent", _recurrent(jnp.tanh), _sequences),
    Program("recurrent-relu", _recurrent(tc.functions.relu), _sequences, dyadic=True),
    Program("cnn", _descent(_cnn), _images, dyadic=True),
    Program("layer-norm", _descent(_normed), _normable),
)
