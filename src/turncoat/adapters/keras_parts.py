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

TRAINING = "train_step", "compute_loss"


def built(model: Any, shape: tuple[int, ...]) -> tuple[Any, dict[int, Any]]:
    """A compiled model that has its variables, and the initializers of those made here, by id.

    Raises Refusal for a model that is not compiled, or not trained as Keras trains.
    """
    notes: dict[int, Any] = {}
    given = isinstance(model, keras.Model)
    with _noted({} if given else notes):
        made = model if given else model()
        if not made.built:
            made.build((None, *shape))
    if not made.compiled or getattr(made, "optimizer", None) is None:
        raise Refusal("the Keras model has no optimizer: call its compile(optimizer=..., loss=...)")
    if own := [name for name in TRAINING if getattr(type(made), name) is not getattr(keras.Model, name)]:
        raise Refusal(
            f"the Keras model has a {own[0]} of its own, which is not run here: write the job's step"
        )
    if isinstance(made.optimizer, keras.optimizers.LossScaleOptimizer):
        raise Refusal("the Keras model scales its loss for float16: take the dtype policy float32")
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


def drawn(variables: list[Any], notes: dict[int, Any], seeds: Any, key: Any) -> dict[str, Array]:
    """Fresh values of variables by their initializers, all of which draw from one key; the others' as they are."""
    values = {}
    with keras.StatelessScope([(seeds.state, seed(key))]):
        for variable in variables:
            if id(variable) not in notes:
                values[variable.path] = jnp.array(variable.value)  # Keras donates its own
                continue
            _, initializer = notes[id(variable)]
            if hasattr(initializer, "seed"):
                initializer.seed = seeds
            values[variable.path] = jnp.asarray(initializer(variable.shape, dtype=variable.dtype))
    return values


def seed(key: Any) -> Array:
    """A state of a Keras seed generator, from a key."""
    return jax.random.bits(key, (2,), jnp.uint32)


def compiled_loss(model: Any) -> tuple[Callable[[Array, Array], Array], bool]:
    """The mean loss of outputs and one-hot labels that a model is compiled with, and whether outputs are logits.

    A sparse loss of labels is the same loss of one-hot labels. Raises Refusal for several losses, or none.
    """
    given = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    weights = getattr(model._compile_loss, "_user_loss_weights", None)
    if not callable(given) or weights or len(getattr(model, "outputs", None) or [0]) != 1:
        raise Refusal("the Keras model needs one output and one loss without a weight: compile it with one")
    logits = bool(getattr(given, "from_logits", False))
    if getattr(given, "name", getattr(given, "__name__", "")) == "sparse_categorical_crossentropy":
        given = keras.losses.CategoricalCrossentropy(from_logits=logits)

    def loss(outputs: Array, y: Array) -> Array:
        return jnp.mean(given(y[:, 1:] if outputs.shape[-1] == 1 else y, outputs))

    return loss, logits


def unseeded(model: Any) -> list[Any]:
    """The variables that are kept beside the trained ones: all but the states of seed generators."""
    return [v for v in model.non_trainable_variables if v.dtype != "uint32"]


def run(model: Any, params: Any, kept: Any, x: Array, key: Any, training: bool) -> tuple[Array, Any, Any]:
    """The outputs, the variables kept and the losses of layers; every seed generator draws from the key."""
    others = model.non_trainable_variables
    values = [
        kept[v.path] if v.path in kept else seed(jax.random.fold_in(key, i)) for i, v in enumerate(others)
    ]
    trained = [params[v.path] for v in model.trainable_variables]
    outputs, values, losses = model.stateless_call(trained, values, x, training=training, return_losses=True)
    after = by_path(others, values)
    return outputs, {name: after[name] for name in kept}, losses


def applied(model: Any, gradient: Any, params: Any, state: Any) -> tuple[Any, Any]:
    """Parameters and optimizer state after a step of the model's own optimizer."""
    variables, trained = model.optimizer.variables, model.trainable_variables
    with jax.named_scope("update"):
        after, state = model.optimizer.stateless_apply(
            [state[v.path] for v in variables],
            [gradient[v.path] for v in trained],
            [params[v.path] for v in trained],
        )
    return by_path(trained, after), by_path(variables, state)


def by_path(variables: Any, values: Any) -> dict[str, Any]:
    """Values by the paths of their variables."""
    return {v.path: value for v, value in zip(variables, values, strict=True)}
