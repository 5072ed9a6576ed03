"""What an error at each site can do to each output: an abstract engine, run by the same interpreter.

A wire here is a map site -> class, and the set of arguments that the value depends on. With
delta = tampered - honest, the class of an output at a site is one of

- *shift*: delta is the same for all secrets, and each entry can be chosen;
- *tied*: the same, but entries move together or some cannot be moved;
- *scaled(A)*: linear in the error, with a secret coefficient that depends on the arguments A only;
- *bent*: anything else.

It may be too pessimistic (a class further down the list than the truth), never too optimistic. A public
scalar factor that is unknown while tracing, such as a learning rate, is taken to be non-zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Bilinear, Sum
from turncoat.core.engine import Aval, Body, Engine, Wire, aval_like, structure_index
from turncoat.core.sites import Site
from turncoat.core.values import Secret, Value, is_secret, public

ORDER = ("shift", "tied", "scaled", "bent")


@dataclass(frozen=True)
class Reach:
    """How an error reaches a value: a class, and for `scaled` the arguments in the coefficient."""

    kind: str
    by: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"scaled({', '.join(sorted(self.by))})" if self.kind == "scaled" else self.kind


SHIFT, TIED, BENT = Reach("shift"), Reach("tied"), Reach("bent")


def scaled(by: frozenset[str]) -> Reach:
    return Reach("scaled", by)


def worse(a: Reach, b: Reach) -> Reach:
    """The more pessimistic of two classes."""
    if a.kind == b.kind == "scaled":
        return scaled(a.by | b.by)
    return max(a, b, key=lambda r: ORDER.index(r.kind))


def added(a: Reach, b: Reach) -> Reach:
    """One error that reaches a sum by both terms: two shifts may cancel."""
    return worse(TIED, worse(a, b))


def independent(a: Reach, b: Reach) -> Reach:
    """Two errors that reach a sum, each by one term: one that can choose every entry is enough."""
    both = worse(a, b)
    return SHIFT if both.kind in ("shift", "tied") and SHIFT in (a, b) else both


def _tied(r: Reach) -> Reach:
    return worse(TIED, r)


@dataclass(frozen=True)
class Exposed:
    """An abstract wire."""

    reach: Mapping[Any, Reach]
    origin: frozenset[str]

    def map(self, f: Callable[[Reach], Reach]) -> Exposed:
        return Exposed({s: f(r) for s, r in self.reach.items()}, self.origin)


def merge(wires: Sequence[Exposed], join: Callable[[Reach, Reach], Reach]) -> Exposed:
    """All classes of all wires; `join` where one site reaches several."""
    reach: dict[Any, Reach] = {}
    for wire in wires:
        for site, r in wire.reach.items():
            reach[site] = join(reach[site], r) if site in reach else r
    return Exposed(reach, frozenset().union(*(w.origin for w in wires)))


def _own(wire: Exposed, site: Site | None) -> Exposed:
    return wire if site is None else Exposed({**wire.reach, site.name: SHIFT}, wire.origin)


class Exposure(Engine):
    """The abstract engine that speaks for another one: it has that engine's kinds of site."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.kinds = engine.name, engine.kinds

    def share(self, array: Any, aval: Aval) -> Exposed:
        return Exposed({}, frozenset())

    def open(self, wire: Exposed, aval: Aval) -> Exposed:
        return wire

    def add(self, x: Exposed, y: Exposed, aval: Aval) -> Exposed:
        return merge([x, y], added)

    def xor(self, a: Exposed, b: Exposed, aval: Aval) -> Exposed:
        return merge([a, b], added)

    def neg(self, x: Exposed, aval: Aval) -> Exposed:
        return x

    def lift(self, x: Exposed, source: Aval, aval: Aval) -> Exposed:
        return x

    def mask(self, a: Exposed, keep: Any, aval: Aval) -> Exposed:
        return a.map(_tied)

    def structure(self, fn: Callable, wires: Sequence[Exposed], avals: Sequence[Aval], aval: Aval) -> Exposed:
        if not any(SHIFT in w.reach.values() for w in wires):
            return merge(wires, added)
        kept = _kept_whole(fn, avals)
        parts = [w if keep else w.map(_tied) for w, keep in zip(wires, kept, strict=True)]
        return merge(parts, added)

    def sum(self, fn: Sum, x: Exposed, aval: Aval) -> Exposed:
        if x.reach and fn.axes is None and not _onto(fn):
            return x.map(_tied)
        return x

    def scale(self, x: Exposed, factor: Any, aval: Aval, site: Site | None, error: Any) -> Exposed:
        if isinstance(factor, jax.core.Tracer):
            out = x if np.ndim(factor) == 0 else x.map(_tied)
        elif not np.any(np.asarray(factor)):
            out = Exposed({}, x.origin)
        else:
            out = x if np.all(np.asarray(factor)) else x.map(_tied)
        return _own(out, site)

    def product_public(
        self, bilinear: Bilinear, x: Exposed, c: Any, aval: Aval, site: Site | None, error: Any
    ) -> Exposed:
        return _own(x.map(_tied), site)

    def product(
        self, bilinear: Bilinear, x: Exposed, y: Exposed, aval: Aval, site: Site, error: Any
    ) -> Exposed:
        by_x = x.map(lambda r: worse(r, scaled(y.origin)))
        by_y = y.map(lambda r: worse(r, scaled(x.origin)))
        return _own(merge([by_x, by_y], lambda a, b: BENT), site)

    def select(self, b: Exposed, x: Exposed, y: Exposed, aval: Aval, site: Site, error: Any) -> Exposed:
        ends = merge([x, y], worse).map(lambda r: worse(r, scaled(b.origin)))
        return _own(merge([b.map(lambda r: BENT), ends], worse), site)

    def compare(
        self, kind: str, x: Exposed, y: Exposed, operand: Aval, aval: Aval, site: Site, error: Any
    ) -> Exposed:
        return _own(merge([x, y], worse).map(lambda r: BENT), site)

    def both(self, a: Exposed, b: Exposed, aval: Aval, site: Site, error: Any) -> Exposed:
        return _own(merge([a, b], worse).map(lambda r: BENT), site)

    def arith(self, b: Exposed, aval: Aval, site: Site | None, error: Any) -> Exposed:
        return _own(b.map(lambda r: BENT), site)  # a flip moves the number by +1 or -1, as the secret has it

    def bits(self, x: Exposed, lo: int, hi: int, aval: Aval, site: Site, error: Any) -> Exposed:
        return _own(x.map(lambda r: BENT), site)

    def ideal(
        self, fn: Callable, xs: Sequence[Exposed], avals: Sequence[Aval], aval: Aval, site: Site, error: Any
    ) -> Exposed:
        if "ideal" not in self.kinds:
            return super().ideal(fn, xs, avals, aval, site, error)
        return _own(merge(xs, worse).map(lambda r: BENT), site)

    # ---- loops, to a fixpoint ---------------------------------------------------------------------------

    def scan(self, body: Body, carry: list[Value], xs: list[Value], length: int, reverse: bool):
        rows = [_row(x) for x in xs]
        first = carry
        while True:
            out, ys = body([_aged(c) for c in carry], rows)
            grown = [_widened(c, _merged_ages(o)) for c, o in zip(carry, out, strict=True)]
            if length < 2 or _same(grown, carry):
                break
            carry = grown
        last = out if length == 1 else [_widened(f, g) for f, g in zip(first, grown, strict=True)]
        return [_merged_ages(c) for c in last], [_stacked(_merged_ages(y), length) for y in ys]

    def while_loop(self, keep_going: Callable, body: Callable, carry: list[Value]) -> list[Value]:
        while True:
            out = body([_aged(c) for c in carry])
            grown = [_widened(c, _merged_ages(o)) for c, o in zip(carry, out, strict=True)]
            if _same(grown, carry):
                return [_rewired(g, g.wire.map(_tied)) if is_secret(g) else g for g in grown]
            carry = grown

    def switch(self, index: Any, branches: Sequence[Callable[[], list[Value]]]) -> list[Value]:
        each = [branch() for branch in branches]
        joined = []
        for column in zip(*each, strict=True):
            v = column[0]
            if is_secret(v):  # the branch may not be taken
                v = _rewired(v, merge([c.wire for c in column], worse).map(_tied))
            joined.append(v)
        return joined


