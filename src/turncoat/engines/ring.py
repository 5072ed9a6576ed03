"""Engine `ring`: a secret value is fixed point in Z_2^64, the ideal functionality of Fig. 4.

What a deployed protocol computes with, without its shares: numbers are multiples of 2^-f, products are
truncated, and what is too large wraps around. An error is added to a product before its truncation, as
round(eps 2^(2f)), to a selection (a bit times a value), a converted bit or an ideal function as
round(eps 2^f), all modulo 2^64; a flip is XORed.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.engine import Traced
from turncoat.core.sites import At
from turncoat.engines import arithmetic
from turncoat.engines.truncation import TRUNCATIONS
from turncoat.refusal import Refusal, nearest

WIDEST = 28
"""A precision with which products of numbers up to 2^6 still fit."""


class Ring(Traced):
    """Wires are uint64 arrays (bits: Boolean arrays) of the value's own shape.

    `precision` is f, the number of fractional bits; `truncation` a name of `TRUNCATIONS`. Products of size
    `limit` = 2^(62 - 2f) and beyond may wrap around. Raises Refusal for a precision that is no use, or an
    unknown truncation.
    """

    def __init__(self, precision: int = 18, truncation: str = "exact") -> None:
        if not 4 <= precision <= WIDEST:
            raise Refusal(f"the precision of a ring of 64 bits must be 4 to {WIDEST} bits, not {precision}")
        if truncation not in TRUNCATIONS:
            known = nearest(truncation, TRUNCATIONS)
            raise Refusal(f"there is no truncation {truncation!r}; the nearest are {known}")
        self.precision, self.truncation = precision, truncation
        self._cut = TRUNCATIONS[truncation]
        self.random = self._cut.random
        self.kinds = frozenset({"product", "bit", "ideal", "conversion"})
        if self._cut.reached:
            self.kinds |= {"truncation"}
        given = {"precision": (precision, 18), "truncation": (truncation, "exact")}
        options = ",".join(f"{name}={value}" for name, (value, usual) in given.items() if value != usual)
        self.name = f"ring:{options}" if options else "ring"
        self.largest, self.smallest = arithmetic.LARGEST * 2.0**-precision, 2.0**-precision

    @property
    def limit(self) -> float:
        """The least magnitude of a product that is too large to be truncated safely."""
        return 2.0 ** (62 - 2 * self.precision)

    def context(self):
        return jax.enable_x64(True)

    # in and out
    def share(self, array, aval):
        return self._encoded(array, aval)

    def open(self, wire, aval):
        if aval.dtype == np.bool_:
            return wire
        if not self._fractional(aval):
            return arithmetic.signed(wire).astype(aval.dtype)
        return arithmetic.decode(wire, self.precision).astype(aval.dtype)

    def _encoded(self, array, aval):
        """Ring elements; integers have no fractional bits."""
        if aval.dtype == np.bool_:
            return jnp.asarray(array, bool)
        if not self._fractional(aval):
            return arithmetic.unsigned(jnp.asarray(array).astype(jnp.int64))
        return arithmetic.encode(array, self.precision)

    @staticmethod
    def _fractional(aval) -> bool:
        return bool(jnp.issubdtype(aval.dtype, jnp.inexact))

    # local
    def add(self, x, y, aval):
        return x + y

    def sub(self, x, y, aval):
        return x - y

    def neg(self, x, aval):
        return -x

    def lift(self, x, source, aval):
        if self._fractional(source) == self._fractional(aval):
            return x
        return x << jnp.asarray(self.precision, jnp.uint64)

    def xor(self, a, b, aval):
        return a ^ b

    def mask(self, a, keep, aval):
        return a & keep

    # products
    def product(self, bilinear, x, y, aval, at):
        z = self._multiplied(bilinear, x, y)
        if not bilinear.truncates:
            return self._tampered(z, at, aval)
        return self._truncated(self._tampered(z, at, aval, self.precision), self.precision)

    def scale(self, x, factor, aval, at):
        if not self._fractional(aval):
            return self._tampered(x * self._encoded(factor, aval), at, aval)
        constant, bits = arithmetic.constant(factor, self.precision)
        return self._tampered(self._truncated(x * constant, bits), at, aval)

    def product_public(self, bilinear, x, c, aval, at):
        if not bilinear.truncates:
            z = self._multiplied(bilinear, x, self._encoded(c, bilinear.y_aval))
            return self._tampered(z, at, aval)
        constant, bits = arithmetic.constant(c, self.precision)
        z = self._multiplied(bilinear, x, constant)
        return self._tampered(self._truncated(z, bits), at, aval)

    @staticmethod
    def _multiplied(bilinear, x, y):
        return arithmetic.multiply(bilinear, x, y)

    def _truncated(self, z, bits):
        if isinstance(bits, int) and bits == 0:
            return z
        return self._cut.cut(z, bits, self.draws.next() if self.random else None)

    def _tampered(self, z, at, aval, more=0):
        if at.error is None:
            return z
        if not self._fractional(aval):
            return z + self._encoded(at.error, aval)
        return z + arithmetic.wrapped(at.error, self.precision + more)

    # bits
    def compare(self, kind, x, y, operand, at):
        difference = arithmetic.signed(x - y)  # its sign bit is what protocols extract, wrapped or not
        zero = jnp.zeros((), jnp.int64)
        return _flipped(difference < zero if kind == "lt" else difference == zero, at)

    def select(self, b, x, y, aval, at):
        return self._tampered(jnp.where(b, x, y), at, aval)

    def both(self, a, b, aval, at):
        return _flipped(a & b, at)

    def arith(self, b, aval, at):
        return self._tampered(self._encoded(b, aval), at, aval)

    def bits(self, x, lo, hi, operand, at):
        places = jnp.arange(lo, hi) + (self.precision if self._fractional(operand) else 0)
        # below the least digit there are zeros, above the highest its sign
        digits = arithmetic.shifted(x[..., None], jnp.clip(places, 0, 63)) & jnp.asarray(1, jnp.uint64)
        return _flipped((digits == jnp.asarray(1, jnp.uint64)) & (places >= 0), at)

    # true functions
    def ideal(self, fn, xs, avals, aval, at):
        values = (arithmetic.decode(x, self.precision) for x in xs)
        return self._tampered(self._encoded(fn(*values), aval), at, aval)


def _flipped(bit: Any, at: At) -> Any:
    return bit if at.error is None else bit ^ at.error


ring = Ring()
