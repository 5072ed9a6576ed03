"""Rounding, integer division, series and small matrices, for random programs (see `surface_leaves`)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.surface_leaves import SIZE, At, Leaf
from bench.surface_places import joined, secret
from turncoat.core.rules.series import ATAN, GILES, SIN

DIGITS = 32


def _bits(at: At, name: str, x: Any) -> Any:
    """The binary digits of the floor, in two's complement."""
    with np.errstate(all="ignore"):
        whole = np.where(np.isfinite(x), np.floor(x), 0).astype(np.int64)
    return at(name, (whole[..., None] >> np.arange(DIGITS)) & 1 == 1)


def _integer(bits: Any) -> Any:
    weights = 1 << np.arange(DIGITS, dtype=np.int64)
    weights[-1] *= -1
    return (bits * weights).sum(-1)


def _floor(at: At, k: Any, x: Any) -> Any:
    return _integer(_bits(at, "floor/bits", x)).astype(float)


def _ceil(at: At, k: Any, x: Any) -> Any:
    return -_integer(_bits(at, "ceil/bits", -x)).astype(float)


def _even(at: At, k: Any, x: Any) -> Any:
    bits = _bits(at, "round/bits", x + 0.5)
    whole = _integer(bits).astype(float)
    half = at("round/half", x + 0.5 == whole)
    return whole - at("round/and", half & bits[..., 0])


def _towards_zero(at: At, op: str, x: Any, added: float = 0.0) -> Any:
    below = at(f"{op}/sign", x < 0)
    size = at(f"{op}/abs", np.where(below, -x, x))
    whole = _integer(_bits(at, f"{op}/bits", size + added))
    return at(f"{op}/negate", np.where(below, -whole, whole))


def _away(at: At, k: Any, x: Any) -> Any:
    return _towards_zero(at, "round", x, 0.5).astype(float)


def _truncated(at: At, k: Any, x: Any) -> Any:
    return _towards_zero(at, "convert_element_type", x)


def _divided(at: At, op: str, x: Any, y: Any) -> Any:
    """A quotient, rounded and put right by one in either direction."""
    y = 2 * y + 1
    below, other = at(f"{op}/sign", x < 0), at(f"{op}/sign", y < 0)
    a, b = at(f"{op}/abs", np.where(below, -x, x)), at(f"{op}/abs", np.where(other, -y, y))
    whole = _integer(_bits(at, f"{op}/bits", at(f"{op}/quotient", a / b)))
    rest = a - at(f"{op}/product", whole * b)
    over = at(f"{op}/over/compare", rest < 0)
    whole, rest = whole - over, rest + at(f"{op}/over/select", np.where(over, b, 0))
    under = ~at(f"{op}/under/compare", rest < b)
    whole, rest = whole + under, rest - at(f"{op}/under/select", np.where(under, b, 0))
    negative, number = (below ^ other, whole) if op == "div" else (below, rest)
    return at(f"{op}/negate", np.where(negative, -number, number))


ROUNDED = {
    "floor": Leaf("v", "v", lambda xp, k, x: jnp.floor(x), circuit=_floor),
    "ceiling": Leaf("v", "v", lambda xp, k, x: jnp.ceil(x), circuit=_ceil),
    "round to even": Leaf("v", "v", lambda xp, k, x: jnp.round(x), circuit=_even),
    "round": Leaf("v", "v", lambda xp, k, x: lax.round(x), circuit=_away, compares=True),
    "truncate": Leaf("v", "i", lambda xp, k, x: x.astype(np.int32), circuit=_truncated, compares=True),
    "quotient": Leaf(
        "ii",
        "i",
        lambda xp, k, x, y: lax.div(secret(x, y), secret(2 * y + 1, x)),
        circuit=lambda at, k, x, y: _divided(at, "div", x, y),
        compares=True,
    ),
    "remainder": Leaf(
        "ii",
        "i",
        lambda xp, k, x, y: lax.rem(secret(x, y), secret(2 * y + 1, x)),
        circuit=lambda at, k, x, y: _divided(at, "rem", x, y),
        compares=True,
    ),
}
"""Whole numbers by binary digits."""


def _sine(at: At, op: str, x: Any) -> Any:
    turns = _integer(_bits(at, f"{op}/floor/bits", (x + np.pi) * (0.5 / np.pi)))
    x = 0.25464790894703254 * (x - turns * (2 * np.pi))
    y = 4 * at(f"{op}/mul", x * x) - 2
    terms = [x, at(f"{op}/mul", x * (y - 1))]
    while len(terms) < len(SIN):
        terms.append(at(f"{op}/mul", y * terms[-1]) - terms[-2])
    return sum(c * t for c, t in zip(SIN, terms, strict=True))