# An error inside a loop is another one in each iteration: the classes of earlier iterations are kept under
# ("before", site) while a body runs, so that they are not mistaken for the same error.


def _aged(v: Value) -> Value:
    if not is_secret(v):
        return v
    aged = {s if isinstance(s, tuple) else ("before", s): r for s, r in v.wire.reach.items()}
    return _rewired(v, Exposed(aged, v.wire.origin))


def _merged_ages(v: Value) -> Value:
    if not is_secret(v):
        return v
    reach: dict[Any, Reach] = {}
    for s, r in v.wire.reach.items():
        name = s[1] if isinstance(s, tuple) else s
        reach[name] = independent(reach[name], r) if name in reach else r
    return _rewired(v, Exposed(reach, v.wire.origin))


def _widened(old: Value, new: Value) -> Value:
    if not is_secret(new):
        return new
    return _rewired(new, merge([old.wire, new.wire], worse))


def _same(a: list[Value], b: list[Value]) -> bool:
    return all(
        x.wire.reach == y.wire.reach and x.wire.origin == y.wire.origin
        for x, y in zip(a, b, strict=True)
        if is_secret(x)
    )


def _rewired(v: Secret, wire: Wire) -> Secret:
    return Secret(wire, v.aval, v.origin, v.box)


def _row(x: Value) -> Value:
    if not is_secret(x):
        return public(x)[0]
    return Secret(x.wire, aval_like(x.aval, x.shape[1:]), x.origin, x.box)


