"""Functions that a protocol may replace whole: softmax, sigmoid, ReLU; and what opens a value to all parties.

A jaxpr holds `jax.nn.softmax` only as its primitives, and after differentiation not even in one piece.
These are the same functions behind a call that survives `grad` and `vmap`, so that a framework's own
softmax circuit can stand in its place; outside `secure` they are plain JAX.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

WHOLE = "turncoat."  # reserved prefix of a jitted function's name: `secure` keeps the call as one operation


def _whole(name: str, f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """f behind a call of a reserved name; under vmap the batch stands in front, so its layout is known."""

    def body(x: Array) -> Array:
        return f(x)

    body.__name__ = WHOLE + name
    call = custom_vmap(jax.jit(body))
    call.def_vmap(lambda size, batched, x: (call(x), True))
    return call


def _softmax_last(x: Array) -> Array:
    e = jnp.exp(x - jnp.max(x, axis=-1, keepdims=True))
    return e / jnp.sum(e, axis=-1, keepdims=True)


def _same(x: Array) -> Array:
    return x


REVEAL = WHOLE + "reveal"
_same.__name__ = REVEAL
_revealed = jax.jit(_same)


@jax.custom_jvp
def revealed(x: Array) -> Array:
    """x itself, which all parties learn under `secure`."""
    return _revealed(x)


@revealed.defjvp
def _revealed_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return revealed(*primals), tangents[0]


_softmax = _whole("softmax", _softmax_last)
_sigmoid = _whole("sigmoid", jax.lax.logistic)
_relu = _whole("relu", lambda x: jax.lax.max(x, jnp.zeros_like(x)))


@jax.custom_vjp
def _softmax_grad(x: Array) -> Array:
    return _softmax(x)


def _softmax_forward(x: Array) -> tuple[Array, Array]:
    p = _softmax(x)
    return p, p


def _softmax_backward(p: Array, g: Array) -> tuple[Array]:
    return (p * (g - jnp.sum(p * g, axis=-1, keepdims=True)),)


_softmax_grad.defvjp(_softmax_forward, _softmax_backward)


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x_i) / sum_j exp(x_j) along an axis, computed by the protocol's own circuit under `secure`."""
    return jnp.moveaxis(_softmax_grad(jnp.moveaxis(x, axis, -1)), -1, axis)


@jax.custom_vjp
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) entry by entry, computed by the protocol's own circuit under `secure`."""
    return _sigmoid(x)


def _sigmoid_forward(x: Array) -> tuple[Array, Array]:
    p = _sigmoid(x)
    return p, p


def _sigmoid_backward(p: Array, g: Array) -> tuple[Array]:
    return (g * (p * (1 - p)),)


sigmoid.defvjp(_sigmoid_forward, _sigmoid_backward)


@jax.custom_vjp
def relu(x: Array) -> Array:
    """max(0, x) entry by entry; the comparison bit of the forward pass is reused in the backward pass."""
    return _relu(x)


def _relu_forward(x: Array) -> tuple[Array, Array]:
    return _relu(x), x > 0


def _relu_backward(positive: Array, g: Array) -> tuple[Array]:
    return (jnp.where(positive, g, 0),)


relu.defvjp(_relu_forward, _relu_backward)
