"""What an error at each site can do to each output: an abstract engine, run by the same interpreter.

A wire here is a map site -> class (see `reach.py`), and the set of arguments that the value depends on. The
derivation may be too pessimistic (a class further down the list than the truth), never too optimistic. A
public scalar factor that is unknown while tracing, such as a learning rate, is taken to be non-zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from turncoat.core.abstract import Abstract, row, stacked
from turncoat.core.bilinear import Bilinear, Sum, mul, structure_index
from turncoat.core.engine import Body, Engine, Passed, Step, Test, Values
from turncoat.core.reach import (
    BENT,
    SHIFT,
    TIED,
    Exposed,
    Reach,
    added,
    independent,
    merge,
    scaled,
    tied,
    worse,
)
from turncoat.core.sites import At
from turncoat.core.values import Aval, Value, is_secret


class Exposure(Abstract):
    """The abstract engine whose wires say how errors reach them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._met: list[set[str]] = []  # sites met in each loop that is being walked, outermost first

    def _own(self, wire: Exposed, at: At, reach: Reach = SHIFT) -> Exposed:
        """A result at which the site's own error is added."""
        if at.site is None:
            return wire
        for met in self._met:
            met.add(at.name)
        return Exposed({**wire.reach, at.name: reach}, wire.origin)

    def joined(self, wires: Sequence[Exposed]) -> Exposed:
        return merge(wires, added)

    def either(self, wires: Sequence[Exposed]) -> Exposed:
        return merge(wires, worse).map(tied)  # the branch may not be taken

    def share(self, array: Any, aval: Aval) -> Exposed:
        return Exposed({}, frozenset())

    def mask(self, a: Exposed, keep: Any, aval: Aval) -> Exposed:
        return a.map(tied)

    def structure(
        self, fn: Callable[..., Any], wires: Sequence[Exposed], avals: Sequence[Aval], aval: Aval
    ) -> Exposed:
        if not any(SHIFT in w.reach.values() for w in wires):
            return self.joined(wires)
        kept = _kept_whole(fn, avals)
        return self.joined([w if keep else w.map(tied) for w, keep in zip(wires, kept, strict=True)])

    def sum(self, fn: Sum, x: Exposed, aval: Aval) -> Exposed:
        if x.reach and fn.axes is None and not _onto(fn):
            return x.map(tied)
        return x

    # ---- interactive -----------------------------------------------------------------------------------

    def scale(self, x: Exposed, factor: Any, aval: Aval, at: At) -> Exposed:
        whole = np.issubdtype(aval.dtype, np.integer)  # of the integers, a multiple reaches only some
        if whole and (isinstance(factor, jax.core.Tracer) or np.any(np.abs(np.asarray(factor)) != 1)):
            out = x.map(tied)
        elif isinstance(factor, jax.core.Tracer):
            out = x if np.ndim(factor) == 0 else x.map(tied)
        elif not np.any(np.asarray(factor)):
            out = Exposed({}, x.origin)
        else:
            out = x if np.all(np.asarray(factor)) else x.map(tied)
        return self._own(out, at)

    def product_public(self, bilinear: Bilinear, x: Exposed, c: Any, aval: Aval, at: At) -> Exposed:
        return self._own(x.map(tied), at)

    def product(self, bilinear: Bilinear, x: Exposed, y: Exposed, aval: Aval, at: At) -> Exposed:
        both = {_site_of(k) for k in x.reach} & {_site_of(k) for k in y.reach}  # errors times errors

        def across(wire: Exposed, other: Exposed) -> Exposed:
            by = scaled(other.origin)
            kinds = {k: BENT if _site_of(k) in both else worse(r, by) for k, r in wire.reach.items()}
            return Exposed(kinds, wire.origin)

        return self._own(merge([across(x, y), across(y, x)], worse), at)

    def select(self, b: Exposed, x: Exposed, y: Exposed, aval: Aval, at: At) -> Exposed:
        times = mul(aval.shape, aval.dtype)
        chosen = self.product(times, self._number(b, at), self.joined([x, y]), aval, At())
        return self._own(self.joined([chosen, y]), at)

    def compare(self, kind: str, x: Exposed, y: Exposed, operand: Aval, at: At) -> Exposed:
        out = self._bent([x, y], at)
        for gate in at.inner:
            out = self._own(out, gate, BENT)
        return out

    def both(self, a: Exposed, b: Exposed, aval: Aval, at: At) -> Exposed:
        return self._bent([a, b], at)

    def arith(self, b: Exposed, aval: Aval, at: At) -> Exposed:
        halved = bool(at.inner) and np.issubdtype(aval.dtype, np.integer)  # only even numbers can be added
        return self._own(self._number(b, at), at, TIED if halved else SHIFT)

    def _number(self, b: Exposed, at: At) -> Exposed:
        """A bit as a number: a flip moves it by 1 or -1, as the secret has it, an `xor_product` by -2e."""
        out = b.map(_bent)
        for last, product in enumerate(at.inner):  # at the first by 2e or -2e, as the bit is shared
            out = self._own(out, product, TIED if last else BENT)
        return out

    def bits(self, x: Exposed, lo: int, hi: int, aval: Aval, at: At) -> Exposed:
        return self._bent([x], at)

    def ideal(
        self, fn: Callable[..., Any], xs: Sequence[Exposed], avals: Sequence[Aval], aval: Aval, at: At
    ) -> Exposed:
        if "ideal" not in self.kinds:
            super().ideal(fn, xs, avals, aval, at)
        return self._bent(xs, at)

    def _bent(self, wires: Sequence[Exposed], at: At) -> Exposed:
        return self._own(merge(wires, worse).map(_bent), at)

    # ---- loops ------------------------------------------------------------------------------------------

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        rows = [row(x) for x in xs]
        passes: list[Values] = []
        settled = False
        depth = len(self._met)
        self._met.append(set())
        while len(passes) < min(length, PASSES):
            out, ys = body(carry, rows)
            passes.append(ys)
            aged = _rewired(out, lambda w: _aged(w, self._met[-1], depth))
            if settled := _same(aged, carry):
                break
            carry = aged
        inside = self._met.pop()
        if len(passes) == PASSES < length and not settled:  # neither the last pass nor a standstill
            carry, last = (_rewired(values, lambda w: w.map(_bent)) for values in (carry, passes[-1]))
            passes = [last]
        stacks = [_stacked(list(column), length, inside, depth) for column in zip(*passes, strict=True)]
        return _rewired(carry, lambda w: _plain(w, depth)), stacks

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        # one error serves all iterations, and there may be none
        while True:
            out = body(carry)
            grown = [_widened(c, o) for c, o in zip(carry, out, strict=True)]
            if _same(grown, carry):
                return _rewired(grown, lambda w: w.map(tied))
            carry = grown


