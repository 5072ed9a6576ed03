"""A job from a flax linen module."""

from __future__ import annotations

from typing import Any

import flax.linen  # noqa: F401  # so that a refusal names it where it is not installed
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


def linen(module: Any, optimizer: Any, data: Any, loss: Loss = cross_entropy, **job: Any) -> Job:
    """A job that trains a linen module by an optax optimizer on `loss(scores, y)`.

    Its state holds the module's collections ("params", "batch_stats", ...) and "optimizer"; all but the latter
    are opened. All that the module draws (dropout) comes from the step's public key. `job`: further fields of Job.
    Nothing is made public that is not by its kind.
    """
    dataset = records(data)

    def init(key: Any) -> dict[str, Any]:
        variables = module.init(key, one_record(dataset), **mode(module.__call__, training=False))
        params = variables.get("params", {})
        return {**variables, "params": params, OPTIMIZER: optimizer.init(params)}

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        kept = {name: part for name, part in state.items() if name not in ("params", OPTIMIZER)}

        def of(params: Any) -> tuple[Array, Any]:
            scores, changed = module.apply(
                {"params": params, **kept},
                x,
                rngs={"params": key},  # from which linen draws all streams that have no key of their own
                mutable=list(kept),
                **mode(module.__call__, training=True),
            )
            return loss(scores, y), changed

        gradient, changed = jax.grad(of, has_aux=True)(state["params"])
        params, after = moved(optimizer, gradient, state[OPTIMIZER], state["params"])
        return {**kept, **changed, "params": params, OPTIMIZER: after}

    def scores(released: dict[str, Any], x: Array) -> Array:
        found: Array = module.apply(released, x, **mode(module.__call__, training=False))
        return found

    return assembled(type(module).__name__, dataset, {"init": init, "step": step, "scores": scores}, job)
