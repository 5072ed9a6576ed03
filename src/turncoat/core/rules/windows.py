"""Pooling: a maximum over sliding windows and its gradient, as tournaments over the window's offsets."""

from __future__ import annotations

from itertools import product
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.table import refusal, rule
from turncoat.core.tournament import award, stacked, tournament
from turncoat.core.values import Secret, Shape, Value, is_secret, struct


def _geometry(op: Op, rank: int) -> tuple[Any, Any, Any]:
    p = op.params
    ones = (1,) * rank
    if tuple(p.get("base_dilation") or ones) != ones or tuple(p.get("window_dilation") or ones) != ones:
        raise refusal(op, [], "pooling over dilated windows is not offered")
    return tuple(p["window_dimensions"]), tuple(p["window_strides"]), tuple(p["padding"])


def _lowest(dtype: Any) -> Any:
    """Stands in padding: small enough to lose against data, small enough for a ring of 64 bits."""
    return np.asarray(-(2.0**20) if jnp.issubdtype(dtype, jnp.inexact) else -(2**20), dtype)


def _windows(box: Box, op: Op, x: Secret, fill: float) -> Secret:
    """For each offset in the window, the entries there: `(offsets, *output shape)`."""
    window, strides, padding = _geometry(op, len(x.shape))
    if any(lo or hi for lo, hi in padding):
        shape = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape, padding, strict=True))
        config = [(lo, hi, 0) for lo, hi in padding]
        x = box.structure(
            lambda a, f: lax.pad(a, f, config), [x, np.asarray(fill, x.dtype)], struct(shape, x.dtype)
        )
    counts = [(n - w) // s + 1 for n, w, s in zip(x.shape, window, strides, strict=True)]

    def at(offset: Shape) -> Secret:
        stop = [o + (c - 1) * s + 1 for o, c, s in zip(offset, counts, strides, strict=True)]
        return box.structure(lambda a: lax.slice(a, offset, stop, strides), [x], struct(counts, x.dtype))

    return stacked(box, [at(offset) for offset in product(*map(range, window))])


def _key(op: Op) -> tuple[Any, ...]:
    p = op.params
    return tuple(tuple(map(tuple, p[k])) if k == "padding" else tuple(p[k]) for k in
                 ("window_dimensions", "window_strides", "padding"))  # fmt: skip


@rule("reduce_window_max", "reduce_window_min")
def pool(box: Box, op: Op, values: Values) -> Value:
    (x,), largest = values, op.name == "reduce_window_max"
    fill = _lowest(x.dtype) * (1 if largest else -1)
    return tournament(box, _windows(box, op, x, fill), _key(op), x, largest).winner(box)


@rule("select_and_scatter_add")
def pool_gradient(box: Box, op: Op, values: Values) -> Value:
    """The gradient of max pooling: each output's gradient goes to its window's winner."""
    source, operand = values
    largest = op.params["select_prim"].name == "ge"
    if not is_secret(operand):
        raise refusal(op, values, "max pooling of public values by a secret gradient is not offered")
    fill = _lowest(operand.dtype) * (1 if largest else -1)
    played = tournament(box, _windows(box, op, operand, fill), _key(op), operand, largest)
    prizes = award(box, played, box.constant(source))
    return _scattered(box, op, prizes, operand.shape)


def _scattered(box: Box, op: Op, prizes: Secret, shape: Shape) -> Secret:
    """The inverse of `_windows`: entries at each offset put back and added up."""
    window, strides, padding = _geometry(op, len(shape))
    padded = [n + lo + hi for n, (lo, hi) in zip(shape, padding, strict=True)]
    counts = prizes.shape[1:]

    def back(i: int, offset: Shape) -> Secret:
        config = [
            (o, n - o - (c - 1) * s - 1, s - 1)
            for o, n, c, s in zip(offset, padded, counts, strides, strict=True)
        ]
        start = [lo for lo, _ in padding]
        stop = [lo + n for n, (lo, _) in zip(shape, padding, strict=True)]

        def place(a: Any) -> Any:
            return lax.slice(lax.pad(a[i], jnp.zeros((), a.dtype), config), start, stop)

        return box.structure(place, [prizes], struct(shape, prizes.dtype))

    parts = [back(i, offset) for i, offset in enumerate(product(*map(range, window)))]
    total = parts[0]
    for part in parts[1:]:
        total = box.add(total, part)
    return total
