"""The arithmetic black box (Fig. 4): every interactive operation gets a name, its error, and the engine.

This is the only file that sees both errors and engines. Local operations pass through; an interactive one
is named (`scope[/back]/op[#n]`), its error is looked up, and both go to the engine. A comparison of the same
two values is made once and its bit reused, as MPC frameworks do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from turncoat.core import bilinear as maps
from turncoat.core.engine import Engine
from turncoat.core.local import Local
from turncoat.core.names import Frame
from turncoat.core.sites import Site
from turncoat.core.values import (
    Secret,
    Splat,
    Value,
    dtype_of,
    is_secret,
    known,
    public,
    shape_of,
    struct,
)

if TYPE_CHECKING:
    from turncoat.core.program import Program
    from turncoat.core.protocol import Protocol


class Box(Local):
    """The black box that one evaluation computes with.

    `interpret(program, box, values)` evaluates the bodies of loops. `errors` maps the names of sites of
    `inventory` to arrays of their shapes; `observe` names sites whose values are kept in `seen`; `locate`
    records where in the user's code each site stands. Methods that take a name are interactive.
    """

    def __init__(
        self,
        engine: Engine,
        protocol: Protocol,
        interpret: Callable[[Program, Box, list[Value]], list[Value]],
        errors: Mapping[str, Any] | None = None,
        inventory: Mapping[str, Site] | None = None,
        observe: frozenset[str] = frozenset(),
        locate: bool = False,
    ) -> None:
        super().__init__(locate)
        self.engine, self.protocol, self.interpret = engine, protocol, interpret
        self.errors = dict(errors or {})
        self.inventory = dict(inventory or {})
        self.observe = observe
        self.seen: dict[str, Any] = {}

    def run(self, program: Program, values: list[Value]) -> list[Value]:
        """The outputs of a program, such as a loop's body."""
        return self.interpret(program, self, values)

    def _secret(self, wire: Any, aval: Any, sources: Sequence[Value], site: Site | None = None) -> Secret:
        value = self.wired(wire, aval, sources)
        if site is not None and site.name in self.observe:
            self.seen[site.name] = self.engine.open(wire, aval)
        return value

    def _error(self, site: Site | None) -> Any:
        return None if site is None else self.errors.get(site.name)

    # ---- interactive only where truncation is -------------------------------------------------------------

    def scale(self, x: Secret, factor: Value, name: str = "scale") -> Secret:
        """x times a public factor; a truncation follows unless the factor is a known integer."""
        number = known(factor)
        if number == 1 and number is not True and np.broadcast_shapes(x.shape, shape_of(factor)) == x.shape:
            return x
        if number == -1 and np.broadcast_shapes(x.shape, shape_of(factor)) == x.shape:
            return self.neg(x)
        x = self.broadcast(x, np.broadcast_shapes(x.shape, shape_of(factor)))
        value = factor.value if isinstance(factor, Splat) else factor
        whole = number is not None and float(number).is_integer()
        truncates = np.issubdtype(x.dtype, np.inexact) and not whole
        site = self._local_site("truncation", x.aval, name) if truncates else None
        wire = self.engine.scale(x.wire, value, x.aval, site, self._error(site))
        return self._secret(wire, x.aval, (x,), site)

    def _local_site(self, kind: str, aval: Any, name: str | None) -> Site | None:
        """A site where this engine makes the operation interactive, else None."""
        return self.named(kind, aval, name, int(np.prod(aval.shape))) if kind in self.engine.kinds else None

    def product_public(self, bilinear: maps.Bilinear, x: Secret, c: Any, name: str = "scale") -> Secret:
        """A bilinear map of a secret (first) and a public operand."""
        aval = struct(bilinear.shape, bilinear.dtype)
        site = None
        if np.issubdtype(aval.dtype, np.inexact):
            site = self._local_site("truncation", aval, name)
        wire = self.engine.product_public(bilinear, x.wire, c, aval, site, self._error(site))
        return self._secret(wire, aval, (x,), site)

    # ---- interactive ------------------------------------------------------------------------------------

    def product(self, x: Value, y: Value, name: str | None = None) -> Secret:
        """The elementwise product; local if one factor is public."""
        if not is_secret(x):
            return self.scale(y, x)
        if not is_secret(y):
            return self.scale(x, y)
        shape = np.broadcast_shapes(x.shape, y.shape)
        return self.bilinear(
            maps.mul(shape, x.dtype), self.broadcast(x, shape), self.broadcast(y, shape), name
        )

    def square(self, x: Secret, name: str | None = None) -> Secret:
        return self.product(x, x, name)

    def bilinear(self, bilinear: maps.Bilinear, x: Secret, y: Secret, name: str | None = None) -> Secret:
        """A bilinear map of two secrets: one site with one error entry per output entry."""
        aval = struct(bilinear.shape, bilinear.dtype)
        site = self.named("product", aval, name, int(np.prod(aval.shape)) * bilinear.inner)
        wire = self.engine.product(bilinear, x.wire, y.wire, aval, site, self._error(site))
        return self._secret(wire, aval, (x, y), site)

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
        gates = self.engine.gates.get(kind, {})
        site, inner = self.compared(aval, name, int(np.prod(a.shape)), gates)
        given = kind, a.wire, b.wire, a.aval, aval, site, self._error(site)
        if inner:
            wire = self.engine.compare_by_gates(*given, [(g, self._error(g)) for g in inner])
        else:
            wire = self.engine.compare(*given)
        return self._secret(wire, aval, (x, y), site)

    def select(self, b: Value, x: Value, y: Value, name: str | None = "select") -> Value:
        """x where the bit is set, else y: the product b * (x - y) + y."""
        if not is_secret(b):
            return self._select_public(b, x, y)
        if not is_secret(x) and not is_secret(y):
            return self._select_of_public(b, x, y)
        xs, ys = self.align(x, y, beside=b)
        shape = np.broadcast_shapes(b.shape, xs.shape)
        b, xs, ys = (self.broadcast(v, shape) for v in (b, xs, ys))
        if xs.dtype == np.bool_:
            return self.xor(ys, self.both(b, self.xor(xs, ys), name))
        site = self.named("product", xs.aval, name, int(np.prod(shape)))
        wire = self.engine.select(b.wire, xs.wire, ys.wire, xs.aval, site, self._error(site))
        return self._secret(wire, xs.aval, (b, x, y), site)

    def _select_public(self, b: Value, x: Value, y: Value) -> Value:
        shape = np.broadcast_shapes(shape_of(b), shape_of(x), shape_of(y))
        if known(b) is not None:
            chosen = x if known(b) else y
            return (
                self.broadcast(chosen, shape)
                if is_secret(chosen)
                else jnp.broadcast_to(public(chosen), shape)
            )
        which = jnp.broadcast_to(public(b), shape)
        pair = [self.broadcast(v, shape) for v in self.align(x, y, moved=True)]
        return self.structure(lambda a, c: jnp.where(which, a, c), pair, pair[0].aval)

    def _select_of_public(self, b: Secret, x: Value, y: Value) -> Secret:
        dtype = dtype_of(x)
        if dtype == np.bool_:
            return self.xor(y, self.both(b, jnp.logical_xor(public(x), public(y))))
        for end in (x, y):
            self.constant(end, because=b.origin)  # refuses an infinity
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
            return self._secret(self.engine.mask(a.wire, jnp.broadcast_to(b, shape), a.aval), a.aval, (a,))
        b = self.broadcast(b, shape)
        site = self.named("bit", a.aval, name, int(np.prod(shape)))
        wire = self.engine.both(a.wire, b.wire, a.aval, site, self._error(site))
        return self._secret(wire, a.aval, (a, b), site)

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
        site = self._local_site("conversion", aval, name)
        return self._secret(self.engine.arith(b.wire, aval, site, self._error(site)), aval, (b,), site)

    def ideal(self, fn: Callable, values: Sequence[Value], name: str | None = None) -> Secret:
        """A true function in one step, by the ideal functionality."""
        secrets = self.align(*values)
        aval = secrets[0].aval
        site = self.named("ideal", aval, name, int(np.prod(aval.shape)))
        wire = self.engine.ideal(
            fn, [s.wire for s in secrets], [s.aval for s in secrets], aval, site, self._error(site)
        )
        return self._secret(wire, aval, values, site)

    def bits(self, x: Secret, lo: int, hi: int, name: str | None = "bits") -> Secret:
        """Binary digits of weight 2^lo to 2^(hi-1), least first, on a new last axis."""
        aval = struct((*x.shape, hi - lo), np.bool_)
        site = self.named("bit", aval, name, int(np.prod(aval.shape)))
        wire = self.engine.bits(x.wire, lo, hi, aval, site, self._error(site))
        return self._secret(wire, aval, (x,), site)

    # ---- loops ------------------------------------------------------------------------------------------

    @contextmanager
    def body(
        self, start: Frame, loops: tuple[int, ...] = (), errors: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """A loop body or branch: names start from `start`, reuse ends with it, errors are this pass's."""
        saved = self.frame.reuse, self.loops, self.errors
        self.frame = start.copy()
        self.errors = {**self.errors, **(errors or {})}
        self.loops = self.loops + loops
        try:
            yield
        finally:
            reuse, self.loops, self.errors = saved
            self.frame = Frame(self.frame.names, reuse)

    def abstract(self, engine: Engine) -> Box:
        """A box at the same place of the program on an abstract engine: for names, not for values."""
        twin = Box(engine, self.protocol, self.interpret, locate=self.locate)
        twin.place, twin.loops, twin._prefix, twin._own = self.place, self.loops, self._prefix, self._own
        twin.frame = Frame(self.frame.names.copy())
        return twin

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
