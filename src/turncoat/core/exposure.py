"""What an error at each site can do to each output: an abstract engine, run by the same interpreter.

A wire here is a map site -> class (see `reach.py`), and the set of arguments that the value depends on. The
derivation may be too pessimistic (a class further down the list than the truth), never too optimistic. A
public scalar factor that is unknown while tracing, such as a learning rate, is taken to be non-zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Bilinear, Sum
from turncoat.core.engine import Aval, Body, Engine, Wire, aval_like, structure_index
from turncoat.core.reach import (
    BENT,
    SHIFT,
    Exposed,
    Reach,
    added,
    independent,
    merge,
    scaled,
    tied,
    worse,
)
from turncoat.core.sites import Site
from turncoat.core.values import Secret, Value, is_secret, public


class Exposure(Engine):
    """The abstract engine that speaks for another one: it has that engine's kinds of site."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.kinds, self.gates = engine.name, engine.kinds, engine.gates
        self._met: list[set[str]] = []  # sites met in each loop that is being walked, outermost first

    def _own(self, wire: Exposed, site: Site | None, reach: Reach = SHIFT) -> Exposed:
        if site is None:
            return wire
        for met in self._met:
            met.add(site.name)
        return Exposed({**wire.reach, site.name: reach}, wire.origin)

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
        return a.map(tied)

    def structure(self, fn: Callable, wires: Sequence[Exposed], avals: Sequence[Aval], aval: Aval) -> Exposed:
        if not any(SHIFT in w.reach.values() for w in wires):
            return merge(wires, added)
        kept = _kept_whole(fn, avals)
        parts = [w if keep else w.map(tied) for w, keep in zip(wires, kept, strict=True)]
        return merge(parts, added)

    def sum(self, fn: Sum, x: Exposed, aval: Aval) -> Exposed:
        if x.reach and fn.axes is None and not _onto(fn):
            return x.map(tied)
        return x

    def scale(self, x: Exposed, factor: Any, aval: Aval, site: Site | None, error: Any) -> Exposed:
        whole = np.issubdtype(aval.dtype, np.integer)  # of the integers, a multiple reaches only some
        if whole and (isinstance(factor, jax.core.Tracer) or np.any(np.abs(np.asarray(factor)) != 1)):
            out = x.map(tied)
        elif isinstance(factor, jax.core.Tracer):
            out = x if np.ndim(factor) == 0 else x.map(tied)
        elif not np.any(np.asarray(factor)):
            out = Exposed({}, x.origin)
        else:
            out = x if np.all(np.asarray(factor)) else x.map(tied)
        return self._own(out, site)

    def product_public(
        self, bilinear: Bilinear, x: Exposed, c: Any, aval: Aval, site: Site | None, error: Any
    ) -> Exposed:
        return self._own(x.map(tied), site)

    def product(
        self, bilinear: Bilinear, x: Exposed, y: Exposed, aval: Aval, site: Site, error: Any
    ) -> Exposed:
        both = {_site_of(k) for k in x.reach} & {_site_of(k) for k in y.reach}  # errors times errors

        def across(wire: Exposed, other: Exposed) -> Exposed:
            by = scaled(other.origin)
            kinds = {k: BENT if _site_of(k) in both else worse(r, by) for k, r in wire.reach.items()}
            return Exposed(kinds, wire.origin)

        return self._own(merge([across(x, y), across(y, x)], worse), site)

    def select(self, b: Exposed, x: Exposed, y: Exposed, aval: Aval, site: Site, error: Any) -> Exposed:
        ends = merge([x, y], worse).map(lambda r: worse(r, scaled(b.origin)))
        return self._own(merge([b.map(lambda r: BENT), ends], worse), site)

    def compare(
        self, kind: str, x: Exposed, y: Exposed, operand: Aval, aval: Aval, site: Site, error: Any
    ) -> Exposed:
        return self._own(merge([x, y], worse).map(lambda r: BENT), site)

    def compare_by_gates(
        self,
        kind: str,
        x: Exposed,
        y: Exposed,
        operand: Aval,
        aval: Aval,
        site: Site,
        error: Any,
        inner: Sequence[tuple[Site, Any]],
    ) -> Exposed:
        out = self.compare(kind, x, y, operand, aval, site, error)
        for gate, _ in inner:
            out = self._own(out, gate, BENT)
        return out

    def both(self, a: Exposed, b: Exposed, aval: Aval, site: Site, error: Any) -> Exposed:
        return self._own(merge([a, b], worse).map(lambda r: BENT), site)

    def arith(self, b: Exposed, aval: Aval, site: Site | None, error: Any) -> Exposed:
        # a flip moves the number by +1 or -1, as the secret has it
        return self._own(b.map(lambda r: BENT), site)

    def bits(self, x: Exposed, lo: int, hi: int, aval: Aval, site: Site, error: Any) -> Exposed:
        return self._own(x.map(lambda r: BENT), site)

    def ideal(
        self, fn: Callable, xs: Sequence[Exposed], avals: Sequence[Aval], aval: Aval, site: Site, error: Any
    ) -> Exposed:
        if "ideal" not in self.kinds:
            return super().ideal(fn, xs, avals, aval, site, error)
        return self._own(merge(xs, worse).map(lambda r: BENT), site)

    # ---- loops ------------------------------------------------------------------------------------------

    def scan(self, body: Body, carry: list[Value], xs: list[Value], length: int, reverse: bool):
        rows = [_row(x) for x in xs]
        passes: list[list[Value]] = []
        settled = False
        depth = len(self._met)
        self._met.append(set())
        while len(passes) < min(length, PASSES):
            out, ys = body(carry, rows)
            passes.append(ys)
            aged = [_rewired(c, _aged(c.wire, self._met[-1], depth)) if is_secret(c) else c for c in out]
            if settled := _same(aged, carry):
                break
            carry = aged
        inside = self._met.pop()
        if len(passes) == PASSES < length and not settled:  # neither the last pass nor a standstill
            carry = [_rewired(c, c.wire.map(lambda r: BENT)) if is_secret(c) else c for c in carry]
            passes = [[_rewired(y, y.wire.map(lambda r: BENT)) if is_secret(y) else y for y in passes[-1]]]
        stacks = [_stacked(list(column), length, inside, depth) for column in zip(*passes, strict=True)]
        return [_rewired(c, _plain(c.wire, depth)) if is_secret(c) else c for c in carry], stacks

    def while_loop(self, keep_going: Callable, body: Callable, carry: list[Value]) -> list[Value]:
        # one error serves all iterations, and there may be none
        while True:
            out = body(carry)
            grown = [_widened(c, o) for c, o in zip(carry, out, strict=True)]
            if _same(grown, carry):
                return [_rewired(g, g.wire.map(tied)) if is_secret(g) else g for g in grown]
            carry = grown

    def switch(self, index: Any, branches: Sequence[Callable[[], list[Value]]]) -> list[Value]:
        each = [branch() for branch in branches]
        joined = []
        for column in zip(*each, strict=True):
            v = column[0]
            if is_secret(v):  # the branch may not be taken
                v = _rewired(v, merge([c.wire for c in column], worse).map(tied))
            joined.append(v)
        return joined


