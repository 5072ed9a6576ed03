"""Which of a party's messages deviate: those whose error is not zero once it is a number of the engine's.

In a ring an error is rounded to the scale of its site before it is added, modulo 2^64: what rounds to zero is no
deviation, and no check can find it. At which scale, the operations say; they are found by running the step on an
abstract engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.abstract import Abstract, row, stacked
from turncoat.core.bilinear import Bilinear
from turncoat.core.engine import Body, Engine, Passed, Values
from turncoat.core.sites import At
from turncoat.core.values import Aval
from turncoat.engines import arithmetic

Walk = Callable[..., Any]


def scales(engine: Engine, walk: Walk) -> dict[str, int | None]:
    """For each site, how many fractional bits its error is rounded to; None where it is added as it is.

    `walk(engine, enter)` runs the step on an abstract engine. Wires of floats round nothing.
    """
    noting = Noting(getattr(engine, "inner", engine))  # a monitor computes as what it monitors
    walk(noting, lambda name: 0)
    return noting.found


def deviates(error: Any, scale: int | None = None) -> Array:
    """Which entries of an error are messages that deviate: Booleans of its shape."""
    if scale is None or jnp.result_type(error) == np.bool_:
        return jnp.asarray(error).astype(bool)
    with jax.enable_x64(True):
        return arithmetic.wrapped(error, scale) != 0


class Noting(Abstract):
    """Notes for each site the scale of its errors, as `Ring` and `Replicated` add them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.precision: int | None = getattr(engine, "precision", None)
        self.halved = bool(engine.xor_products)  # a converted bit's error counts twice there
        self.found: dict[str, int | None] = {}

    def _note(self, at: At, aval: Aval, fractions: int = 1, less: int = 0) -> int:
        fixed = bool(jnp.issubdtype(aval.dtype, jnp.inexact))
        if at.site is not None:
            known = None if self.precision is None else self.precision * fractions * fixed - less
            self.found[at.name] = known
        for inner in at.inner:
            self.found[inner.name] = None if self.precision is None else 0
        return 0

    def _flips(self, at: At) -> int:
        self.found |= dict.fromkeys((at.name, *(inner.name for inner in at.inner)))
        return 0

    def joined(self, wires: Sequence[int]) -> int:
        return 0

    def either(self, wires: Sequence[int]) -> int:
        return 0

    def share(self, array: Any, aval: Aval) -> int:
        return 0

    def scale(self, x: int, factor: Any, aval: Aval, at: At) -> int:
        return self._note(at, aval)

    def product_public(self, bilinear: Bilinear, x: int, c: Any, aval: Aval, at: At) -> int:
        return self._note(at, aval)

    def product(self, bilinear: Bilinear, x: int, y: int, aval: Aval, at: At) -> int:
        return self._note(at, aval, 1 + bilinear.truncates)

    def compare(self, kind: str, x: int, y: int, operand: Aval, at: At) -> int:
        return self._flips(at)

    def select(self, b: int, x: int, y: int, aval: Aval, at: At) -> int:
        return self._note(at, aval)

    def both(self, a: int, b: int, aval: Aval, at: At) -> int:
        return self._flips(at)

    def arith(self, b: int, aval: Aval, at: At) -> int:
        return self._note(at, aval, less=self.halved)

    def ideal(self, fn: Any, xs: Any, avals: Any, aval: Aval, at: At) -> int:
        return self._note(at, aval)

    def bits(self, x: int, lo: int, hi: int, operand: Aval, at: At) -> int:
        return self._flips(at)

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        carry, ys = body(carry, [row(x) for x in xs])
        return carry, [stacked(y, length) for y in ys]
