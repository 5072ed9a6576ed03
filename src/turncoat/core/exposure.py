"""What an error at each site can do to each output: an abstract engine, run by the same interpreter.

A wire here says how the error of each site reaches it (a class, see `reach.py`; in loops for each choice of
passes, see `passes.py`), and on which arguments the value depends. The
derivation may be too pessimistic (a class further down the list than the truth), never too optimistic. A
public scalar factor that is unknown while tracing, such as a learning rate, is taken to be non-zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from turncoat.core.abstract import Abstract, row, stacked
from turncoat.core.bilinear import Bilinear, Sum, mul
from turncoat.core.choosable import kept_whole, onto
from turncoat.core.engine import Body, Engine, Passed, Step, Test, Values
from turncoat.core.passes import Keys, Loop
from turncoat.core.reach import (
    BENT,
    SHIFT,
    TIED,
    Exposed,
    Reach,
    added,
    alternatives,
    merge,
    reaching,
    scaled,
    tied,
    worse,
)
from turncoat.core.rearranged import Unknown
from turncoat.core.sites import At, Passes, Site
from turncoat.core.values import Aval, Value, is_secret


class Exposure(Abstract):
    """The abstract engine whose wires say how errors reach them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.keys = Keys()
        self.revealed: dict[str, None] = {}  # sites whose errors reach what is opened to all parties
        self.learned: frozenset[str] = frozenset()  # arguments that what was opened so far depends on

    def _own(self, wire: Exposed, at: At, reach: Reach = SHIFT) -> Exposed:
        """A result at which the site's own error is added."""
        if at.site is None:
            return wire
        own = self.keys.own(at.name)
        return Exposed({**wire.reach, reach: wire.reach.get(reach, 0) | own}, wire.origin)

    def joined(self, wires: Sequence[Exposed]) -> Exposed:
        return merge(wires, added)

    def either(self, wires: Sequence[Exposed]) -> Exposed:
        return alternatives(wires)

    def share(self, array: Any, aval: Aval) -> Exposed:
        return self._by_learned(array, Exposed({}, frozenset()), aval)

    def open(self, wire: Exposed, aval: Aval) -> Any:
        self.revealed |= dict.fromkeys(self.keys.sites(wire.reach))
        self.learned |= wire.origin
        return super().open(wire, aval)

    def _by_learned(self, public: Any, x: Exposed, aval: Aval) -> Exposed:
        """A result that a public value decides, None: one that is not known while tracing.

        It may follow from what was opened before, so that what an error does depends on those arguments too.
        """
        if not self.learned or not (public is None or isinstance(public, jax.core.Tracer)):
            return x
        least = BENT if aval.dtype == np.bool_ else scaled(self.learned)
        return Exposed(x.map(lambda r: worse(r, least)).reach, x.origin | self.learned)

    def named(
        self, value: Value, by_revealed: bool, sites: Mapping[str, Site]
    ) -> list[tuple[str, Passes, Reach]]:
        """Site, passes and class of each error that reaches an output: bent where a revealed one decides it."""
        out = list(self.keys.named(value.wire.reach)) if is_secret(value) else []
        for site in self.revealed if by_revealed else ():
            out += [(site, passes, BENT) for passes in sites[site].choices]
        return out

    def mask(self, a: Exposed, keep: Any, aval: Aval) -> Exposed:
        return self._by_learned(keep, a.map(tied), aval)

    def structure(
        self, fn: Callable[..., Any], wires: Sequence[Exposed], avals: Sequence[Aval], aval: Aval
    ) -> Exposed:
        if not self.learned and not any(SHIFT in w.reach for w in wires):
            return self.joined(wires)
        try:
            kept = kept_whole(fn, avals)
        except Unknown:
            kept, wires = [False] * len(wires), [self._by_learned(None, w, aval) for w in wires]
        return self.joined([w if keep else w.map(tied) for w, keep in zip(wires, kept, strict=True)])

    def sum(self, fn: Sum, x: Exposed, aval: Aval) -> Exposed:
        if fn.axes is not None or not (x.reach or self.learned):
            return x
        try:
            return x if onto(fn, small=not self.learned) else x.map(tied)
        except Unknown:
            return self._by_learned(None, x.map(tied), aval)

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
        return self._own(self._by_learned(factor, out, aval), at)

    def product_public(self, bilinear: Bilinear, x: Exposed, c: Any, aval: Aval, at: At) -> Exposed:
        return self._own(self._by_learned(c, x.map(tied), aval), at)

    def product(self, bilinear: Bilinear, x: Exposed, y: Exposed, aval: Aval, at: At) -> Exposed:
        both = self.keys.shared(reaching(x.reach), reaching(y.reach))  # errors times errors

        def across(wire: Exposed, other: Exposed) -> Exposed:
            by, found = scaled(other.origin), reaching(wire.reach) & both
            kinds = {BENT: found} if found else {}
            for r, errors in wire.reach.items():
                if errors & ~both:
                    kinds[worse(r, by)] = kinds.get(worse(r, by), 0) | errors & ~both
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

    def bits(self, x: Exposed, lo: int, hi: int, operand: Aval, at: At) -> Exposed:
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
        rows, loop = [row(x) for x in xs], Loop(self.keys, len(self.keys.scans) + 1, length, reverse)
        walked: list[Values] = []  # the rows of each pass; those of the last one stand for all that follow
        count = 0
        with self._inside(scan=True):
            while True:
                known = self.learned
                out, ys = body(carry, rows)
                count += 1
                walked[PASSES:] = [ys]
                after = _rewired(out, loop.aged_first if count == 1 else loop.aged)
                if count >= PASSES:
                    after = _either(carry, after)
                if count == length or (_same(after, carry) and known == self.learned):
                    break
                carry = after
        stacks = [_stacked(loop, list(column)) for column in zip(*walked, strict=True)]
        return _rewired(out, loop.behind), stacks

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        # one error serves all iterations, and there may be none
        loop = Loop(self.keys, len(self.keys.scans) + 1)
        with self._inside(scan=False):
            while True:
                known = self.learned
                after = _either(carry, _rewired(body(carry), loop.rerun))
                if _same(after, carry) and known == self.learned:
                    break
                carry = after
        return self._decided(None, _rewired(carry, loop.ended))

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        return self._decided(index, super().switch(index, branches))

    def _decided(self, by: Any, values: Values) -> Values:
        """Values of which a public one decides how they are computed; None: how often, which is never known."""
        return [v.holding(self._by_learned(by, v.wire, v.aval)) if is_secret(v) else v for v in values]

    @contextmanager
    def _inside(self, scan: bool) -> Iterator[None]:
        """What is walked inside is the body of a loop."""
        self.keys.scans.append(scan)
        try:
            yield
        finally:
            self.keys.scans.pop()


PASSES = 16
"""How many passes of a scan are told apart if it does not come to a standstill before."""


def _stacked(loop: Loop, ys: list[Value]) -> Value:
    y = stacked(ys[-1], loop.length)
    return y.holding(loop.stacked([v.wire for v in ys])) if is_secret(y) else y


def _either(a: list[Value], b: list[Value]) -> list[Value]:
    pairs = zip(a, b, strict=True)
    return [y.holding(alternatives([x.wire, y.wire])) if is_secret(y) else y for x, y in pairs]


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
