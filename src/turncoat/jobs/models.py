"""Built-in models: logistic regression, linear support vector machine, perceptron, convolutional network.

Plain JAX with the backward pass written out (Fig. 1 and A.2), so that every secure product stands in the
source; `jax.grad` is the tests' oracle. A scope that ends in ':' is the whole name of the operation in it:
`dense0/grad_weights:` names the site `dense0/grad_weights`.

Parameters are a dict `w0, b0, w1, ...`: `w{i}` of shape (inputs, outputs), `b{i}` of shape (outputs,); see
`layers` for what a convolution's are. A step takes a batch `x` of shape (N, features) and encoded labels `y`
(see `Model.encode`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat import functions
from turncoat.jobs.layers import Convolution, Dense, Layer, over
from turncoat.refusal import Refusal, nearest

Params = dict[str, Array]
scope = jax.named_scope


@dataclass(frozen=True)
class Model:
    """A model: what it is, and pure functions over its parameters.

    `output` is "softmax", "sigmoid" (binary), "hinge" or "squared hinge" (support vector machines, labels -1
    and 1); `widths` are the sizes of all layers, from features to scores; `convolutions` are the first layers
    where those are not dense.
    """

    name: str
    widths: tuple[int, ...]
    classes: int
    output: str
    label: str = field(default="", compare=False)
    convolutions: tuple[Convolution, ...] = ()

    @property
    def layers(self) -> int:
        return len(self.widths) - 1

    def layer(self, i: int) -> Layer:
        """The linear part of layer i."""
        if i < len(self.convolutions):
            return self.convolutions[i]
        return Dense(self.widths[i], self.widths[i + 1])

    @property
    def weights(self) -> int:
        """How many there are, biases apart."""
        return sum(prod(self.layer(i).shape) for i in range(self.layers))

    def init(self, key: Any) -> Params:
        """Initial parameters: normal with variance 2 / inputs before a ReLU, 1 / inputs else; biases zero."""
        params: Params = _init(self, key)
        return params

    def encode(self, labels: Any) -> Array:
        """Integer labels as the step takes them: one-hot (N, classes), {0, 1} or {-1, 1} of shape (N, 1)."""
        labels = jnp.asarray(labels)
        if self.output == "softmax":
            encoded: Array = jax.nn.one_hot(labels, self.classes, dtype=jnp.float32)
        else:
            bit = labels.astype(jnp.float32)[:, None]
            encoded = bit if self.output == "sigmoid" else 2 * bit - 1
        return encoded

    def scores(self, params: Params, x: Array) -> Array:
        """Linear outputs of the last layer: (N, classes), or (N, 1) for binary outputs."""
        return _forward(self, params, x)[0]

    def probabilities(self, params: Params, x: Array) -> Array:
        """Class probabilities (N, classes); for a support vector machine, those of its sign."""
        d = self.scores(params, x)
        if self.output == "softmax":
            return functions.softmax(d)
        p = functions.sigmoid(d) if self.output == "sigmoid" else (d > 0).astype(d.dtype)
        return jnp.concatenate([1 - p, p], axis=1)

    def predict(self, params: Params, x: Array) -> Array:
        """The predicted class of each record: (N,) integers."""
        d = self.scores(params, x)
        return jnp.argmax(d, -1) if self.output == "softmax" else (d[:, 0] > 0).astype(jnp.int32)

    def gradient(self, params: Params, x: Array, y: Array) -> Params:
        """The summed gradient of the loss over a batch: backpropagation written out (Fig. 1, A.2)."""
        d, inputs, masks = _forward(self, params, x)
        g = _loss_derivative(self, d, y)
        grads: Params = {}
        for i in reversed(range(self.layers)):
            layer = self.layer(i)
            with scope(f"{layer.name}{i}"):
                with scope("grad_weights:"):
                    grads[f"w{i}"] = layer.weights_gradient(inputs[i], g)
                grads[f"b{i}"] = layer.bias_gradient(g)
                if i:
                    with scope("grad_input:"):
                        g = layer.input_gradient(g, params[f"w{i}"])
            if i:
                with scope(f"relu{i - 1}"), scope("grad_input:"):
                    g = jnp.where(masks[i - 1], g, 0.0)
        return grads

    def step(self, params: Params, x: Array, y: Array, learning_rate: Any = 0.1) -> Params:
        """One step of gradient descent on the mean loss of a batch."""
        grads = self.gradient(params, x, y)
        with scope("update"):
            rate = learning_rate / x.shape[0]
            return {name: params[name] - rate * grads[name] for name in params}

    def loss(self, params: Params, x: Array, y: Array) -> Array:
        """The summed loss whose gradient `gradient` is: cross-entropy, hinge, or half the hinge squared."""
        d = self.scores(params, x)
        if self.output == "softmax":
            return -jnp.sum(y * jax.nn.log_softmax(d))
        if self.output == "sigmoid":
            return jnp.sum(jnp.logaddexp(0.0, d) - y * d)
        violation = jnp.maximum(0.0, 1 - y * d)
        return jnp.sum(violation if self.output == "hinge" else violation**2 / 2)


@partial(jax.jit, static_argnums=0)
def _init(model: Model, key: Any) -> Params:
    params: Params = {}
    for i in range(model.layers):
        n, m = model.layer(i).shape
        gain = 2.0 if i < model.layers - 1 else 1.0
        draw = jax.random.normal(jax.random.fold_in(key, i), (n, m), jnp.float32)
        params[f"w{i}"] = draw * float(np.sqrt(gain / n))
        params[f"b{i}"] = jnp.zeros(m, jnp.float32)
    return params


def _forward(model: Model, params: Params, x: Array) -> tuple[Array, list[Array], list[Array]]:
    """Scores, the input of each layer, and the comparison bits of each ReLU."""
    a, inputs, masks = x, [], []
    for i in range(model.layers):
        inputs.append(a)
        layer = model.layer(i)
        with scope(f"{layer.name}{i}"):
            with scope("product:"):
                d = layer.product(a, params[f"w{i}"])
            d = d + layer.bias(params[f"b{i}"])
        if i < model.layers - 1:
            with scope(f"relu{i}"):
                mask = d > 0
                a = jnp.where(mask, d, 0.0)
            masks.append(mask)
    return d, inputs, masks


def _loss_derivative(model: Model, d: Array, y: Array) -> Array:
    """F = P - Y (Fig. 1); of a hinge max(0, P), P = 1 - y d: -y where P > 0, and -y max(0, P) if squared.

    The squared one is the paper's F = max(0, P) (section 2.3) as a gradient that descends: times -y.
    """
    if model.output == "softmax":
        return functions.softmax(d) - y
    if model.output == "sigmoid":
        return functions.sigmoid(d) - y
    with scope("hinge"):
        with scope("margin:"):
            margin = y * d
        if model.output == "hinge":
            return jnp.where(margin < 1, -y, 0.0)
        violation = jnp.where(margin < 1, 1 - margin, 0.0)
        with scope("derivative:"):
            return -y * violation


# ---- the catalogue ----------------------------------------------------------------------------------------


def logistic_regression(features: int, classes: int = 2, output: str = "softmax") -> Model:
    """Logistic regression: softmax over any number of classes, or sigmoid over two (section 2.3)."""
    return Model("lr", (features, classes if output == "softmax" else 1), classes, output)


def svm(features: int, squared: bool = False) -> Model:
    """A linear support vector machine with the hinge loss (section 2.3), or its square; two classes."""
    if squared:
        return Model("svm-squared", (features, 1), 2, "squared hinge")
    return Model("svm", (features, 1), 2, "hinge")


def mlp(features: int, classes: int, hidden: tuple[int, ...] = (128,), output: str = "softmax") -> Model:
    """A multilayer perceptron with ReLU, of any depth (A.2)."""
    if not hidden or min(hidden) < 1:
        raise Refusal("a multilayer perceptron needs hidden layers of at least one neuron, e.g. --hidden 128")
    return Model("mlp", (features, *hidden, classes if output == "softmax" else 1), classes, output)


def cnn(shape: tuple[int, ...], classes: int, hidden: tuple[int, ...] = (100,)) -> Model:
    """A small convolutional network: five filters of 5 x 5 at stride 2, then dense layers, ReLU between.

    With 100 hidden neurons on images of 28 x 28 it is "network D" of SecureNN (Wagh et al. 2019), which is that
    of Chameleon: 980 units, 100, 10 (tf-encrypted, `examples/models/network_d.py`).
    """
    if not hidden or min(hidden) < 1:
        raise Refusal("a convolutional network needs dense layers of at least one neuron, e.g. --hidden 100")
    first = over(shape, outputs=5, side=5, stride=2)
    widths = (first.inputs, first.units, *hidden, classes)
    return Model("cnn", widths, classes, "softmax", convolutions=(first,))


Shape = tuple[int, ...]

CATALOGUE: dict[str, Callable[[Shape, int, Shape], Model]] = {
    "lr": lambda shape, classes, hidden: logistic_regression(prod(shape), classes),
    "lr-sigmoid": lambda shape, classes, hidden: logistic_regression(prod(shape), classes, "sigmoid"),
    "svm": lambda shape, classes, hidden: svm(prod(shape)),
    "svm-squared": lambda shape, classes, hidden: svm(prod(shape), squared=True),
    "mlp": lambda shape, classes, hidden: mlp(prod(shape), classes, hidden),
    "mlp-sigmoid": lambda shape, classes, hidden: mlp(prod(shape), classes, hidden, "sigmoid"),
    "cnn": cnn,
}
MOST = 10**8
"""The most weights of a model: what MPC trains is far smaller, and memory ends there."""
BINARY = ("lr-sigmoid", "svm", "svm-squared", "mlp-sigmoid")
DEEP = ("mlp", "mlp-sigmoid", "cnn")
"""Models with dense hidden layers."""


def get(name: str, shape: Shape, classes: int, hidden: Shape = (128,)) -> Model:
    """The model of this name for records of this shape before flattening, and dense hidden layers.

    Raises Refusal if it is unknown, binary for more classes, or needs images where there are none.
    """
    if name not in CATALOGUE:
        raise Refusal(f"there is no model {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    if name in BINARY and classes != 2:
        raise Refusal(f"model {name!r} separates two classes, but the data has {classes}; take 'lr' or 'mlp'")
    model = CATALOGUE[name](shape, classes, hidden)
    if model.weights > MOST:
        raise Refusal(
            f"a model of {model.weights:,} weights is too large to train here; take smaller hidden layers"
        )
    return model
