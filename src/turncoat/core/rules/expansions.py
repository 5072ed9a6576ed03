"""Primitives that are programs of other primitives: JAX's own expansion of each stands in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.table import rule
from turncoat.core.values import Value

JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "cumprod": lax.mul,
    "cummax": lax.max,
    "cummin": lax.min,
    "cumlogsumexp": jnp.logaddexp,
}


@rule(*JOINS)
def running(box: Box, op: Op, values: Values) -> Value:
    """A prefix tree, as JAX lowers these for every backend but TPUs (jax/_src/lax/control_flow/loops.py)."""

    def scanned(x: Any) -> Any:
        p = op.params
        return lax.associative_scan(JOINS[op.name], x, reverse=p["reverse"], axis=p["axis"])

    return box.run(in_place_of(op, scanned, values[0].aval), values)[0]


@rule("sinh")
def sinh(box: Box, op: Op, values: Values) -> Value:
    return box.run(in_place_of(op, lambda x: 0.5 * (jnp.exp(x) - jnp.exp(-x)), values[0].aval), values)[0]


@rule("cosh")
def cosh(box: Box, op: Op, values: Values) -> Value:
    return box.run(in_place_of(op, lambda x: 0.5 * (jnp.exp(x) + jnp.exp(-x)), values[0].aval), values)[0]
