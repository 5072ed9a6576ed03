"""A job from a Keras 3 model on the JAX backend."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.adapters.common import OPTIMIZER, assembled, records
from turncoat.adapters.keras_parts import built, compiled_loss, drawn, keras as api, seed
from turncoat.jobs.job import Job


def keras(model: Any, data: Any, **job: Any) -> Job:
    """A job that trains a compiled Keras model by its own optimizer on its own loss.

    `model` is a function of nothing that makes and compiles the model, or such a model, which is then every run's start,
    known to all. The state holds "params" (trainable variables), "kept" (the others) and "optimizer"; the first two are
    opened. States of seed generators are not carried on: all that the model draws comes from the step's public key.
    Made public: the optimizer's single numbers, such as its learning rate. `job`: further fields of Job.
    """
    dataset = records(data)
    net, notes = built(model, dataset.shape)
    (loss, logits), seeds = compiled_loss(net), api.random.SeedGenerator(0)
    kept_variables = [v for v in net.non_trainable_variables if v.dtype != "uint32"]

    def run(params: Any, kept: Any, x: Array, key: Any, training: bool) -> tuple[Array, Any, Any]:
        """The outputs, the variables kept and the losses of layers."""
        count = iter(range(len(net.non_trainable_variables)))
        others = [
            kept[v.path] if v.dtype != "uint32" else seed(jax.random.fold_in(key, next(count)))
            for v in net.non_trainable_variables
        ]
        outputs, others, losses = net.stateless_call(
            [params[v.path] for v in net.trainable_variables],
            others,
            x,
            training=training,
            return_losses=True,
        )
        after = dict(zip((v.path for v in net.non_trainable_variables), others, strict=True))
        return outputs, {name: after[name] for name in kept}, losses

    def init(key: Any) -> dict[str, Any]:
        first, second = jax.random.split(key)
        params = drawn(net.trainable_variables, notes, seeds, first)
        kept = drawn(kept_variables, notes, seeds, second)
        optimizer = [jnp.asarray(v.value) for v in net.optimizer.variables]
        return {
            "params": _named(net.trainable_variables, params),
            "kept": _named(kept_variables, kept),
            OPTIMIZER: _named(net.optimizer.variables, optimizer),
        }

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            outputs, kept, losses = run(params, state["kept"], x, key, training=True)
            return sum(losses, loss(outputs, y)), kept

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        with jax.named_scope("update"):
            paths = [v.path for v in net.trainable_variables]
            params, optimizer = net.optimizer.stateless_apply(
                [state[OPTIMIZER][v.path] for v in net.optimizer.variables],
                [gradient[path] for path in paths],
                [state["params"][path] for path in paths],
            )
        return {
            "params": dict(zip(paths, params, strict=True)),
            "kept": kept,
            OPTIMIZER: _named(net.optimizer.variables, optimizer),
        }

    def scores(released: dict[str, Any], x: Array) -> Array:
        outputs = run(released["params"], released["kept"], x, jax.random.key(0), training=False)[0]
        return outputs if outputs.shape[-1] > 1 or logits else outputs - 0.5

    known = tuple(f"{OPTIMIZER}/{v.path}" for v in net.optimizer.variables if not v.shape)
    made = {"init": init, "step": step, "scores": scores, "public": known}
    return assembled(model, dataset, made, job, fixed=isinstance(model, api.Model))


def _named(variables: Any, values: Any) -> dict[str, Any]:
    return {v.path: value for v, value in zip(variables, values, strict=True)}
