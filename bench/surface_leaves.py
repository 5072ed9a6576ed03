"""What a random program is made of: operations, each for JAX and, entry by entry, for an interpreter in NumPy.

Arrays of the interpreter have two leading axes, of errors and of secrets. An operation that is a single site computes
its value, and the error is added to it. One that is a circuit is written out in NumPy as well, and asks `at` for
the error of each site in it, by the site's name below the operation's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

SIZE = 3
At = Callable[[str, Any], Any]
"""`at(name, value)`: the value with the error of that site in it; equal names are numbered in order."""


@dataclass(frozen=True)
class Leaf:
    """An operation on vectors v, scalars s, bits b, integers i, rows m and public numbers k: its operands and result.

    `run(xp, k, *ins)` computes it; where there is a `circuit(at, k, *ins)`, that does in NumPy, and `run` in JAX.
    `extra` draws the constant k. `compares`: comparisons of the same values are made once in a program, so that a
    second operation on them has no sites of its own.
    """

    takes: str
    gives: str
    run: Callable[..., Any]
    site: bool = False
    rare: bool = False
    circuit: Callable[..., Any] | None = None
    extra: Callable[[random.Random], Any] | None = None
    compares: bool = False


def _dot(xp: Any, k: Any, x: Any, y: Any) -> Any:
    return jnp.dot(x, y) if xp is jnp else (x * y).sum(-1)


def _select(xp: Any, k: Any, b: Any, x: Any, y: Any) -> Any:
    return xp.where(b, x, y)


def _mask(rng: random.Random) -> list[int]:
    return [rng.randint(0, 1) for _ in range(SIZE)]


def _factor(rng: random.Random) -> float:
    return rng.choice([-1.0, 0.5, -0.7, 0.9])


def _places(rng: random.Random) -> list[int]:
    return rng.choice([[1, 2, 0], [2, 0, 2], [0, 1, 1]])


BASIC = {
    "add": Leaf("vv", "v", lambda xp, k, x, y: x + y),
    "sub": Leaf("vv", "v", lambda xp, k, x, y: x - y),
    "add scalar": Leaf("vs", "v", lambda xp, k, x, y: x + y[..., None]),
    "scale": Leaf("v", "v", lambda xp, k, x: x * k, extra=_factor),
    "scale by a counter": Leaf("vk", "v", lambda xp, k, x, y: x * y),
    "mask": Leaf("v", "v", lambda xp, k, x: x * xp.asarray(k, x.dtype), extra=_mask),
    "reverse": Leaf("v", "v", lambda xp, k, x: x[..., ::-1]),
    "take": Leaf("v", "v", lambda xp, k, x: x[..., np.asarray(k)], extra=_places),
    "cumulate": Leaf("v", "v", lambda xp, k, x: x.cumsum(-1)),
    "pick": Leaf("vv", "v", lambda xp, k, x, y: xp.where(np.asarray(k, bool), x, y), extra=_mask),
    "total": Leaf("v", "s", lambda xp, k, x: x.sum(-1)),
    "spread": Leaf("s", "v", lambda xp, k, x: xp.repeat(x[..., None], SIZE, -1)),
    "sum of rows": Leaf("m", "v", lambda xp, k, x: x.sum(-2)),
    "number": Leaf("b", "v", lambda xp, k, x: x.astype(k), extra=lambda rng: float),
    "not": Leaf("b", "b", lambda xp, k, x: ~x),
    "mul": Leaf("vv", "v", lambda xp, k, x, y: x * y, site=True),
    "mul scalar": Leaf("vs", "v", lambda xp, k, x, y: x * y[..., None], site=True),
    "dot": Leaf("vv", "s", _dot, site=True),
    "less": Leaf("vv", "b", lambda xp, k, x, y: x < y, site=True),
    "and": Leaf("bb", "b", lambda xp, k, x, y: x & y, site=True),
    "select": Leaf("bvv", "v", _select, site=True),
    "tanh": Leaf("v", "v", lambda xp, k, x: xp.tanh(x), site=True),
    "root": Leaf("v", "v", lambda xp, k, x: xp.sqrt(x), site=True, rare=True),
    "div": Leaf("vv", "v", lambda xp, k, x, y: x / y, site=True, rare=True),
    "shift by a constant": Leaf("v", "v", lambda xp, k, x: x + k, rare=True),
    "zeros": Leaf("", "v", lambda xp, k: k, rare=True),
}
"""Sums, rearrangements, products, comparisons."""
