"""Abstract engines: what is known of a value from the program alone, found by the same interpreter.

A wire holds no number but a fact, the same for all entries of an array: how errors reach it, or after how
many rounds it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.bilinear import Sum
from turncoat.core.engine import Engine, Step, Test, Values, Wire
from turncoat.core.values import Aval, Value, is_secret, public


class Abstract(Engine):
    """Speaks for another engine, whose kinds of site it has; local operations join what is known."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.kinds, self.gates = engine.name, engine.kinds, engine.gates
        self.xor_products, self.largest, self.smallest = engine.xor_products, engine.largest, engine.smallest

    def joined(self, wires: Sequence[Wire]) -> Wire:
        """What is known of a value that is a local combination of these."""
        raise self._missing("joined")

    def either(self, wires: Sequence[Wire]) -> Wire:
        """What is known of a value that is one of these, by the branch that is taken."""
        raise self._missing("either")

    def open(self, wire: Wire, aval: Aval) -> Any:
        zeros = jnp.zeros(aval.shape, aval.dtype)
        return lax.optimization_barrier(zeros)  # type: ignore[no-untyped-call]  # traced: nothing is known of it

    def add(self, x: Wire, y: Wire, aval: Aval) -> Wire:
        return self.joined([x, y])

    def xor(self, a: Wire, b: Wire, aval: Aval) -> Wire:
        return self.joined([a, b])

    def neg(self, x: Wire, aval: Aval) -> Wire:
        return x

    def lift(self, x: Wire, source: Aval, aval: Aval) -> Wire:
        return x

    def mask(self, a: Wire, keep: Any, aval: Aval) -> Wire:
        return a

    def structure(
        self, fn: Callable[..., Any], wires: Sequence[Wire], avals: Sequence[Aval], aval: Aval
    ) -> Wire:
        return self.joined(wires)

    def sum(self, fn: Sum, x: Wire, aval: Aval) -> Wire:
        return x

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        return body(carry)

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        columns = zip(*(branch() for branch in branches), strict=True)
        return [c[0].holding(self.either([v.wire for v in c])) if is_secret(c[0]) else c[0] for c in columns]


def row(x: Value) -> Value:
    """Any row of a value along its leading axis: they are all alike."""
    return x.holding(x.wire, x.shape[1:]) if is_secret(x) else public(x)[0]


def stacked(y: Value, length: int) -> Value:
    """A row, so many times."""
    if is_secret(y):
        return y.holding(y.wire, (length, *y.shape))
    return jnp.broadcast_to(public(y)[None], (length, *np.shape(public(y))))