PASSES = 64
"""How many passes of a scan are walked if it does not come to a standstill."""

# A site inside a scan has another error in each pass. Those of earlier passes are kept under
# ("before", depth, site), so that they are not mistaken for the error of the pass being walked; the depth
# tells loops in loops apart. A site outside the scan has one error for all of its passes.


def _site_of(key: Any) -> str:
    return key[-1] if isinstance(key, tuple) else key


def _aged(wire: Exposed, inside: set[str], depth: int) -> Exposed:
    """A wire at the end of a pass: its errors become those of earlier passes."""
    return _renamed(wire, lambda k: ("before", depth, k) if k in inside else k)


def _plain(wire: Exposed, depth: int) -> Exposed:
    """A wire behind the loop: the errors of all passes together are the site's error."""
    return _renamed(wire, lambda k: k[-1] if isinstance(k, tuple) and k[1] == depth else k)


def _renamed(wire: Exposed, rename: Callable[[Any], Any]) -> Exposed:
    reach: dict[Any, Reach] = {}
    for key, r in wire.reach.items():
        name = rename(key)
        reach[name] = independent(reach[name], r) if name in reach else r
    return Exposed(reach, wire.origin)


def _stacked(ys: list[Value], length: int, inside: set[str], depth: int) -> Value:
    """The stacked output of a scan, from its rows in the passes that were walked (the last one repeats).

    Each row can be chosen if each is shifted by the error of its own pass.
    """
    y = ys[-1]
    if not is_secret(y):
        return jnp.broadcast_to(public(y)[None], (length, *np.shape(public(y))))
    own = {k for k in y.wire.reach if all(k in inside and row.wire.reach.get(k) == SHIFT for row in ys)}
    rows = [_plain(row.wire, depth) for row in ys]
    together = merge(rows, worse)
    public_all = {s for s, r in together.reach.items() if r.kind in ("shift", "tied")}
    reach = {s: SHIFT if s in own & public_all or length == 1 else tied(r) for s, r in together.reach.items()}
    if length == 1:
        reach = dict(together.reach)
    return Secret(Exposed(reach, together.origin), aval_like(y.aval, (length, *y.shape)), y.origin, y.box)


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
