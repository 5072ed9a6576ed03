"""Engine `reals`: a secret value is a float array, as in the paper's own simulator (section 5, A.4).

The ideal functionality of Fig. 4 without its fixed-point arithmetic: fast, compiled, differentiable (with
respect to errors too) and vmappable. Scaling by a public factor is exact, so truncations are no sites.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.engine import Traced
from turncoat.core.sites import At


def _tampered(value: Any, at: At) -> Any:
    return value if at.error is None else value + at.error


def _flipped(bit: Any, at: At) -> Any:
    return bit if at.error is None else jnp.logical_xor(bit, at.error)


class Reals(Traced):
    """Float arrays; an error is added to the result, a flip XORed."""

    name = "reals"
    kinds = frozenset({"product", "bit", "ideal"})

    def share(self, array, aval):
        return jnp.asarray(array)

    def constant(self, array, aval):
        return array

    def open(self, wire, aval):
        return wire

    def add(self, x, y, aval):
        return x + y

    def sub(self, x, y, aval):
        return x - y

    def neg(self, x, aval):
        return -x

    def lift(self, x, source, aval):
        return x.astype(aval.dtype)

    def xor(self, a, b, aval):
        return jnp.logical_xor(a, b)

    def mask(self, a, keep, aval):
        return a & keep

    def scale(self, x, factor, aval, at):
        return _tampered(x * jnp.asarray(factor, aval.dtype), at)

    def product_public(self, bilinear, x, c, aval, at):
        return _tampered(bilinear.apply(*_as(aval, x, c)), at)

    def product(self, bilinear, x, y, aval, at):
        return _tampered(bilinear.apply(*_as(aval, x, y)), at)

    def compare(self, kind, x, y, operand, at):
        return _flipped(x < y if kind == "lt" else x == y, at)

    def select(self, b, x, y, aval, at):
        return _tampered(jnp.where(b, x, y), at)

    def both(self, a, b, aval, at):
        return _flipped(a & b, at)

    def arith(self, b, aval, at):
        return _tampered(b.astype(aval.dtype), at)

    def ideal(self, fn, xs, avals, aval, at):
        return _tampered(fn(*xs), at)

    def bits(self, x, lo, hi, operand, at):
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return _flipped((x[..., None] >> jnp.arange(lo, hi, dtype=x.dtype)) & 1 == 1, at)
        weights = jnp.asarray(2.0 ** np.arange(lo, hi), x.dtype)
        return _flipped(jnp.floor(x[..., None] / weights) % 2 == 1, at)


def _as(aval: jax.ShapeDtypeStruct, *arrays: Any) -> list[Any]:
    return [jnp.asarray(a, aval.dtype) for a in arrays]


reals = Reals()
