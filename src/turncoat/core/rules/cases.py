"""One of several values, by a secret: a selection by a bit, or a one-hot row of bits of a secret number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.bilinear import Sum
from turncoat.core.values import Secret, Value, dtype_of, is_secret, public, shape_of, struct


def one_of(box: Box, which: Secret, cases: Sequence[Value], name: str | None) -> Value:
    """The case at a secret bit or number, entry by entry or one for all; zero where the number is no case's.

    Every case is masked by its bit of the number's one-hot row, and the sum taken, as SPU does (Case in
    kernel/hlo/control_flow.cc); a bit selects one of two.
    """
    first, shape = cases[0], shape_of(cases[0])
    if all(c is first for c in cases):
        return first
    if which.dtype == np.bool_:
        return box.select(which, cases[1], first, name)
    row = box.reused(("cases", len(cases)), [which], lambda: _row(box, which, len(cases)))
    row = _beside(box, row, shape)
    dtype = dtype_of(first)
    rows = _stacked(box, cases, (len(cases), *shape), dtype)
    if dtype == np.bool_:
        return _parity(box, box.both(row, rows, name), len(cases))
    masked = box.select(row, rows, np.zeros(rows.shape, dtype), name)
    return box.sum(Sum(lambda a: jnp.sum(a, 0, dtype=a.dtype), rows.shape, shape, (0,)), masked)


def _row(box: Box, which: Secret, count: int) -> Secret:
    ids = jnp.arange(count, dtype=which.dtype).reshape(-1, *[1] * len(which.shape))
    shape = (count, *which.shape)
    wide = box.structure(lambda a: jnp.broadcast_to(a, shape), [which], struct(shape, which.dtype))
    bits: Secret = box.equal(wide, jnp.broadcast_to(ids, shape))
    return bits


def _beside(box: Box, row: Secret, shape: tuple[int, ...]) -> Secret:
    """The bits `(cases, ...)` at `(cases, *shape)`; one row serves all entries where the number is single."""
    wide = (row.shape[0], *shape)
    ones = (*row.shape, *[1] * (len(wide) - len(row.shape)))
    return box.structure(lambda a: jnp.broadcast_to(a.reshape(ones), wide), [row], struct(wide, row.dtype))


def _stacked(box: Box, cases: Sequence[Value], shape: tuple[int, ...], dtype: Any) -> Value:
    if any(map(is_secret, cases)):
        return box.structure(lambda *a: jnp.stack(a), cases, struct(shape, dtype))
    return jnp.stack([jnp.asarray(public(c), dtype) for c in cases])


def _parity(box: Box, bits: Value, count: int) -> Value:
    """The XOR of the rows, of which one at most is set: local."""
    aval = struct(bits.shape[1:], np.bool_)
    rows = [box.structure(lambda a, i=i: a[i], [bits], aval) for i in range(count)]
    out = rows[0]
    for other in rows[1:]:
        out = box.xor(out, other)
    return out
