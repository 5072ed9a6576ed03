"""A job from a flax nnx module."""

from __future__ import annotations

from typing import Any

import jax
from flax import nnx as flax
from jax import Array

from turncoat.adapters.common import OPTIMIZER, Loss, assembled, cross_entropy, mode, moved, records
from turncoat.jobs.job import Job

KINDS = flax.Param, flax.RngState, flax.Intermediate, ...


def nnx(module: Any, optimizer: Any, data: Any, loss: Loss = cross_entropy, **job: Any) -> Job:
    """A job that trains an nnx module by an optax optimizer on `loss(scores, y)`.

    `module` is a function (or class) of `rngs` that makes the module, or a module, which is then every run's start,
    known to all. The state holds "params" (nnx.Param), "kept" (all other variables, such as batch statistics) and
    "optimizer"; the first two are opened. The module's own PRNG state is not carried on: all that it draws comes from
    the step's public key. `job`: further fields of Job. Nothing is made public that is not by its kind.
    """
    dataset, fixed = records(data), isinstance(module, flax.Module)
    build = (lambda rngs: flax.clone(module)) if fixed else module
    model = build(rngs=flax.Rngs(0))
    name, call = type(model).__name__, type(model).__call__
    training, params, rngs, _, kept = _split(model, training=True)
    scoring = _split(model, training=False)[0]

    def whole(graph: Any, values: dict[str, Any], key: Any = None) -> Any:
        parts = _with(params, values["params"]), _seeded(rngs, key), _with(kept, values["kept"])
        return flax.merge(graph, *parts)

    def init(key: Any) -> dict[str, Any]:
        _, params, _, _, kept = _split(build(rngs=flax.Rngs(key)), training=True)
        plain = flax.to_pure_dict(params)
        return {"params": plain, "kept": flax.to_pure_dict(kept), OPTIMIZER: optimizer.init(plain)}

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            model = whole(training, {**state, "params": params}, key)
            found = loss(model(x, **mode(call, training=True)), y)
            return found, flax.to_pure_dict(flax.split(model, *KINDS)[-1])

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        params, after = moved(optimizer, gradient, state[OPTIMIZER], state["params"])
        return {"params": params, "kept": kept, OPTIMIZER: after}

    def scores(released: dict[str, Any], x: Array) -> Array:
        found: Array = whole(scoring, released)(x, **mode(call, training=False))
        return found

    return assembled(name, dataset, {"init": init, "step": step, "scores": scores}, job, fixed)


def _split(model: Any, training: bool) -> Any:
    model.train() if training else model.eval()
    return flax.split(model, *KINDS)


def _with(state: Any, values: Any) -> Any:
    """A state of the same variables with these values."""
    fresh = jax.tree.map(lambda leaf: leaf, state)
    flax.replace_by_pure_dict(fresh, values)
    return fresh


def _seeded(rngs: Any, key: Any) -> Any:
    """The PRNG state of a module with keys drawn from the step's."""
    leaves, tree = jax.tree.flatten(rngs)
    if key is not None:
        leaves = [
            jax.random.fold_in(key, i) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
            for i, leaf in enumerate(leaves)
        ]
    return jax.tree.unflatten(tree, leaves)