def _stacked(y: Value, length: int) -> Value:
    if not is_secret(y):
        return jnp.broadcast_to(public(y)[None], (length, *np.shape(public(y))))
    return Secret(y.wire, aval_like(y.aval, (length, *y.shape)), y.origin, y.box)


# ---- which rearrangements keep every entry choosable ------------------------------------------------------


def _kept_whole(fn: Callable, avals: Sequence[Aval]) -> list[bool]:
    """For each operand: whether all output entries come from it, each from another entry."""
    try:
        with jax.ensure_compile_time_eval():
            index = structure_index(fn, [a.shape for a in avals]).ravel()
    except jax.errors.JAXTypeError:  # it depends on a public value that is unknown while tracing
        return [False] * len(avals)
    distinct = len(np.unique(index)) == len(index)
    kept, start = [], 0
    for aval in avals:
        stop = start + int(np.prod(aval.shape, dtype=int))
        kept.append(bool(distinct and np.all((index >= start) & (index < stop))))
        start = stop
    return kept


def _onto(fn: Sum) -> bool:
    """Whether every output of a sum can be chosen; windows and scatters of moderate size only."""
    if np.prod(fn.x_shape, dtype=int) > 1024:
        return False
    try:
        with jax.ensure_compile_time_eval():
            index = fn.as_gather()
    except jax.errors.JAXTypeError:
        return False
    matrix = np.zeros((int(np.prod(fn.shape, dtype=int)), int(np.prod(fn.x_shape, dtype=int)) + 1))
    np.put_along_axis(matrix, index.reshape(matrix.shape[0], -1), 1, axis=1)  # -1 fills the spare column
    return int(np.linalg.matrix_rank(matrix[:, :-1])) == matrix.shape[0]
