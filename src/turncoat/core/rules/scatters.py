"""Entries written, multiplied or compared where they stand: one update after the other, as XLA does it.

Where several meet at one place, the last one written stays, so a loop over the updates is the circuit that XLA
expands a scatter to (scatter_expander.cc), and that SPU runs. Updates of a batch are made at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.indices import CLIP, window_of, written
from turncoat.core.rules.table import rule
from turncoat.core.values import Value, is_secret, public, struct

COMBINED = {"scatter-mul": jnp.multiply, "scatter-max": jnp.maximum, "scatter-min": jnp.minimum}
KEEP = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
Step = Callable[[Any, Any, Any], Any]


@rule("scatter")
def scatter(box: Box, op: Op, values: Values) -> Value:
    operand, index, new = values
    if not is_secret(index):
        i, aval = public(index), op.avals[0]
        return box.structure(lambda a, u: op.primitive.bind(a, i, u, **op.params), [operand, new], aval)
    if _at_once(op, index.shape) == math.prod(index.shape[:-1]):
        return written(box, op, operand, index, new)
    return _rewritten(box, op, values, lambda a, i, u: _one_by_one(op, [a, i, u], _written(op)))


@rule(*COMBINED)
def combined(box: Box, op: Op, values: Values) -> Value:
    return _rewritten(box, op, values, lambda a, i, u: _one_by_one(op, [a, i, u], _combined(op)))


@rule("scatter-sub")
def scatter_sub(box: Box, op: Op, values: Values) -> Value:
    keep = {k: op.params[k] for k in KEEP}
    return _rewritten(box, op, values, lambda a, i, u: lax.scatter_add(a, i, -u, **keep))


def _rewritten(box: Box, op: Op, values: Values, f: Any) -> Value:
    avals = [struct(v.shape, v.dtype) for v in values]
    return box.run(in_place_of(op, f, *avals), values)[0]


def _at_once(op: Op, index: tuple[int, ...]) -> int:
    return math.prod(index[d] for d in op.params["dimension_numbers"].scatter_indices_batching_dims)


def _written(op: Op) -> Step:
    keep = {k: op.params[k] for k in KEEP}
    return lambda a, i, u: lax.scatter(a, i, u, **keep)


def _combined(op: Op) -> Step:
    keep, numbers = {k: op.params[k] for k in KEEP}, op.params["dimension_numbers"]
    picked = lax.GatherDimensionNumbers(
        numbers.update_window_dims,
        numbers.inserted_window_dims,
        numbers.scatter_dims_to_operand_dims,
        numbers.operand_batching_dims,
        numbers.scatter_indices_batching_dims,
    )
    clip = op.params["mode"] == CLIP
    outside = {"mode": CLIP} if clip else {"mode": "fill", "fill_value": 0}

    def step(a: Any, i: Any, u: Any) -> Any:
        window = window_of(numbers, a.shape, u.shape)
        sizes = tuple(window[d] for d in range(a.ndim))
        old = lax.gather(a, i, picked, sizes, **outside)
        return lax.scatter(a, i, COMBINED[op.name](old, u), **keep)

    return step


def _one_by_one(op: Op, values: Values, step: Step) -> Any:
    """The updates in order, those of all batches at once; each has axes of one entry where they were many."""
    operand, index, updates = values
    numbers = op.params["dimension_numbers"]
    many = [d for d in range(index.ndim - 1) if d not in numbers.scatter_indices_batching_dims]
    axes = [d for d in range(updates.ndim) if d not in numbers.update_window_dims]
    axes = [axes[d] for d in many]

    def each(x: Any, moved: list[int]) -> Any:
        x = jnp.moveaxis(x, moved, range(len(moved)))
        return x.reshape(-1, *x.shape[len(moved) :])

    def body(a: Any, pair: Any) -> Any:
        i, u = pair
        return step(a, jnp.expand_dims(i, many), jnp.expand_dims(u, axes)), None

    return lax.scan(body, operand, (each(index, many), each(updates, axes)))[0]
