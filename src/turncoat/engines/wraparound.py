"""Monitoring: every number of an engine of 64-bit rings recomputed beside it in float64, to see it wrap around.

The modular value does not show that it wrapped: at 18 fractional bits, 131072 * 131072 is 0. So each wire gets a
shadow, the real number that it stands for, and a mark once any number on its way was too large. A marked
number is opened as NaN, which a ring does not have: a run that wrapped is neither a success nor a failure.

A monitor reads secrets. It is a device of the laboratory: no party could have it, and no timing includes it.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.engine import Traced
from turncoat.core.shared import Shared, is_shared
from turncoat.core.sites import At
from turncoat.core.values import struct
from turncoat.refusal import Refusal


class Watched(NamedTuple):
    """A wire of the engine, the number (float64) or bit that it stands for, and whether anything wrapped."""

    wire: Any
    shadow: Array
    wrapped: Array


def wrapped(shared: Shared) -> Array:
    """Whether any number on the way to a shared value of a monitored engine wrapped around."""
    assert is_shared(shared) and isinstance(shared.engine, Monitored)
    return shared.wire.wrapped


class Monitored(Traced):
    """An engine with `precision` fractional bits in Z_2^64, watched.

    A number wraps if it is a product (or scaled by a public factor) of at least 2^(62 - 2f), or any number
    of at least 2^(62 - f), or not finite. Comparisons are not recomputed: the shadows follow the engine's
    own bits, so that a tie that rounding breaks otherwise is no difference.
    """

    def __init__(self, inner: Any) -> None:
        if getattr(inner, "policy", None) is not None:
            raise Refusal(
                "a monitor opens numbers before they are checked: leave out the monitor, or the check"
            )
        self.inner, self.random = inner, inner.random
        self.kinds, self.gates, self.xor_products = inner.kinds, inner.gates, inner.xor_products
        self.check, self.parts = inner.check, inner.parts
        self.name = f"{inner.name}{',' if ':' in inner.name else ':'}monitor=true"

    # the engine's draws are those of the passes that this one walks
    @property
    def draws(self):
        return self.inner.draws

    @draws.setter
    def draws(self, draws):
        self.inner.draws = draws

    def begin(self, key):
        begun = copy.copy(self)
        begun.inner = self.inner.begin(key)
        return begun

    def context(self):
        return self.inner.context()

    def notes(self, walk):
        return self.inner.notes(walk)

    # marks
    def _watched(
        self, wire: Any, aval: Any, shadow: Array, *sources: Watched, product: bool = False
    ) -> Watched:
        """A number: marked if a source is, or if its shadow or what it decodes to is too large."""
        whole = not jnp.issubdtype(aval.dtype, np.inexact)
        f = 0 if whole else self.inner.precision
        limit = 2.0 ** (62 - (2 * f if product else f))
        fits = jnp.all(jnp.abs(shadow) < limit)
        if product:  # a truncation that fails is seen here alone
            fits &= jnp.all(jnp.abs(self._opened(wire, aval)) < limit)
        mark = ~fits
        for source in sources:
            mark |= source.wrapped
        return Watched(wire, shadow, mark)

    def _opened(self, wire: Any, aval: Any) -> Array:
        return self.inner.open(wire, aval).astype(jnp.float64)

    def _bit(self, wire: Any, aval: Any, *sources: Watched) -> Watched:
        mark = jnp.zeros((), bool)
        for source in sources:
            mark |= source.wrapped
        return Watched(wire, self.inner.open(wire, aval), mark)

    def _entered(self, wire: Any, array: Any, aval: Any) -> Watched:
        if aval.dtype == np.bool_:
            return self._bit(wire, aval)
        return self._watched(wire, aval, jnp.asarray(array, jnp.float64))

    # in and out
    def share(self, array, aval):
        return self._entered(self.inner.share(array, aval), array, aval)

    def constant(self, array, aval):
        return self._entered(self.inner.constant(array, aval), array, aval)

    def open(self, x, aval):
        value = self.inner.open(x.wire, aval)
        if not jnp.issubdtype(aval.dtype, np.inexact):
            return value
        return jnp.where(x.wrapped, jnp.asarray(np.nan, value.dtype), value)

    # local
    def add(self, x, y, aval):
        return self._watched(self.inner.add(x.wire, y.wire, aval), aval, x.shadow + y.shadow, x, y)

    def sub(self, x, y, aval):
        return self._watched(self.inner.sub(x.wire, y.wire, aval), aval, x.shadow - y.shadow, x, y)

    def neg(self, x, aval):
        return self._watched(self.inner.neg(x.wire, aval), aval, -x.shadow, x)

    def lift(self, x, source, aval):
        return self._watched(self.inner.lift(x.wire, source, aval), aval, x.shadow, x)

    def xor(self, a, b, aval):
        return self._bit(self.inner.xor(a.wire, b.wire, aval), aval, a, b)

    def mask(self, a, keep, aval):
        return self._bit(self.inner.mask(a.wire, keep, aval), aval, a)

    def structure(self, fn, wires, avals, aval):
        out = self.inner.structure(fn, [w.wire for w in wires], avals, aval)
        if aval.dtype == np.bool_:
            return self._bit(out, aval, *wires)
        return self._watched(out, aval, fn(*(w.shadow for w in wires)), *wires)

    def sum(self, fn, x, aval):
        return self._watched(self.inner.sum(fn, x.wire, aval), aval, fn.apply(x.shadow), x)

    # interactive
    def scale(self, x, factor, aval, at):
        shadow = _tampered(x.shadow * jnp.asarray(factor, jnp.float64), at)
        wire = self.inner.scale(x.wire, factor, aval, at)
        return self._watched(wire, aval, shadow, x, product=True)

    def product_public(self, bilinear, x, c, aval, at):
        shadow = _tampered(bilinear.apply(x.shadow, jnp.asarray(c, jnp.float64)), at)
        wire = self.inner.product_public(bilinear, x.wire, c, aval, at)
        return self._watched(wire, aval, shadow, x, product=bilinear.truncates)

    def product(self, bilinear, x, y, aval, at):
        shadow = _tampered(bilinear.apply(x.shadow, y.shadow), at)
        wire = self.inner.product(bilinear, x.wire, y.wire, aval, at)
        return self._watched(wire, aval, shadow, x, y, product=bilinear.truncates)

    def compare(self, kind, x, y, operand, at):
        difference = self._watched(x.wire, operand, x.shadow - y.shadow, x, y)
        aval = struct(operand.shape, bool)
        return self._bit(self.inner.compare(kind, x.wire, y.wire, operand, at), aval, difference)

    def select(self, b, x, y, aval, at):
        chosen = jnp.where(b.shadow, x.shadow, y.shadow) + self._misread(b, at) * (x.shadow - y.shadow)
        shadow = _tampered(chosen, at)
        wire = self.inner.select(b.wire, x.wire, y.wire, aval, at)
        return self._watched(wire, aval, shadow, b, x, y)

    def _misread(self, b: Watched, at: At) -> Any:
        return self.inner.misread(b.wire, at) if at.inner else 0.0

    def both(self, a, b, aval, at):
        return self._bit(self.inner.both(a.wire, b.wire, aval, at), aval, a, b)

    def arith(self, b, aval, at):
        shadow = _tampered(b.shadow.astype(jnp.float64) + self._misread(b, at), at)
        return self._watched(self.inner.arith(b.wire, aval, at), aval, shadow, b)

    def ideal(self, fn, xs, avals, aval, at):
        wire = self.inner.ideal(fn, [x.wire for x in xs], avals, aval, at)
        shadow = _tampered(fn(*(x.shadow for x in xs)), at)
        return self._watched(wire, aval, shadow, *xs)

    def bits(self, x, lo, hi, operand, at):
        aval = struct((*operand.shape, hi - lo), bool)
        return self._bit(self.inner.bits(x.wire, lo, hi, operand, at), aval, x)

    # branches and passes draw as the engine's own do
    def switch(self, index, branches):
        return self.inner.switch(index, branches)

    def _pass(self, loop, number):
        return self.inner._pass(loop, number)

    # loops: a mark is one for all rows
    def unroll_axis(self, x):
        rows = x.shadow.shape[:1]
        return Watched(self.inner.unroll_axis(x.wire), x.shadow, jnp.broadcast_to(x.wrapped, rows))

    def roll_axis(self, x):
        return Watched(self.inner.roll_axis(x.wire), x.shadow, jnp.any(x.wrapped))


def _tampered(shadow: Array, at: At) -> Array:
    return shadow if at.error is None else shadow + jnp.asarray(at.error).astype(jnp.float64)
