"""Engine `additive`: a secret is three additive shares in Z_2^64, a bit three XOR shares, party axis in front.

A `Traced` engine that needs 64-bit arithmetic and whose wires have not the value's shape: it stands for the
fixed-point and share-based engines. Comparison, truncation and conversion are done by a trusted dealer (this
process); products by the parties, as in replicated secret sharing. Only ONE share is ever tampered with.
"""

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.engine import Traced
from turncoat.core.values import struct

BITS = 26
"""Fractional bits: a product is right up to 2^(63 - 2 * 26) = 2048."""
CORRUPT = 1


def _next(x):
    """The shares of the next party, which each party holds as well."""
    return jnp.stack([x[1], x[2], x[0]])


class Additive(Traced):
    """Fixed point with 26 fractional bits; masks come from a counter, so runs repeat."""

    name = "additive"
    kinds = frozenset({"product", "bit", "conversion"})

    def __init__(self):
        self.draws = 0

    def context(self):
        return jax.enable_x64(True)

    # the three shares
    def _mask(self, shape, dtype):
        self.draws += 1
        draw = np.random.default_rng(self.draws)
        if dtype == np.bool_:
            return draw.integers(0, 2, shape).astype(bool)
        return draw.integers(-(2**63), 2**63 - 1, shape)

    def _split(self, value):
        first, second = (self._mask(value.shape, value.dtype) for _ in range(2))
        if value.dtype == np.bool_:
            return jnp.stack([first, second, value ^ first ^ second])
        return jnp.stack([first, second, value - first - second])

    def _joined(self, x):
        return x[0] ^ x[1] ^ x[2] if x.dtype == np.bool_ else x[0] + x[1] + x[2]

    def _rerandomised(self, x):
        masks = self._mask(x.shape, x.dtype)
        zero = masks ^ np.roll(masks, 1, 0) if x.dtype == np.bool_ else masks - np.roll(masks, 1, 0)
        return x ^ zero if x.dtype == np.bool_ else x + zero

    def _multiplied(self, x, at, aval, truncates):
        """A product, tampered with and then rounded from 2 BITS fractional digits to BITS, if it has so many."""
        x = self._tampered(x, at, aval, 2 * BITS if truncates else BITS)
        if not truncates:
            return x
        return self._split((self._joined(x) + (1 << (BITS - 1))) >> BITS)

    def _encoded(self, array, dtype, digits=BITS):
        if dtype == np.bool_:
            return jnp.asarray(array, bool)
        if not jnp.issubdtype(dtype, np.inexact):
            return jnp.asarray(array, jnp.int64)
        return jnp.rint(jnp.asarray(array, jnp.float64) * 2.0**digits).astype(jnp.int64)

    def _tampered(self, x, at, aval, digits=BITS):
        if at.error is None:
            return x
        own = self._encoded(at.error, aval.dtype, digits)
        theirs = jnp.zeros_like(own)
        added = jnp.stack([own if party == CORRUPT else theirs for party in range(3)])
        return x ^ added if aval.dtype == np.bool_ else x + added

    # the engine interface
    def share(self, array, aval):
        return self._split(self._encoded(array, aval.dtype))

    def open(self, x, aval):
        value = self._joined(x)
        if jnp.issubdtype(aval.dtype, np.inexact):
            value = value.astype(jnp.float64) / 2.0**BITS
        return value.astype(aval.dtype)

    def add(self, x, y, aval):
        return x + y

    def neg(self, x, aval):
        return -x

    def lift(self, x, source, aval):
        fractional = [jnp.issubdtype(a.dtype, np.inexact) for a in (source, aval)]
        return x << BITS if fractional == [False, True] else x

    def xor(self, a, b, aval):
        return a ^ b

    def mask(self, a, keep, aval):
        return a & keep

    def structure(self, fn, wires, avals, aval):
        return jax.vmap(fn)(*wires)

    def sum(self, fn, x, aval):
        return jax.vmap(fn.apply)(x)

    def scale(self, x, factor, aval, at):
        truncates = jnp.issubdtype(aval.dtype, np.inexact)
        return self._multiplied(x * self._encoded(factor, aval.dtype), at, aval, truncates)

    def product_public(self, bilinear, x, c, aval, at):
        c = self._encoded(c, bilinear.y_dtype)
        z = jax.vmap(lambda share: bilinear.apply(share, c))(x)
        return self._multiplied(z, at, aval, bilinear.truncates)

    def product(self, bilinear, x, y, aval, at):
        # party i holds shares i and i + 1 of both and computes x_i y_i + x_i y_(i+1) + x_(i+1) y_i
        apply = jax.vmap(bilinear.apply)
        parts = apply(x, y + _next(y)) + apply(_next(x), y)
        return self._multiplied(self._rerandomised(parts), at, aval, bilinear.truncates)

    def compare(self, kind, x, y, operand, at):
        x, y = self._joined(x), self._joined(y)
        bit = x < y if kind == "lt" else x == y
        return self._tampered(self._split(bit), at, struct(bit.shape, bool))

    def select(self, b, x, y, aval, at):
        bit = self._split(self._joined(b).astype(jnp.int64))
        difference = x - y
        parts = bit * (difference + _next(difference)) + _next(bit) * difference
        return self._tampered(self._rerandomised(parts), at, aval) + y

    def both(self, a, b, aval, at):
        parts = (a & (b ^ _next(b))) ^ (_next(a) & b)
        return self._tampered(self._rerandomised(parts), at, aval)

    def arith(self, b, aval, at):
        return self._tampered(self._split(self._encoded(self._joined(b), aval.dtype)), at, aval)

    def bits(self, x, lo, hi, operand, at):
        point = BITS if jnp.issubdtype(operand.dtype, np.inexact) else 0
        digits = (self._joined(x)[..., None] >> jnp.arange(point + lo, point + hi)) & 1
        return self._tampered(self._split(digits == 1), at, struct(digits.shape, bool))

    # the value's leading axis stands behind the party axis
    def unroll_axis(self, x):
        return jnp.swapaxes(x, 0, 1)

    def roll_axis(self, x):
        return jnp.swapaxes(x, 0, 1)
