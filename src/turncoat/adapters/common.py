"""What adapters share: the loss by default, the optimizer's move, how a module is told that it trains."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat import data as sources
from turncoat.data import Dataset
from turncoat.jobs.job import Job
from turncoat.refusal import Refusal

Loss = Callable[[Array, Array], Array]
MODES = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "use_running_average": False,
}
"""What modules call the argument that says whether they train, and its value when they do."""
OPTIMIZER = "optimizer"


def cross_entropy(scores: Array, y: Array) -> Array:
    """The mean softmax cross-entropy of scores (n, classes) and one-hot labels; of one score, the sigmoid's."""
    if scores.shape[-1] == 1:
        towards = (2 * y[:, 1] - 1) * scores[:, 0]  # the score of the record's own class
        return -jnp.mean(jax.nn.log_sigmoid(towards))
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(scores), axis=-1))


def moved(optimizer: Any, gradient: Any, state: Any, params: Any) -> tuple[Any, Any]:
    """Parameters and optimizer state after a step of an optax optimizer."""
    with jax.named_scope("update"):
        updates, state = optimizer.update(gradient, state, params)
        return jax.tree.map(lambda p, u: (p + u).astype(p.dtype), params, updates), state


def mode(call: Callable[..., Any], training: bool) -> dict[str, Any]:
    """The arguments that tell a module whether it trains, of those that its signature names."""
    known = inspect.signature(call).parameters
    return {name: value == training for name, value in MODES.items() if name in known}


def records(data: Any) -> Dataset:
    """The data of a job, whose records' shape a module may need before it has parameters."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        return sources.of_arrays(*data)
    return sources.load(str(data))


def one_record(data: Dataset) -> Array:
    """A batch of one record of zeros."""
    return jnp.zeros((1, *data.shape), jnp.float32)


def without_optimizer(state: Mapping[str, Any]) -> dict[str, Any]:
    """What an adapted job opens: parameters and what the module keeps, without the optimizer's state."""
    return {name: part for name, part in state.items() if name != OPTIMIZER}


def assembled(
    name: str, data: Dataset, made: Mapping[str, Any], given: Mapping[str, Any], fixed: bool = False
) -> Job:
    """The job of these functions, with the fields that the user gave over ours.

    `fixed`: every run starts alike, so in public. Raises Refusal for a start that is fixed and to be secret, and for
    a module without parameters.
    """
    if fixed and given.get("initial", "public") != "public":
        raise Refusal(
            f"initial of job {name!r} cannot be secret: every run starts from the module that was given; "
            "give a function that makes one"
        )
    start = {"initial": "public"} if fixed else {}
    job = Job(**{"name": name, "release": without_optimizer, **start, **made, "data": data, **given})
    if not any(jax.dtypes.issubdtype(leaf.dtype, np.inexact) for leaf in jax.tree.leaves(job.released)):
        raise Refusal(f"the module of job {job.name!r} has no parameter, so that there is nothing to train")
    return job
