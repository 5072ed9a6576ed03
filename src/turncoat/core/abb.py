"""The arithmetic black box (Fig. 4): every interactive operation gets a name, its error, and the engine.

This is the only file that sees both errors and engines. Local operations pass through; an interactive one
is named (`scope[/back]/op[#n]`), its error is looked up, and both go to the engine. A comparison of the same
two values is made once and its bit reused, as MPC frameworks do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core import bilinear as maps
from turncoat.core.engine import Engine
from turncoat.core.local import Local
from turncoat.core.names import Frame, Names, T
from turncoat.core.program import Program
from turncoat.core.protocol import Protocol
from turncoat.core.sites import At, Site
from turncoat.core.values import (
    Aval,
    Secret,
    Shape,
    Splat,
    Value,
    dtype_of,
    is_secret,
    known,
    public,
    shape_of,
    struct,
)

Interpret = Callable[[Program, "Box", Sequence[Value]], list[Value]]


class Box(Local):
    """The black box that one evaluation computes with.

    `interpret(program, box, values)` evaluates the bodies of loops. `names` names the sites that are met;
    `errors` maps the names of sites of `inventory` to arrays of their shapes; `observe` names sites whose
    values are kept in `seen`. Methods that take a name are interactive.
    """

    def __init__(
        self,
        engine: Engine,
        protocol: Protocol,
        interpret: Interpret,
        names: Names | None = None,
        errors: Mapping[str, Any] | None = None,
        inventory: Mapping[str, Site] | None = None,
        observe: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(engine, names or Names())
        self.protocol, self.interpret = protocol, interpret
        self.errors, self.inventory = dict(errors or {}), dict(inventory or {})
        self.observe = observe
        self.seen: dict[str, Any] = {}
        self.refused: dict[str, None] | None = None  # sentences, of a box that collects refusals
        self.bound: int | None = None  # passes of a loop that a secret would end

    def run(self, program: Program, values: Sequence[Value]) -> list[Value]:
        """The outputs of a program, such as a loop's body."""
        return self.interpret(program, self, values)

    def scope(self, name: str) -> AbstractContextManager[None]:
        """The sites inside are named under `name`, itself under the current operation."""
        return self.names.scope(name)

    def _at(self, kind: str, aval: Aval, name: str | None, inner: int = 1) -> At:
        """Names an interactive operation of `inner` multiplications an entry, and finds its error."""
        return self._tampered(self.names.site(kind, aval, name, math.prod(aval.shape) * inner))

    def _perhaps_at(self, kind: str, aval: Aval, name: str | None) -> At:
        """The same where this engine makes operations of this kind interactive."""
        return self._at(kind, aval, name) if kind in self.engine.kinds else At()

    def _converting_at(self, operation: str, kind: str, aval: Aval, name: str | None) -> At:
        """The same for an operation that turns a bit into a number, whose products may be sites too."""
        products = self.engine.xor_products.get(operation, ())
        return self._tampered(*self.names.converting(kind, aval, name, products))

    def _tampered(self, site: Site, inner: Sequence[Site] = ()) -> At:
        return At(site, self.errors.get(site.name), tuple(map(self._tampered, inner)))

    def _secret(self, wire: Any, aval: Aval, sources: Sequence[Value], at: At) -> Secret:
        if at.name in self.observe:
            self.seen[at.name] = self.engine.open(wire, aval)
        return self.wired(wire, aval, sources)

    # ---- interactive only where truncation is -------------------------------------------------------------

    def scale(self, x: Secret, factor: Value, name: str = "scale") -> Secret:
        """x times a public factor; a truncation follows unless the factor is a known integer."""
        number, shape = known(factor), np.broadcast_shapes(x.shape, shape_of(factor))
        if number == 1 and number is not True and shape == x.shape:
            return x
        if number == -1 and shape == x.shape:
            return self.neg(x)
        x = self.broadcast(x, shape)
        value = factor.value if isinstance(factor, Splat) else factor
        whole = number is not None and float(number).is_integer()
        truncates = np.issubdtype(x.dtype, np.inexact) and not whole
        at = self._perhaps_at("truncation", x.aval, name) if truncates else At()
        return self._secret(self.engine.scale(x.wire, value, x.aval, at), x.aval, (x,), at)

    def product_public(self, bilinear: maps.Bilinear, x: Secret, c: Any, name: str = "scale") -> Secret:
        """A bilinear map of a secret (first) and a public operand."""
        aval = struct(bilinear.shape, bilinear.dtype)
        at = self._perhaps_at("truncation", aval, name) if bilinear.truncates else At()
        return self._secret(self.engine.product_public(bilinear, x.wire, c, aval, at), aval, (x,), at)

    # ---- interactive ------------------------------------------------------------------------------------

    def product(self, x: Value, y: Value, name: str | None = None) -> Secret:
        """The elementwise product; local if one factor is public."""
        if not is_secret(x):
            return self.scale(y, x)
        if not is_secret(y):
            return self.scale(x, y)
        shape = np.broadcast_shapes(x.shape, y.shape)
        xs, ys = self.broadcast(x, shape), self.broadcast(y, shape)
        return self.bilinear(maps.mul(shape, x.dtype, square=x is y), xs, ys, name)

    def square(self, x: Secret, name: str | None = None) -> Secret:
        return self.product(x, x, name)

    def bilinear(self, bilinear: maps.Bilinear, x: Secret, y: Secret, name: str | None = None) -> Secret:
        """A bilinear map of two secrets: one site with one error entry per output entry."""
        aval = struct(bilinear.shape, bilinear.dtype)
        at = self._at("product", aval, name, bilinear.inner)
        return self._secret(self.engine.product(bilinear, x.wire, y.wire, aval, at), aval, (x, y), at)

    def less(self, x: Value, y: Value, name: str | None = "compare") -> Value:
        """The bit x < y."""
        return self._compare("lt", x, y, name)

    def equal(self, x: Value, y: Value, name: str | None = "compare") -> Value:
        """The bit x == y."""
        return self._compare("eq", x, y, name)

    def _compare(self, kind: str, x: Value, y: Value, name: str | None) -> Value:
        shape = np.broadcast_shapes(shape_of(x), shape_of(y))
        decided = _decided(kind, known(x), known(y))
        if decided is not None:
            return Splat(np.bool_(decided), shape)
        return self.reused(("compare", kind, shape), (x, y), lambda: self._new_bit(kind, x, y, name))

    def _new_bit(self, kind: str, x: Value, y: Value, name: str | None) -> Secret:
        a, b = self.align(x, y)
        aval = struct(a.shape, np.bool_)
        at = self._tampered(*self.names.comparison(aval, name, self.engine.gates.get(kind, {})))
        return self._secret(self.engine.compare(kind, a.wire, b.wire, a.aval, at), aval, (x, y), at)

    def select(self, b: Value, x: Value, y: Value, name: str | None = "select") -> Value:
        """x where the bit is set, else y: the product b * (x - y) + y."""
        if not is_secret(b):
            return self._select_public(b, x, y)
        x, y = self.case(x), self.case(y)
        if not is_secret(x) and not is_secret(y):
            return self._select_of_public(b, x, y)
        xs, ys = self.align(x, y, beside=b)
        shape = np.broadcast_shapes(b.shape, xs.shape)
        b, xs, ys = (self.broadcast(v, shape) for v in (b, xs, ys))
        if xs.dtype == np.bool_:
            return self.xor(ys, self.both(b, self.xor(xs, ys), name))
        at = self._converting_at("select", "product", xs.aval, name)
        wire = self.engine.select(b.wire, xs.wire, ys.wire, xs.aval, at)
        return self._secret(wire, xs.aval, (b, x, y), at)

    def _select_public(self, b: Value, x: Value, y: Value) -> Value:
        shape = np.broadcast_shapes(shape_of(b), shape_of(x), shape_of(y))
        if known(b) is not None:
            chosen = x if known(b) else y
            if is_secret(chosen):
                return self.broadcast(chosen, shape)
            return jnp.broadcast_to(public(chosen), shape)
        which = jnp.broadcast_to(public(b), shape)
        pair = [self.broadcast(v, shape) for v in self.align(x, y, moved=True)]
        return self.structure(lambda a, c: jnp.where(which, a, c), pair, pair[0].aval)

    def _select_of_public(self, b: Secret, x: Value, y: Value) -> Secret:
        dtype = dtype_of(x)
        if dtype == np.bool_:
            return self.xor(y, self.both(b, jnp.logical_xor(public(x), public(y))))
        x, y = (self.within(end, dtype) for end in (x, y))
        high, low = known(x), known(y)
        difference: Value = jnp.asarray(public(x)) - jnp.asarray(public(y))
        if high is not None and low is not None:
            difference = Splat(np.asarray(high - low, dtype), shape_of(x))
        return self.add(self.scale(self.arith(b, dtype), difference), y)

    def both(self, a: Value, b: Value, name: str | None = None) -> Value:
        """a AND b; local if one is public."""
        if not is_secret(a):
            a, b = b, a
        if known(b) is not None:
            return a if known(b) else Splat(np.False_, np.broadcast_shapes(shape_of(a), shape_of(b)))
        shape = np.broadcast_shapes(shape_of(a), shape_of(b))
        a = self.broadcast(a, shape)
        if not is_secret(b):
            return self.wired(self.engine.mask(a.wire, jnp.broadcast_to(b, shape), a.aval), a.aval, (a,))
        b = self.broadcast(b, shape)
        at = self._at("bit", a.aval, name)
        return self._secret(self.engine.both(a.wire, b.wire, a.aval, at), a.aval, (a, b), at)

    def either(self, a: Value, b: Value, name: str | None = None) -> Value:
        """a OR b."""
        not_a, not_b = (self.invert(v) if is_secret(v) else jnp.logical_not(public(v)) for v in (a, b))
        out = self.both(not_a, not_b, name)
        return self.invert(out) if is_secret(out) else Splat(np.bool_(not known(out)), shape_of(out))

    def arith(self, b: Secret, dtype: Any, name: str = "arith") -> Secret:
        """A bit as a number."""
        return self.reused(("arith", np.dtype(dtype)), (b,), lambda: self._new_number(b, dtype, name))

    def _new_number(self, b: Secret, dtype: Any, name: str) -> Secret:
        aval = struct(b.shape, dtype)
        site = "conversion" in self.engine.kinds
        at = self._converting_at("arith", "conversion", aval, name) if site else At()
        return self._secret(self.engine.arith(b.wire, aval, at), aval, (b,), at)

    def ideal(self, fn: Callable[..., Any], values: Sequence[Value], name: str | None = None) -> Secret:
        """A true function in one step, by the ideal functionality."""
        secrets = self.align(*values)
        wires, avals = [s.wire for s in secrets], [s.aval for s in secrets]
        at = self._at("ideal", avals[0], name)
        return self._secret(self.engine.ideal(fn, wires, avals, avals[0], at), avals[0], values, at)

    def bits(self, x: Secret, lo: int, hi: int, name: str | None = "bits") -> Secret:
        """Binary digits of weight 2^lo to 2^(hi-1), least first, on a new last axis."""
        aval = struct((*x.shape, hi - lo), np.bool_)
        at = self._at("bit", aval, name)
        return self._secret(self.engine.bits(x.wire, lo, hi, x.aval, at), aval, (x,), at)

    def reveal(self, x: Secret) -> Any:
        """The value, public from here on."""
        return self.engine.open(x.wire, x.aval)

    # ---- reuse and loops -------------------------------------------------------------------------------

    def reused(self, key: tuple[Any, ...], values: Sequence[Value], make: Callable[[], T]) -> T:
        """What `make` returned the first time for these values."""
        return self.names.reused(key, values, make)

    @contextmanager
    def body(
        self, start: Frame, loops: Shape = (), errors: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """A loop body or branch: names start from `start`, and errors are this pass's."""
        saved, self.errors = self.errors, {**self.errors, **(errors or {})}
        try:
            with self.names.body(start, loops):
                yield
        finally:
            self.errors = saved

    def abstract(self, engine: Engine) -> Box:
        """A box at the same place of the program on an abstract engine: for names, not for values."""
        box = Box(engine, self.protocol, self.interpret, self.names.twin())
        box.bound = self.bound
        return box

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """Values inside cannot be kept: it is not known whether and how often they are computed."""
        saved, self.observe = self.observe, frozenset()
        try:
            yield
        finally:
            self.observe = saved


def _decided(kind: str, x: Any, y: Any) -> bool | None:
    """The outcome of a comparison with an infinity: secrets are finite."""
    for value, other_side in ((x, False), (y, True)):
        if isinstance(value, float) and np.isinf(value):
            return False if kind == "eq" else (value < 0) != other_side
    return None
