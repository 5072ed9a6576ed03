"""Sorting, maxima and running products, for random programs: networks, tournaments and trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.surface_leaves import SIZE, At, Leaf
from bench.surface_places import joined

LAYERS = ((0, 1), (0, 2), (1, 2))
"""The pairs of a network for three entries, one after the other."""


def _sorted(at: At, op: str, rows: list[Any], keys: int, secret: list[bool]) -> list[Any]:
    """Rows in the order of the first `keys` of them; comparisons of a row that is not secret yet are no sites."""
    rows = list(rows)
    for n, (i, j) in enumerate(LAYERS, 1):
        low, high = [r[..., i : i + 1] for r in rows], [r[..., j : j + 1] for r in rows]
        swap = at(f"{op}/compare{n}", high[0] < low[0])
        if keys == 2:
            tie = at(f"{op}/equal{n}", high[0] == low[0])
            less = high[1] < low[1]
            tie = at(f"{op}/and{n}", tie & at(f"{op}/compare{n}", less)) if secret[1] else tie & less
            swap = swap ^ tie
        for r, row in enumerate(rows):
            both = np.where(joined(swap, swap), joined(high[r], low[r]), joined(low[r], high[r]))
            both = at(f"{op}/select{n}", both) if secret[r] else both
            new = {i: both[..., :1], j: both[..., 1:]}
            rows[r] = joined(*(new.get(e, row[..., e : e + 1]) for e in range(SIZE)))
        secret = [True] * len(rows)
    return rows


def _sort(at: At, k: Any, x: Any) -> Any:
    return _sorted(at, "sort", [x], 1, [True])[0]


def _place(x: Any) -> Any:
    return np.arange(SIZE)[None, None]


def _argsort(at: At, k: Any, x: Any) -> Any:
    return _sorted(at, "sort", [x, _place(x), _place(x)], 2, [True, False, False])[2]


def _carried(at: At, k: Any, x: Any, y: Any) -> Any:
    return _sorted(at, "sort", [x, _place(x), y], 2, [True, False, True])[2]


def _best(at: At, k: Any, x: Any) -> Any:
    keys, _ = _sorted(at, "top_k", [-x, _place(x)], 2, [True, False])
    return joined(-keys[..., :2], x[..., :1])


def _best_places(at: At, k: Any, x: Any) -> Any:
    _, places = _sorted(at, "top_k", [-x, _place(x)], 2, [True, False])
    return joined(places[..., :2], places[..., :1])


def _tournament(at: At, op: str, x: Any, axis: int) -> Any:
    """The largest along an axis, by comparisons of neighbours."""
    x, k = np.moveaxis(x, axis, 2), 0
    while (n := x.shape[2]) > 1:
        k += 1
        first, second = x[:, :, 0 : n - n % 2 : 2], x[:, :, 1::2]
        won = at(f"{op}/select{k}", np.where(at(f"{op}/compare{k}", first < second), second, first))
        odd = np.broadcast_to(x[:, :, n - n % 2 :], (*won.shape[:2], n % 2, *x.shape[3:]))
        x = np.concatenate([won, odd], 2)
    return x[:, :, 0]


def _running(join: Callable[[At, str, str, Any, Any], Any], op: str) -> Callable[..., Any]:
    """x0, x0 x1, (x0 x1) x2: the tree for three entries."""

    def apply(at: At, k: Any, x: Any) -> Any:
        first = join(at, op, "", x[..., :1], x[..., 1:2])
        return joined(x[..., :1], first, join(at, op, "#2", first, x[..., 2:]))

    return apply


def _times(at: At, op: str, again: str, x: Any, y: Any) -> Any:
    return at(f"{op}/mul", x * y)


def _larger(at: At, op: str, again: str, x: Any, y: Any) -> Any:
    bit = at(f"{op}/max{again}/compare", y < x)
    return at(f"{op}/max{again}/select", np.where(bit, x, y))


def _log_sum(at: At, op: str, again: str, x: Any, y: Any) -> Any:
    top, apart = _larger(at, op, again, x, y), x - y
    below = at(f"{op}/abs{again}/compare", apart < 0)
    size = at(f"{op}/abs{again}/select", np.where(below, -apart, apart))
    return top + at(f"{op}/log1p", np.log1p(at(f"{op}/exp", np.exp(-size))))


def _pmax(xp: Any, k: Any, m: Any) -> Any:
    return jax.vmap(lambda r: r - lax.pmax(r, "i"), axis_name="i")(m)


ORDER = {
    "sort": Leaf("v", "v", lambda xp, k, x: jnp.sort(x), circuit=_sort, compares=True),
    "argsort": Leaf("v", "i", lambda xp, k, x: jnp.argsort(x), circuit=_argsort, compares=True),
    "sort by a key": Leaf(
        "vv", "v", lambda xp, k, x, y: lax.sort((x, y), num_keys=1)[1], circuit=_carried, compares=True
    ),
    "top k": Leaf(
        "v",
        "v",
        lambda xp, k, x: jnp.concatenate([lax.top_k(x, 2)[0], x[:1]]),
        circuit=_best,
        compares=True,
    ),
    "places of top k": Leaf(
        "v",
        "i",
        lambda xp, k, x: jnp.concatenate([(p := lax.top_k(x, 2)[1]), p[:1]]),
        circuit=_best_places,
        compares=True,
    ),
    "largest": Leaf(
        "v",
        "s",
        lambda xp, k, x: jnp.max(x),
        circuit=lambda at, k, x: _tournament(at, "reduce_max", x, -1),
        compares=True,
    ),
    "below the largest": Leaf(
        "m",
        "m",
        _pmax,
        circuit=lambda at, k, m: m - _tournament(at, "pmax", m, -2)[:, :, None],
        compares=True,
    ),
}
"""By comparisons and exchanges."""
RUNNING = {
    "running product": Leaf("v", "v", lambda xp, k, x: lax.cumprod(x), circuit=_running(_times, "cumprod")),
    "running maximum": Leaf("v", "v", lambda xp, k, x: lax.cummax(x), circuit=_running(_larger, "cummax")),
    "running log of sums": Leaf(
        "v", "v", lambda xp, k, x: lax.cumlogsumexp(x), circuit=_running(_log_sum, "cumlogsumexp")
    ),
}
"""Prefixes of a vector."""
