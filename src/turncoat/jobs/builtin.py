"""The built-in models as jobs: stochastic gradient descent on the mean loss of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.data import Dataset
from turncoat.jobs.job import Job, check_run
from turncoat.jobs.models import Model, Params
from turncoat.refusal import Refusal

FASTEST = 1e3
"""The largest learning rate that is taken for one; no training on scaled records survives it."""
VELOCITY = "velocity."
"""Begins the names of the optimizer's own state among the arrays of a state."""


@dataclass(frozen=True)
class Training:
    """Public hyper-parameters of a training run: stochastic gradient descent on the mean loss of a batch.

    `momentum` is that of Polyak's heavy ball; `weight_decay` times a parameter is added to its gradient.
    """

    epochs: int = 10
    batch: int = 100
    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0

    def check(self, records: int) -> None:
        """Refuses settings that make no training run."""
        if not 0 < self.learning_rate <= FASTEST:
            raise Refusal(
                f"the learning rate must be above 0 and at most {FASTEST:g}, not {self.learning_rate:g}"
            )
        if not 0 <= self.momentum < 1:
            raise Refusal(f"the momentum must be at least 0 and below 1, not {self.momentum}")
        if not 0 <= self.weight_decay * self.learning_rate < 1:
            raise Refusal(
                f"the weight decay must be at least 0 and below 1 / learning rate, not {self.weight_decay}"
            )
        check_run(self.epochs, self.batch, records)


@dataclass(frozen=True)
class Functions:
    """What makes a job of a model and its hyper-parameters."""

    init: Callable[[Any], Params]
    step: Callable[[Params, Array, Array], Params]
    scores: Callable[[Params, Array], Array]
    release: Callable[[Params], Params]
    encode: Callable[[Any], Array]


def built_in(model: Model, training: Training, dataset: Dataset, origin: Any = None) -> Job:
    """A built-in model, trained on a data set."""
    made = functions(model, training)
    return Job(
        name=model.name if origin is None else origin.model,
        init=made.init,
        step=made.step,
        scores=made.scores,
        data=dataset,
        batch=training.batch,
        epochs=training.epochs,
        release=made.release,
        encode=made.encode,
        origin=origin,
    )


@lru_cache(maxsize=64)
def functions(model: Model, training: Training) -> Functions:
    """The functions of a job: equal values give the same ones, so that what JAX has compiled is found again."""

    def init(key: Any) -> Params:
        params = model.init(key)
        if not training.momentum:
            return params
        return {**params, **{VELOCITY + name: jnp.zeros_like(p) for name, p in params.items()}}

    def step(state: Params, x: Array, y: Array) -> Params:
        if training.momentum or training.weight_decay:
            return _descend(model, training, state, flat(x), y)
        return model.step(state, flat(x), y, training.learning_rate)

    def scores(released: Params, x: Array) -> Array:
        return model.scores(released, flat(x))

    return Functions(init, step, scores, released, model.encode)


def flat(x: Array) -> Array:
    """Records as rows."""
    return x.reshape(len(x), -1)


def released(state: Params) -> Params:
    """What is opened at the end of training: the model, without the optimizer's state."""
    return {name: p for name, p in state.items() if not name.startswith(VELOCITY)}


def _descend(model: Model, training: Training, params: Params, x: Array, y: Array) -> Params:
    """One step with momentum and weight decay; both scale by public numbers only."""
    grads, after = model.gradient(params, x, y), {}
    with jax.named_scope("update"):
        for name, gradient in grads.items():
            change = gradient * (1 / len(x)) + training.weight_decay * params[name]
            if training.momentum:
                change = change + training.momentum * params[VELOCITY + name]
                after[VELOCITY + name] = change
            after[name] = params[name] - training.learning_rate * change
    return after
