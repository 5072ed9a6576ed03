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
from turncoat.core.names import Frame, Place
from turncoat.core.sites import Site
from turncoat.core.values import (
    Secret,
    Splat,
    Value,
    dtype_of,
    is_secret,
    known,
    origin,
    public,
    shape_of,
    struct,
)

if TYPE_CHECKING:
    from turncoat.core.program import Program
    from turncoat.core.protocol import Protocol


class Box:
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
        self.engine, self.protocol, self.interpret = engine, protocol, interpret
        self.errors = dict(errors or {})
        self.inventory = dict(inventory or {})
        self.observe, self.locate = observe, locate
        self.seen: dict[str, Any] = {}
        self.sites: dict[str, Site] = {}
        self.loops: tuple[int, ...] = ()
        self.frame = Frame()
        self.place = Place()
        self._prefix: str | None = None

    def run(self, program: Program, values: list[Value]) -> list[Value]:
        """The outputs of a program, such as a loop's body."""
        return self.interpret(program, self, values)

    # ---- names ------------------------------------------------------------------------------------------

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """The interactive operations inside belong to this operation of the program."""
        saved = self.place, self._prefix
        self.place, self._prefix = place, None
        try:
            yield
        finally:
            self.place, self._prefix = saved

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """The sites inside are named under `name`, itself under the current operation."""
        saved = self._operation()
        self._prefix = self._unique(f"{saved}/{name}")
        try:
            yield
        finally:
            self._prefix = saved

    def _operation(self) -> str:
        if self._prefix is None:
            self._prefix = self._unique(self.place.base)
        return self._prefix

    def _unique(self, base: str) -> str:
        self.frame.names[base] += 1
        n = self.frame.names[base]
        return base if n == 1 else f"{base}#{n}"

    def _site(self, kind: str, aval: Any, name: str | None, work: int) -> Site:
        """Names and records one interactive operation."""
        if kind in ("truncation", "conversion") and self._prefix is None:
            # an engine's own sites never renumber the program's
            full = self._unique("/".join(p for p in (self.place.scope.rstrip(":"), name) if p))
        else:
            full = self._operation() if name is None else self._unique(f"{self._operation()}/{name}")
        place = self.place
        site = Site(full, kind, aval.shape, np.dtype(aval.dtype), work, self.loops, place.phase, place.line)
        self.sites[full] = site
        return site

    def _secret(self, wire: Any, aval: Any, sources: Sequence[Value], site: Site | None = None) -> Secret:
        value = Secret(wire, aval, origin(sources), self)
        if site is not None and site.name in self.observe:
            self.seen[site.name] = self.engine.open(wire, aval)
        return value

    def _error(self, site: Site | None) -> Any:
        return None if site is None else self.errors.get(site.name)

    # ---- in and out -------------------------------------------------------------------------------------

    def constant(self, value: Value, like: Any = None) -> Secret:
        """A public value as a secret one, broadcast to the shape of `like` and in its dtype."""
        if is_secret(value):
            return value
        dtype = dtype_of(like) if like is not None else dtype_of(value)
        shape = shape_of(like) if like is not None else shape_of(value)
        array = jnp.broadcast_to(jnp.asarray(public(value), dtype), shape)
        aval = struct(shape, dtype)
        return Secret(self.engine.constant(array, aval), aval, frozenset(), self)

    # ---- local ------------------------------------------------------------------------------------------

    def _align(self, *values: Value) -> list[Secret]:
        """The values as secrets of one shape and dtype."""
        shape = np.broadcast_shapes(*map(shape_of, values))
        like = Splat(np.zeros((), next(v.dtype for v in values if is_secret(v))), shape)
        return [self.broadcast(self.constant(v, like), shape) for v in values]

    def broadcast(self, x: Secret, shape: tuple[int, ...]) -> Secret:
        """x at a larger shape, by NumPy's rules."""
        if x.shape == tuple(shape):
            return x
        return self.structure(lambda a: jnp.broadcast_to(a, shape), [x], struct(shape, x.dtype))

    def add(self, x: Value, y: Value) -> Secret:
        for a, b in ((x, y), (y, x)):
            if known(a) == 0 and shape_of(b) == np.broadcast_shapes(shape_of(a), shape_of(b)):
                return b
        a, b = self._align(x, y)
        return self._secret(self.engine.add(a.wire, b.wire, a.aval), a.aval, (x, y))

    def neg(self, x: Secret) -> Secret:
        return self._secret(self.engine.neg(x.wire, x.aval), x.aval, (x,))

    def sub(self, x: Value, y: Value) -> Secret:
        return self.add(x, self.neg(y) if is_secret(y) else -public(y))

    def lift(self, x: Secret, dtype: Any) -> Secret:
        """A number in another numeric dtype (integers become fixed point)."""
        aval = struct(x.shape, dtype)
        return self._secret(self.engine.lift(x.wire, x.aval, aval), aval, (x,))

    def xor(self, a: Value, b: Value) -> Secret:
        """a XOR b of two bits."""
        x, y = self._align(a, b)
        return self._secret(self.engine.xor(x.wire, y.wire, x.aval), x.aval, (a, b))

    def invert(self, a: Secret) -> Secret:
        """NOT a."""
        return self.xor(a, Splat(np.True_, a.shape))

    def structure(self, fn: Callable, values: Sequence[Value], aval: Any) -> Secret:
        """A rearrangement of entries; public operands become constants."""
        secrets = [self.constant(v) for v in values]
        aval = struct(aval.shape, aval.dtype)
        wire = self.engine.structure(fn, [s.wire for s in secrets], [s.aval for s in secrets], aval)
        return self._secret(wire, aval, values)

    def sum(self, fn: maps.Sum, x: Secret) -> Secret:
        """A sum of entries of numbers."""
        aval = struct(fn.shape, x.dtype)
        return self._secret(self.engine.sum(fn, x.wire, aval), aval, (x,))

    def total(self, x: Secret, axis: int = -1, keepdims: bool = False) -> Secret:
        """The sum over one axis."""
        axis = axis % len(x.shape)
        shape = tuple(n for d, n in enumerate(x.shape) if d != axis)
        out = self.sum(maps.Sum(lambda a: jnp.sum(a, axis), x.shape, shape, (axis,)), x)
        if not keepdims:
            return out
        return self.structure(
            lambda a: jnp.expand_dims(a, axis), [out], struct(_kept(x.shape, axis), x.dtype)
        )

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
        return self._site(kind, aval, name, int(np.prod(aval.shape))) if kind in self.engine.kinds else None

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
        site = self._site("product", aval, name, int(np.prod(aval.shape)) * bilinear.inner)
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
        a, b = self._align(x, y)
        aval = struct(a.shape, np.bool_)
        site = self._site("bit", aval, name, int(np.prod(a.shape)))
        wire = self.engine.compare(kind, a.wire, b.wire, a.aval, aval, site, self._error(site))
        return self._secret(wire, aval, (x, y), site)

    def reused(self, key: tuple, values: Sequence[Value], make: Callable[[], Any]) -> Any:
        """What `make` returned the first time for these values (constants by value, others by identity)."""
        key = (*key, *(("known", known(v)) if known(v) is not None else ("same", id(v)) for v in values))
        if key not in self.frame.reuse:
            self.frame.reuse[key] = (make(), values)  # holding the values keeps their identities unique
        return self.frame.reuse[key][0]

    def select(self, b: Value, x: Value, y: Value, name: str | None = "select") -> Value:
        """x where the bit is set, else y: the product b * (x - y) + y."""
        if not is_secret(b):
            return self._select_public(b, x, y)
        if not is_secret(x) and not is_secret(y):
            return self._select_of_public(b, x, y)
        xs, ys = self._align(x, y)
        shape = np.broadcast_shapes(b.shape, xs.shape)
        b, xs, ys = (self.broadcast(v, shape) for v in (b, xs, ys))
        if xs.dtype == np.bool_:
            return self.xor(ys, self.both(b, self.xor(xs, ys), name))
        site = self._site("product", xs.aval, name, int(np.prod(shape)))
        wire = self.engine.select(b.wire, xs.wire, ys.wire, xs.aval, site, self._error(site))
        return self._secret(wire, xs.aval, (b, x, y), site)

    def _select_public(self, b: Value, x: Value, y: Value) -> Value:
        shape = np.broadcast_shapes(shape_of(b), shape_of(x), shape_of(y))
        if known(b) is not None and shape_of(x) == shape and shape_of(y) == shape:
            return x if known(b) else y
        which = jnp.broadcast_to(public(b), shape)
        pair = [self.broadcast(v, shape) for v in self._align(x, y)]
        return self.structure(lambda a, c: jnp.where(which, a, c), pair, pair[0].aval)

    def _select_of_public(self, b: Secret, x: Value, y: Value) -> Secret:
        dtype = dtype_of(x)
        if dtype == np.bool_:
            return self.xor(y, self.both(b, jnp.logical_xor(public(x), public(y))))
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
        site = self._site("bit", a.aval, name, int(np.prod(shape)))
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
        secrets = self._align(*values)
        aval = secrets[0].aval
        site = self._site("ideal", aval, name, int(np.prod(aval.shape)))
        wire = self.engine.ideal(
            fn, [s.wire for s in secrets], [s.aval for s in secrets], aval, site, self._error(site)
        )
        return self._secret(wire, aval, values, site)

    def bits(self, x: Secret, lo: int, hi: int, name: str | None = "bits") -> Secret:
        """Binary digits of weight 2^lo to 2^(hi-1), least first, on a new last axis."""
        aval = struct((*x.shape, hi - lo), np.bool_)
        site = self._site("bit", aval, name, int(np.prod(aval.shape)))
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

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """Values inside cannot be kept: it is not known whether and how often they are computed."""
        saved, self.observe = self.observe, frozenset()
        try:
            yield
        finally:
            self.observe = saved


def _kept(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(1 if d == axis else n for d, n in enumerate(shape))


def _decided(kind: str, x: Any, y: Any) -> bool | None:
    """The outcome of a comparison with an infinity: secrets are finite."""
    for value, other_side in ((x, False), (y, True)):
        if isinstance(value, float) and np.isinf(value):
            return False if kind == "eq" else (value < 0) != other_side
    return None