def _angle(at: At, k: Any, y: Any, x: Any) -> Any:
    def choose(bit: Any, a: Any, b: Any) -> Any:
        return at("atan2/select", np.where(bit, a, b))

    below, left = at("atan2/compare", y < 0), at("atan2/compare", x < 0)
    a, b = choose(below, -y, y), choose(left, -x, x)
    steep = at("atan2/compare", b < a)
    larger = choose(steep, a, b)
    ratio = at("atan2/div", (a + b - larger) / larger)
    powers = {1: ratio}
    for n, (p, q) in {2: (1, 1), 3: (2, 1), 4: (2, 2), 5: (4, 1), 6: (4, 2)}.items():
        powers[n] = at("atan2/mul", powers[p] * powers[q])
    angle = ATAN[0] + sum(ATAN[n] * p for n, p in powers.items())
    angle = choose(steep, np.pi / 2 - angle, angle)
    angle = choose(left, np.pi - angle, angle)
    return choose(below, -angle, angle)


def _inverse_erf(at: At, k: Any, x: Any) -> Any:
    x = 0.3 * x
    w = -at("erf_inv/log", np.log(at("erf_inv/mul", (1 - x) * (1 + x))))
    small = at("erf_inv/compare", w < 5)
    w = at("erf_inv/select", np.where(small, w - 2.5, at("erf_inv/sqrt", np.sqrt(w)) - 3))
    first, *rest = (np.where(small, a, b) for a, b in zip(*GILES, strict=True))
    for c in rest:
        first = at("erf_inv/mul", first * w) + c
    return at("erf_inv/mul", first * x)


SERIES = {
    "sine": Leaf("v", "v", lambda xp, k, x: jnp.sin(x), circuit=lambda at, k, x: _sine(at, "sin", x)),
    "cosine": Leaf(
        "v", "v", lambda xp, k, x: jnp.cos(x), circuit=lambda at, k, x: _sine(at, "cos", np.pi / 2 - x)
    ),
    "angle": Leaf(
        "vv", "v", lambda xp, k, y, x: jnp.arctan2(secret(y, x), secret(x, y)), circuit=_angle, compares=True
    ),
    "inverse error function": Leaf("v", "v", lambda xp, k, x: lax.erf_inv(0.3 * x), circuit=_inverse_erf),
}
"""As SPU and StableHLO expand them."""


def _cholesky_jax(xp: Any, k: Any, x: Any) -> Any:
    a = jnp.stack([jnp.stack([x[0] + 4, x[1]]), jnp.stack([x[1], x[2] + 4])])
    low = lax.linalg.cholesky(a, symmetrize_input=False)
    return jnp.stack([low[0, 0], low[1, 0], low[1, 1]])


def _cholesky(at: At, k: Any, x: Any) -> Any:
    column = joined(x[..., :1] + 4, x[..., 1:2])
    column = at("cholesky/mul", column * at("cholesky/rsqrt", 1 / np.sqrt(column[..., :1])))
    dot = at("cholesky/dot", (column[..., 1:] * column[..., 1:])[..., None])[..., 0]
    left = x[..., 2:] + 4 - dot
    return joined(column, at("cholesky/mul", left * at("cholesky/rsqrt", 1 / np.sqrt(left))))


def _solve_jax(xp: Any, k: Any, x: Any, y: Any) -> Any:
    x, y, zero = secret(x, y), secret(y, x), jnp.zeros_like(x[0])
    a = jnp.stack([jnp.stack([x[0] + 4, zero]), jnp.stack([x[1], x[2] + 4])])
    solved = lax.linalg.triangular_solve(a, y[:2, None], left_side=True, lower=True)
    return jnp.concatenate([solved[:, 0], y[2:]])


def _solve(at: At, k: Any, x: Any, y: Any) -> Any:
    inverse = at("triangular_solve/div", 1 / (x[..., ::2] + 4))
    first = at("triangular_solve/mul", (y[..., :1] * inverse[..., :1])[..., None])
    dot = at("triangular_solve/dot", x[..., 1:2, None] * first)
    second = at("triangular_solve/mul", (y[..., 1:2, None] - dot) * inverse[..., 1:, None])
    return joined(first[..., 0], second[..., 0], y[..., 2:])


MATRICES = {
    "cholesky": Leaf("v", "v", _cholesky_jax, circuit=_cholesky),
    "triangular solve": Leaf("vv", "v", _solve_jax, circuit=_solve),
}
"""Factored and solved, two by two."""
assert SIZE == 3
