"""Sums over devices and named axes, of which one party has all: under `vmap` they are axes of the array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from turncoat.core.abb import Box
from turncoat.core.bilinear import Sum
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.table import refusal, rule
from turncoat.core.tournament import leading, tournament
from turncoat.core.values import Secret, Value, is_secret, public


@rule("psum", "pmax", "pmin")
def collective(box: Box, op: Op, values: Values) -> Value:
    """A sum is local; a maximum is a tournament."""
    axes = op.params["axes"]
    if not all(isinstance(a, int) for a in axes) or op.params["axis_index_groups"] is not None:
        raise refusal(op, values, "devices exchange secrets", "give the axis to jax.vmap by axis_name=")
    join = _sum if op.name == "psum" else _extreme(op.name == "pmax")
    return [join(box, x, tuple(axes)) if is_secret(x) else _public(op, x) for x in values]


def _public(op: Op, x: Value) -> Any:
    if op.name == "psum":
        return jnp.sum(public(x), op.params["axes"])
    return (jnp.max if op.name == "pmax" else jnp.min)(public(x), op.params["axes"])


def _sum(box: Box, x: Secret, axes: tuple[int, ...]) -> Value:
    shape = tuple(n for d, n in enumerate(x.shape) if d not in axes)
    return box.sum(Sum(lambda a: jnp.sum(a, axes, dtype=a.dtype), x.shape, shape, axes), x)


def _extreme(largest: bool) -> Callable[[Box, Secret, tuple[int, ...]], Value]:
    def apply(box: Box, x: Secret, axes: tuple[int, ...]) -> Value:
        if not axes:
            return x
        return tournament(box, leading(box, x, axes), axes, x, largest).winner(box)

    return apply
