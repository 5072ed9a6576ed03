"""Optimum vicinity: how far one step on all records moves the released model bounds how far it is from the best.

A job whose step descends on a convex function with weight decay has one optimum. Where the step's field is strongly
monotone with modulus m (the learning rate times the decay), a model that a step on all records moves by u lies
within |u| / m of it. So one checked step on all records judges the released model, whatever was done in training.
Source: ePrint 2025/053. Without decay m is 0 along features that no record uses: there it may be anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.refusal import Refusal

POINTS, SLACK = 3, 1e-3
"""States at which a step is tried, and how far from a convex one it may seem by rounding, over how far it goes."""


def moved(job: Any, released: Any, x: Any, y: Any) -> float:
    """How far a step on these records (n, *shape), encoded targets y, moves a released model: a Euclidean norm."""
    state = job.with_released(job.init(jax.random.key(0)), released)
    change = _change(job.step, state, jnp.asarray(x), y)
    return float(np.sqrt(sum(float(jnp.sum(c * c)) for c in jax.tree.leaves(change))))


def check(job: Any) -> None:
    """Refusal for a job whose step is not seen to descend on a convex function of what is released.

    Its scores must be linear in the parameters, all of its state must be parameters, and its step must be a field
    whose slopes are symmetric and nowhere upwards at a few states and in a few directions: no proof of convexity.
    """
    found = job.anatomy
    one = len(found.maps) == 1 and found.maps[0].first and found.maps[0].last and not found.rest
    whole = len(jax.tree.leaves(job.state)) == len(jax.tree.leaves(job.released))
    if job.takes or not one or not whole or not _descends(job):
        raise Refusal(
            f"job {job.name!r} is not convex, as far as can be seen: its scores must be linear in its parameters, "
            "and its step descend on a convex loss without momentum; else one gradient tells of no optimum"
        )


@partial(jax.jit, static_argnums=0)
def _change(step: Callable[..., Any], state: Any, x: Any, y: Any) -> Any:
    return jax.tree.map(jnp.subtract, step(state, x, y), state)


def _descends(job: Any) -> bool:
    few = 4 * job.batch
    x = jnp.asarray(job.data.x[:few]).reshape(-1, *job.shape)
    y = job.labelled(job.data.y[:few])
    keys = jax.random.split(jax.random.key(0), POINTS)
    state = job.init(jax.random.key(0))

    def like(key: Any) -> Any:
        leaves, tree = jax.tree.flatten(state)
        each = zip(jax.random.split(key, len(leaves)), leaves, strict=True)
        return jax.tree.unflatten(tree, [jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in each])

    def tried(key: Any) -> bool:
        at, v, w = (like(k) for k in jax.random.split(key, 3))
        _, pull = jax.vjp(
            lambda state: _change(job.step, state, x, y), at
        )  # transposed, which is the same where slopes are symmetric
        along = [pull(d)[0] for d in (v, w)]
        size = max(_dot(along[0], along[0]) * _dot(w, w), _dot(along[1], along[1]) * _dot(v, v)) ** 0.5
        symmetric = abs(_dot(w, along[0]) - _dot(v, along[1])) <= SLACK * size
        return bool(symmetric and max(_dot(v, along[0]), _dot(w, along[1])) <= SLACK * size)

    return all(map(tried, keys))


def _dot(a: Any, b: Any) -> float:
    return sum(float(jnp.vdot(x, y)) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
