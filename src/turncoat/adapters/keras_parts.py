"""What a Keras model is compiled with and starts from, as functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.refusal import Refusal

try:
    import keras
except ModuleNotFoundError as error:
    if error.name == "keras":
        raise
    raise Refusal(f"keras finds no {error.name}: set the environment variable KERAS_BACKEND to jax") from None
if keras.backend.backend() != "jax":
    raise Refusal(
        f"keras runs on {keras.backend.backend()}: set the environment variable KERAS_BACKEND to jax before keras is "
        "imported"
    )


def built(model: Any, shape: tuple[int, ...]) -> tuple[Any, dict[int, Any]]:
    """A compiled model that has its variables, and the initializers of those made here, by id.

    Raises Refusal for a model that is not compiled.
    """
    notes: dict[int, Any] = {}
    with _noted(notes):
        made = model if isinstance(model, keras.Model) else model()
        if not made.built:
            made.build((None, *shape))
    if not made.compiled or getattr(made, "optimizer", None) is None:
        raise Refusal("the Keras model has no optimizer: call its compile(optimizer=..., loss=...)")
    if not made.optimizer.built:
        made.optimizer.build(made.trainable_variables)
    return made, notes


@contextmanager
def _noted(notes: dict[int, Any]) -> Iterator[None]:
    """Notes the initializer of every variable that is made meanwhile: Keras forgets it."""
    begin = keras.Variable._initialize_with_initializer

    def noting(variable: Any, initializer: Any) -> None:
        notes[id(variable)] = variable, initializer  # an id belongs to who lives
        begin(variable, initializer)

    keras.Variable._initialize_with_initializer = noting
    try:
        yield
    finally:
        keras.Variable._initialize_with_initializer = begin


def drawn(variables: list[Any], notes: dict[int, Any], seeds: Any, key: Any) -> list[Array]:
    """Fresh values of variables by their initializers, all of which draw from one key; the others' as they are."""
    values = []
    with keras.StatelessScope([(seeds.state, seed(key))]):
        for variable in variables:
            if id(variable) not in notes:
                values.append(jnp.asarray(variable.value))
                continue
            _, initializer = notes[id(variable)]
            if hasattr(initializer, "seed"):
                initializer.seed = seeds
            values.append(jnp.asarray(initializer(variable.shape, dtype=variable.dtype)))
    return values


def seed(key: Any) -> Array:
    """A state of a Keras seed generator, from a key."""
    return jax.random.bits(key, (2,), jnp.uint32)


def compiled_loss(model: Any) -> tuple[Callable[[Array, Array], Array], bool]:
    """The mean loss of outputs and one-hot labels that a model is compiled with, and whether outputs are logits.

    A sparse loss of labels is the same loss of one-hot labels. Raises Refusal for several losses, or none.
    """
    given = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    if not callable(given):
        raise Refusal("the Keras model needs one loss: call its compile(optimizer=..., loss=...) with one")
    logits = bool(getattr(given, "from_logits", False))
    if getattr(given, "name", getattr(given, "__name__", "")) == "sparse_categorical_crossentropy":
        given = keras.losses.CategoricalCrossentropy(from_logits=logits)

    def loss(outputs: Array, y: Array) -> Array:
        return jnp.mean(given(y[:, 1:] if outputs.shape[-1] == 1 else y, outputs))

    return loss, logits
