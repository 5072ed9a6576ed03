"""Engine `fractions`: a secret is a NumPy object array of exact fractions, a bit one of Python Booleans.

An `Eager` engine that JAX cannot hold: it knows sums and products of lists of numbers only, and so stands for
engines among real parties. It speaks to the core through `turncoat.core.engine` and nothing else.
"""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from turncoat.core.engine import Eager

PLAIN = frozenset({"product", "bit"})
EVERY = PLAIN | {"truncation", "conversion"}


def objects(values, shape):
    """A flat list of Python objects as an object array; NumPy alone would unpack rank 0."""
    out = np.empty(len(values), object)
    out[:] = values
    return out.reshape(shape)


def wire(x):
    """NumPy returns a bare object for rank 0: back into an array."""
    return np.asarray(x, object)


class Fractions(Eager):
    """Exact arithmetic, or with `bits`, rounded to multiples of 2^-bits where fixed point would truncate.

    Rounding comes before the error is added, so that an error is never rounded. `handed` remembers the sites
    that the core handed over, in order.
    """

    def __init__(self, bits=None, kinds=PLAIN):
        self.name, self.rounding, self.kinds = "fractions", bits, kinds
        self.handed = []

    def _number(self, value, at):
        return self._tampered(self._rounded(value), at)

    def _rounded(self, value):
        if self.rounding is None:
            return value
        unit = 1 << self.rounding
        return objects([Fraction(round(v * unit), unit) for v in wire(value).ravel()], np.shape(value))

    def _tampered(self, value, at):
        self.handed += [] if at.site is None else [at.site]
        return wire(value) if at.error is None else wire(value + self._exact(at.error))

    def _flipped(self, bit, at):
        self.handed.append(at.site)
        return wire(bit) if at.error is None else wire(bit ^ self._exact(at.error))

    def share(self, array, aval):
        exact = self._exact(array)
        return exact if aval.dtype == np.bool_ else self._rounded(exact)

    def _exact(self, array):
        array = np.asarray(array)
        flat = array.ravel().tolist()
        return objects(flat if array.dtype == np.bool_ else [Fraction(v) for v in flat], array.shape)

    def open(self, x, aval):
        kind = bool if aval.dtype == np.bool_ else float if jnp.issubdtype(aval.dtype, np.inexact) else int
        return jnp.asarray(np.array([kind(v) for v in x.ravel()]).reshape(aval.shape), aval.dtype)

    def add(self, x, y, aval):
        return wire(x + y)

    def neg(self, x, aval):
        return wire(-x)

    def lift(self, x, source, aval):
        return x

    def xor(self, a, b, aval):
        return wire(a ^ b)

    def mask(self, a, keep, aval):
        return wire(a & self._exact(keep))

    def index(self, x, i):
        return wire(x[i])

    def take(self, wires, index, aval):
        zero = False if aval.dtype == np.bool_ else Fraction(0)
        pool = np.concatenate([*(w.ravel() for w in wires), objects([zero], 1)])  # index -1: the zero
        return wire(pool[index])

    def sum(self, fn, x, aval):
        return wire(np.sum(self.take([x], fn.as_gather(), aval), axis=-1, initial=Fraction(0)))

    def _multiplied(self, bilinear, x, y, aval):
        left, right = bilinear.as_dot()
        return bilinear.from_dot(np.matmul(self.take([x], left, aval), self.take([y], right, aval)))

    def scale(self, x, factor, aval, at):
        return self._number(x * self._exact(factor), at)

    def product_public(self, bilinear, x, c, aval, at):
        return self._number(self._multiplied(bilinear, x, self._exact(c), aval), at)

    def product(self, bilinear, x, y, aval, at):
        return self._number(self._multiplied(bilinear, x, y, aval), at)

    def compare(self, kind, x, y, operand, at):
        return self._flipped((x < y if kind == "lt" else x == y).astype(object), at)

    def select(self, b, x, y, aval, at):
        return self._tampered(b * (x - y) + y, at)

    def both(self, a, b, aval, at):
        return self._flipped(a & b, at)

    def arith(self, b, aval, at):
        return self._tampered(b * Fraction(1), at)

    def bits(self, x, lo, hi, operand, at):
        weights = [Fraction(2) ** i for i in range(lo, hi)]
        digits = [bool(v // w % 2) for v in x.ravel() for w in weights]
        return self._flipped(objects(digits, (*operand.shape, hi - lo)), at)
