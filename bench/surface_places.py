"""Operations on integers and at secret places, for random programs: one-hot rows and products."""

from __future__ import annotations

import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.surface_leaves import SIZE, At, Leaf
from turncoat import reveal


def _some(rng: random.Random) -> int:
    return rng.randrange(SIZE)


def joined(*arrays: Any) -> Any:
    """Along the last axis, for arrays with axes of length one in front."""
    lead = np.broadcast_shapes(*(a.shape[:-1] for a in arrays))
    return np.concatenate([np.broadcast_to(a, (*lead, a.shape[-1])) for a in arrays], -1)


def secret(x: Any, other: Any) -> Any:
    """x, as secret as the other one: of sites with one name, none is left out where one operand was revealed."""
    return x + 0 * other


def _from_end(at: At, i: Any) -> Any:
    """A negative index counts from the end."""
    return at("select", np.where(at("compare", i < 0), i + SIZE, i))


def clipped(at: At, op: str, i: Any, count: int) -> Any:
    """An integer in [0, count)."""
    i = at(f"{op}/select", np.where(at(f"{op}/compare", i < 0), 0, i))
    return at(f"{op}/select", np.where(at(f"{op}/compare", count - 1 < i), count - 1, i))


def row(at: At, name: str, i: Any, count: int) -> Any:
    """Bits `(..., places, *batch)` of an index."""
    return at(name, i[:, :, None] == np.arange(count).reshape(-1, *[1] * (i.ndim - 2)))


def _gather(at: At, k: Any, x: Any, i: Any) -> Any:
    return at("gather", (row(at, "gather/compare", _from_end(at, i), SIZE) * x[..., :, None]).sum(-2))


def _gather_clipped(at: At, k: Any, x: Any, i: Any) -> Any:
    bits = row(at, "gather/compare", clipped(at, "gather/clip", i, SIZE), SIZE)
    return at("gather", (bits * x[..., :, None]).sum(-2))


def _start(at: At, op: str, i: Any) -> Any:
    """A row for the two places where two of three entries may start."""
    return row(at, f"{op}/compare", clipped(at, f"{op}/clip", _from_end(at, i), SIZE - 1), SIZE - 1)


def _slice(at: At, k: int, x: Any, i: Any) -> Any:
    bits = _start(at, "dynamic_slice", i[..., k])
    cases = np.stack([x[..., :2], x[..., 1:]], 2)
    return joined(at("dynamic_slice", (bits[..., None] * cases).sum(2)), x[..., :1])


def _update(at: At, k: int, x: Any, y: Any, i: Any) -> Any:
    bits = _start(at, "dynamic_update_slice", i[..., k])
    cases = np.stack([joined(y[..., :2], x[..., 2:]), joined(x[..., :1], y[..., :2])], 2)
    return at("dynamic_update_slice", (bits[..., None] * cases).sum(2))


def _set(at: At, k: int, x: Any, y: Any, i: Any) -> Any:
    place = clipped(at, "scatter/clip", _from_end(at, i[..., k]), SIZE)
    bits = row(at, "scatter/compare", place, SIZE)
    cases = np.where(np.eye(SIZE, dtype=bool), y[..., None, :1], x[..., None, :])
    return at("scatter", (bits[..., None] * cases).sum(2))


def _put(at: At, k: Any, x: Any, y: Any, i: Any) -> Any:
    bits = row(at, "scatter-add/compare", _from_end(at, i), SIZE)
    return x + at("scatter-add", (bits * y[..., None, :]).sum(-1))


def _choose(at: At, k: Any, i: Any, x: Any, y: Any, z: Any) -> Any:
    bits = row(at, "select/compare", i, 3)
    rows = np.broadcast_arrays(x, y, z)
    return at("select", np.where(bits, np.stack(rows, 2), 0.0)).sum(2)


def _counter(rng: random.Random) -> Any:
    return rng.choice([2, -1, 3])


PLACES = {
    "integer": Leaf("b", "i", lambda xp, k, b: b.astype(np.int32)),
    "lift": Leaf("i", "v", lambda xp, k, i: i.astype(k), extra=lambda rng: float),
    "reversed integers": Leaf("i", "i", lambda xp, k, i: i[..., ::-1]),
    "add integers": Leaf("ii", "i", lambda xp, k, i, j: i + j),
    "multiples": Leaf("i", "i", lambda xp, k, i: k * i, extra=_counter),
    "mul integers": Leaf("ii", "i", lambda xp, k, i, j: i * j, site=True),
    "gather": Leaf("vi", "v", lambda xp, k, x, i: x[i], circuit=_gather, compares=True),
    "gather clipped": Leaf(
        "vi", "v", lambda xp, k, x, i: jnp.take(x, i, mode="clip"), circuit=_gather_clipped, compares=True
    ),
    "dynamic slice": Leaf(
        "vi",
        "v",
        lambda xp, k, x, i: jnp.concatenate([lax.dynamic_slice(x, (i[k],), (2,)), x[:1]]),
        circuit=_slice,
        extra=_some,
        compares=True,
    ),
    "dynamic update": Leaf(
        "vvi",
        "v",
        lambda xp, k, x, y, i: lax.dynamic_update_slice(x, y[:2], (i[k],)),
        circuit=_update,
        extra=_some,
        compares=True,
    ),
    "set": Leaf(
        "vvi",
        "v",
        lambda xp, k, x, y, i: x.at[i[k]].set(y[0], mode="clip"),
        circuit=_set,
        extra=_some,
        compares=True,
    ),
    "scatter": Leaf("vvi", "v", lambda xp, k, x, y, i: x.at[i].add(y), circuit=_put, compares=True),
    "choose": Leaf("ivvv", "v", lambda xp, k, i, *v: lax.select_n(i, *v), circuit=_choose, compares=True),
}
"""Integers, and entries at secret ones."""


def _centred(xp: Any, k: Any, m: Any) -> Any:
    if xp is jnp:
        return jax.vmap(lambda r: r - lax.pmean(r, "i"), axis_name="i")(m)
    return m - m.mean(-2, keepdims=True)


LEARNED = {
    "reveal": Leaf("v", "v", lambda xp, k, x: reveal(x) if xp is jnp else x),
    "reveal bits": Leaf("b", "b", lambda xp, k, b: reveal(b) if xp is jnp else b),
    "reveal integers": Leaf("i", "i", lambda xp, k, i: reveal(i) if xp is jnp else i),
}
"""What all parties learn inside a step."""
ROWS = {"centred": Leaf("m", "m", _centred)}
"""Sums over a named axis under vmap."""