PASSES = 64
"""How many passes of a scan are walked if it does not come to a standstill."""

# A site inside a scan has another error in each pass. Those of earlier passes are kept under
# ("before", depth, site), so that they are not mistaken for the error of the pass being walked; the depth
# tells loops in loops apart. A site outside the scan has one error for all of its passes.


def _site_of(key: Any) -> str:
    return str(key[-1] if isinstance(key, tuple) else key)


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
    y = stacked(ys[-1], length)
    if not is_secret(y):
        return y
    own = {k for k in y.wire.reach if all(k in inside and row.wire.reach.get(k) == SHIFT for row in ys)}
    rows = [_plain(row.wire, depth) for row in ys]
    together = merge(rows, worse)
    public_all = {s for s, r in together.reach.items() if r.kind in ("shift", "tied")}
    reach = {s: SHIFT if s in own & public_all else tied(r) for s, r in together.reach.items()}
    return y.holding(together if length == 1 else Exposed(reach, together.origin))


def _widened(old: Value, new: Value) -> Value:
    return new.holding(merge([old.wire, new.wire], worse)) if is_secret(new) else new


def _same(a: list[Value], b: list[Value]) -> bool:
    return all(
        x.wire.reach == y.wire.reach and x.wire.origin == y.wire.origin
        for x, y in zip(a, b, strict=True)
        if is_secret(x)
    )


def _rewired(values: Values, change: Callable[[Exposed], Exposed]) -> Values:
    return [v.holding(change(v.wire)) if is_secret(v) else v for v in values]


def _bent(_: Reach) -> Reach:
    return BENT


# ---- which rearrangements keep every entry choosable ------------------------------------------------------


def _kept_whole(fn: Callable[..., Any], avals: Sequence[Aval]) -> list[bool]:
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
