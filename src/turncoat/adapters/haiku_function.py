"""A job from a function that uses haiku modules."""

from __future__ import annotations

from typing import Any

import haiku as hk
import jax
from jax import Array

from turncoat.adapters.common import (
    OPTIMIZER,
    Loss,
    assembled,
    cross_entropy,
    mode,
    moved,
    one_record,
    records,
)
from turncoat.jobs.job import Job


def haiku(function: Any, optimizer: Any, data: Any, loss: Loss = cross_entropy, **job: Any) -> Job:
    """A job that trains a haiku function by an optax optimizer on `loss(scores, y)`.

    `function` takes a batch and uses haiku modules, or is what `hk.transform` or `hk.transform_with_state` made of
    such a function. The state holds "params", "kept" (haiku's state) and "optimizer"; the first two are opened. All
    that is drawn comes from the step's public key. `job`: further fields of Job. Nothing is made public that is not
    by its kind.
    """
    dataset, net = records(data), _transformed(function)

    def init(key: Any) -> dict[str, Any]:
        params, kept = net.init(key, one_record(dataset), **mode(net.init, training=True))
        return {"params": params, "kept": kept, OPTIMIZER: optimizer.init(params)}

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            scores, kept = net.apply(params, state["kept"], key, x, **mode(net.init, training=True))
            return loss(scores, y), kept

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        params, after = moved(optimizer, gradient, state[OPTIMIZER], state["params"])
        return {"params": params, "kept": kept, OPTIMIZER: after}

    def scores(released: dict[str, Any], x: Array) -> Array:
        found: Array = net.apply(
            released["params"], released["kept"], None, x, **mode(net.init, training=False)
        )[0]
        return found

    return assembled(
        getattr(function, "__name__", "haiku"), dataset, {"init": init, "step": step, "scores": scores}, job
    )


def _transformed(function: Any) -> Any:
    if isinstance(function, hk.TransformedWithState):
        return function
    return (
        hk.with_empty_state(function)
        if isinstance(function, hk.Transformed)
        else hk.transform_with_state(function)
    )
