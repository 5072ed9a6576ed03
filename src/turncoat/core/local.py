"""The local half of the black box: what each party computes on its own shares, without a message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Sum
from turncoat.core.engine import Engine
from turncoat.core.names import Names
from turncoat.core.values import (
    Aval,
    Secret,
    Shape,
    Splat,
    Value,
    dtype_of,
    full_like,
    is_secret,
    known,
    origin,
    public,
    shape_of,
    struct,
)
from turncoat.refusal import Refusal


class Local:
    """Sums, rearrangements and constants, on an engine."""

    def __init__(self, engine: Engine, names: Names) -> None:
        self.engine, self.names = engine, names

    def scale(self, x: Secret, factor: Value) -> Secret:
        """x times a public factor: in the other half, since a truncation may follow."""
        raise NotImplementedError

    def constant(self, value: Value, like: Any = None, because: frozenset[str] | None = None) -> Secret:
        """A public value as a secret one, broadcast to the shape of `like` and in its dtype.

        An infinity, or a number beyond the engine's range, becomes the largest of its sign. With `because`, the
        arguments that it is about to be combined with, NaN is refused; one that is only moved about counts as zero.
        """
        if is_secret(value):
            return value
        number = known(value)
        if because is not None and number is not None and np.isnan(number):
            names = ", ".join(sorted(because)) or "an argument"
            raise Refusal(
                f"the constant {number} meets a secret, at {self.names.place.lines}; secret because of {names}; "
                "a fixed-point number is one: use another"
            )
        like = value if like is None else like
        aval, value = struct(shape_of(like), dtype_of(like)), self.case(value)
        array = jnp.broadcast_to(jnp.asarray(public(self.within(value, aval.dtype)), aval.dtype), aval.shape)
        return Secret(self.engine.constant(array, aval), aval, frozenset(), self)

    def within(self, value: Value, dtype: Any) -> Value:
        """A public value of numbers in the engine's range, as constants of this dtype."""
        if not all(jnp.issubdtype(d, jnp.floating) for d in (dtype_of(value), dtype)):
            return value
        number, most = known(value), min(self.engine.largest, float(jnp.finfo(dtype).max))  # type: ignore[no-untyped-call]
        if number is None:
            return jnp.clip(public(value), -most, most)
        if abs(number) <= most or np.isnan(number):
            return value
        return Splat(np.asarray(np.copysign(most, number), dtype), shape_of(value))

    def case(self, value: Value) -> Value:
        """A case that a secret chooses; NaN counts as zero, as SPU encodes it (encodeToRing, core/encoding.cc)."""
        number = known(value)
        if is_secret(value) or not jnp.issubdtype(dtype_of(value), jnp.floating):
            return value
        if number is None:
            array = public(value)
            return jnp.where(jnp.isnan(array), jnp.zeros_like(array), array)
        return Splat(np.zeros((), dtype_of(value)), shape_of(value)) if np.isnan(number) else value

    def align(self, *values: Value, beside: Value = None, moved: bool = False) -> list[Secret]:
        """The values as secrets of one shape and dtype; `beside` is what else they meet.

        NaN is refused, unless values are only `moved` about.
        """
        because = None if moved else origin((*values, beside))
        shape = np.broadcast_shapes(*map(shape_of, values))
        like = struct(shape, next(v.dtype for v in values if is_secret(v)))
        return [self.broadcast(self.constant(v, like, because), shape) for v in values]

    def wired(self, wire: Any, aval: Aval, sources: Sequence[Value]) -> Secret:
        """An engine's result as a value that depends on what its sources depend on."""
        return Secret(wire, aval, origin(sources), self)

    def broadcast(self, x: Secret, shape: Shape) -> Secret:
        """x at a larger shape, by NumPy's rules."""
        if x.shape == tuple(shape):
            return x
        return self.structure(lambda a: jnp.broadcast_to(a, shape), [x], struct(shape, x.dtype))

    def argument(self, function: str, x: Secret, limits: tuple[float, float]) -> None:
        """Tells the engine that x enters a function which holds between these limits; no operation."""
        self.engine.argument(function, self.names.operation(), x.wire, limits)

    def add(self, x: Value, y: Value) -> Secret:
        for a, b in ((x, y), (y, x)):
            if is_secret(b) and _adds_nothing(a, b):
                return b
        a, b = self.align(x, y)
        return self.wired(self.engine.add(a.wire, b.wire, a.aval), a.aval, (x, y))

    def neg(self, x: Secret) -> Secret:
        return self.wired(self.engine.neg(x.wire, x.aval), x.aval, (x,))

    def sub(self, x: Value, y: Value) -> Secret:
        if is_secret(x) and _adds_nothing(y, x):
            return x
        a, b = self.align(x, y)
        return self.wired(self.engine.sub(a.wire, b.wire, a.aval), a.aval, (x, y))

    def lift(self, x: Secret, dtype: Any) -> Secret:
        """A number in another numeric dtype (integers become fixed point)."""
        aval = struct(x.shape, dtype)
        return self.wired(self.engine.lift(x.wire, x.aval, aval), aval, (x,))

    def xor(self, a: Value, b: Value) -> Secret:
        """a XOR b of two bits."""
        x, y = self.align(a, b)
        return self.wired(self.engine.xor(x.wire, y.wire, x.aval), x.aval, (a, b))

    def invert(self, a: Secret) -> Secret:
        """NOT a."""
        return self.xor(a, full_like(a, True))

    def structure(self, fn: Callable[..., Any], values: Sequence[Value], aval: Any) -> Secret:
        """A rearrangement of entries; public operands become constants."""
        secrets = [self.constant(v) for v in values]
        aval = struct(aval.shape, aval.dtype)  # an equation's aval says more
        wire = self.engine.structure(fn, [s.wire for s in secrets], [s.aval for s in secrets], aval)
        return self.wired(wire, aval, values)

    def sum(self, fn: Sum, x: Secret) -> Secret:
        """A sum of entries of numbers."""
        aval = struct(fn.shape, x.dtype)
        return self.wired(self.engine.sum(fn, x.wire, aval), aval, (x,))

    def total(self, x: Secret, axis: int = -1, keepdims: bool = False) -> Secret:
        """The sum over one axis."""
        axis = axis % len(x.shape)
        shape = tuple(n for d, n in enumerate(x.shape) if d != axis)
        out = self.sum(Sum(lambda a: jnp.sum(a, axis, dtype=a.dtype), x.shape, shape, (axis,)), x)
        return self.expanded(out, axis) if keepdims else out

    def expanded(self, x: Secret, axis: int) -> Secret:
        """x with a new axis of length one."""
        shape = (*x.shape[:axis], 1, *x.shape[axis:])
        return self.structure(lambda a: jnp.expand_dims(a, axis), [x], struct(shape, x.dtype))


def _adds_nothing(a: Value, to: Secret) -> bool:
    """Whether a is the constant zero, of a shape that does not make the other one larger."""
    return known(a) == 0 and np.broadcast_shapes(shape_of(a), to.shape) == to.shape
