"""A job from a Keras 3 model on the JAX backend."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.adapters.common import OPTIMIZER, assembled, records
from turncoat.adapters.keras_parts import applied, built, compiled_loss, drawn, run, unseeded
from turncoat.adapters.keras_parts import keras as api
from turncoat.jobs.job import Job


def keras(model: Any, data: Any, **job: Any) -> Job:
    """A job that trains a compiled Keras model by its own optimizer on its own loss.

    `model` is a function of nothing that makes and compiles the model, or such a model, which is then every run's
    start, known to all. The state holds "params" (trainable variables), "kept" (the others) and "optimizer"; the
    first two are opened. States of seed generators are not carried on: all that the model draws comes from the step's
    public key. Made public: the optimizer's single numbers, such as its learning rate. `job`: further fields of Job.
    """
    dataset = records(data)
    net, notes = built(model, dataset.shape)
    (loss, logits), seeds = compiled_loss(net), api.random.SeedGenerator(0)

    def init(key: Any) -> dict[str, Any]:
        first, second = jax.random.split(key)
        optimizer = {v.path: jnp.array(v.value) for v in net.optimizer.variables}  # Keras donates its own
        return {
            "params": drawn(net.trainable_variables, notes, seeds, first),
            "kept": drawn(unseeded(net), notes, seeds, second),
            OPTIMIZER: optimizer,
        }

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            outputs, kept, losses = run(net, params, state["kept"], x, key, training=True)
            return sum(losses, loss(outputs, y)), kept

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        params, optimizer = applied(net, gradient, state["params"], state[OPTIMIZER])
        return {"params": params, "kept": kept, OPTIMIZER: optimizer}

    def scores(released: dict[str, Any], x: Array) -> Array:
        outputs = run(net, released["params"], released["kept"], x, jax.random.key(0), training=False)[0]
        return outputs if outputs.shape[-1] > 1 or logits else outputs - 0.5

    known = tuple(f"{OPTIMIZER}/{v.path}" for v in net.optimizer.variables if not v.shape)
    made = {"init": init, "step": step, "scores": scores, "public": known}
    return assembled(net.name, dataset, made, job, fixed=isinstance(model, api.Model))
