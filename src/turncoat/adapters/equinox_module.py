"""A job from an equinox module."""

from __future__ import annotations

import inspect
from typing import Any

import equinox as eqx
import jax
from jax import Array

from turncoat.adapters.common import OPTIMIZER, Loss, assembled, cross_entropy, moved, records
from turncoat.jobs.job import Job


def equinox(module: Any, optimizer: Any, data: Any, loss: Loss = cross_entropy, **job: Any) -> Job:
    """A job that trains an equinox module, which takes one record, by an optax optimizer on `loss(scores, y)`.

    `module` is a function (or class) of `key` that makes the module, or what `eqx.nn.make_with_state` makes of one;
    or a module, or a pair of a module and its state, which is then every run's start, known to all. The job's state
    holds "params" (the arrays of reals), "kept" (the module's `eqx.nn.State`) and "optimizer"; the first two are
    opened. The batch is vmapped under the axis name "batch", and what the module draws comes from the step's public
    key. `job`: further fields of Job. Arrays of whole numbers in the module are part of the program, so public.
    """
    dataset, fixed = records(data), isinstance(module, eqx.Module | tuple)
    static = eqx.partition(_made(module, fixed, jax.random.key(0))[0], eqx.is_inexact_array)[1]

    def init(key: Any) -> dict[str, Any]:
        model, kept = _made(module, fixed, key)
        params = eqx.filter(model, eqx.is_inexact_array)
        return {"params": params, "kept": kept, OPTIMIZER: optimizer.init(params)}

    def step(state: dict[str, Any], x: Array, y: Array, key: Any) -> dict[str, Any]:
        def of(params: Any) -> tuple[Array, Any]:
            scores, kept = _called(eqx.combine(params, static), state["kept"], x, key)
            return loss(scores, y), kept

        gradient, kept = jax.grad(of, has_aux=True)(state["params"])
        params, after = moved(optimizer, gradient, state[OPTIMIZER], state["params"])
        return {"params": params, "kept": kept, OPTIMIZER: after}

    def scores(released: dict[str, Any], x: Array) -> Array:
        model = eqx.nn.inference_mode(eqx.combine(released["params"], static))
        return _called(model, released["kept"], x)[0]

    return assembled(
        type(static).__name__, dataset, {"init": init, "step": step, "scores": scores}, job, fixed
    )


def _made(module: Any, fixed: bool, key: Any) -> tuple[Any, Any]:
    """A module and its state, None if it has none."""
    made = module if fixed else module(key=key)
    return made if isinstance(made, tuple) else (made, None)


def _called(model: Any, kept: Any, x: Array, key: Any = None) -> tuple[Array, Any]:
    """The scores of a batch, each record with a key of its own, and the state after it."""
    draws = key is not None and "key" in inspect.signature(type(model).__call__).parameters
    keys = jax.random.split(key, len(x)) if draws else None

    def one(row: Array, kept: Any, key: Any) -> tuple[Array, Any]:
        more = {"key": key} if draws else {}
        return (model(row, **more), None) if kept is None else model(row, kept, **more)

    found: tuple[Array, Any] = jax.vmap(one, axis_name="batch", in_axes=(0, None, 0), out_axes=(0, None))(
        x, kept, keys
    )
    return found
