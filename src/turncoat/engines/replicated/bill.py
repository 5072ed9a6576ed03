"""What a whole program sends on engine `replicated`: an abstract engine, run by the same interpreter.

A wire is the round after which its shares are there; the last of all is the critical path. Rounds in program
order are those of a program that does one operation after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Bilinear, Sum
from turncoat.core.engine import Aval, Body, Engine, aval_like
from turncoat.core.secure import Secured
from turncoat.core.sites import Site
from turncoat.core.values import Secret, Value, is_secret, public
from turncoat.engines import arithmetic
from turncoat.engines.replicated import costs
from turncoat.engines.replicated.costs import Cost
from turncoat.refusal import Refusal

if TYPE_CHECKING:
    from turncoat.engines.replicated.engine import Replicated


@dataclass(frozen=True)
class Bill:
    """Costs by site, of truncations that are no sites, and in all; `critical` is the longest path's rounds."""

    sites: dict[str, Cost]
    elsewhere: Cost
    critical: int

    @property
    def total(self) -> Cost:
        return sum(self.sites.values(), self.elsewhere)

    def lines(self) -> list[str]:
        """The totals in words."""
        t = self.total
        return [
            f"{t.bytes:,.0f} bytes in the lanes in use ({t.words:,.0f} in whole words), {t.messages:,} messages",
            f"{t.rounds:,} rounds in program order, {self.critical:,} on the critical path",
            f"{t.checks:,.0f} bytes more to compare both copies of what is opened",
            f"{t.preprocessing:,.0f} bytes of preprocessing by the dealer of truncation pairs",
        ]


def bill(secured: Secured, *args: Any, **kwargs: Any) -> Bill:
    """What one call costs at arguments of these shapes, without sharing inputs and revealing results.

    A while loop is counted as one pass, branches as if all were taken. Raises Refusal for another engine.
    """
    if secured.engine.name.partition(":")[0] != "replicated":
        raise Refusal(f"engine {secured.engine.name!r} sends nothing in shares: take 'replicated'")
    engine = cast("Replicated", getattr(secured.engine, "inner", secured.engine))  # a monitor sends nothing
    return counted(engine, lambda *given: secured.walk(*given, *args, **kwargs))


def counted(engine: Replicated, walk: Callable) -> Bill:
    """The costs of a program; `walk(engine, enter)` runs it on an abstract engine."""
    counting = Counting(engine)
    critical = max((v.wire for v in walk(counting, lambda name: 0) if is_secret(v)), default=0)
    return Bill(counting.spent, counting.elsewhere, critical)


class Counting(Engine):
    """Adds up what each operation of `Replicated` sends."""

    def __init__(self, engine: Replicated) -> None:
        self.name, self.kinds, self.truncation = engine.name, engine.kinds, engine.truncation
        self.gates = engine.gates
        self.precision = engine.precision
        self.spent: dict[str, Cost] = {}
        self.elsewhere = Cost()

    def _done(self, site: Site | None, cost: Cost, *wires: int) -> int:
        if site is None:
            self.elsewhere += cost
        else:
            self.spent[site.name] = self.spent.get(site.name, Cost()) + cost
        return max(wires) + cost.rounds

    def _truncated(self, aval: Aval) -> Cost:
        return costs.truncation(_size(aval), self.truncation) if _fixed(aval) else Cost()

    # local
    def share(self, array: Any, aval: Aval) -> int:
        return 0

    def open(self, wire: int, aval: Aval) -> int:
        return wire

    def add(self, x: int, y: int, aval: Aval) -> int:
        return max(x, y)

    def xor(self, a: int, b: int, aval: Aval) -> int:
        return max(a, b)

    def neg(self, x: int, aval: Aval) -> int:
        return x

    def lift(self, x: int, source: Aval, aval: Aval) -> int:
        return x

    def mask(self, a: int, keep: Any, aval: Aval) -> int:
        return a

    def structure(self, fn: Callable, wires: Sequence[int], avals: Sequence[Aval], aval: Aval) -> int:
        return max(wires)

    def sum(self, fn: Sum, x: int, aval: Aval) -> int:
        return x

    # interactive
    def scale(self, x: int, factor: Any, aval: Aval, site: Site | None, error: Any) -> int:
        kept = site is None and _fixed(aval) and self._bits(factor) == 0
        return self._done(site, Cost() if kept else self._truncated(aval), x)

    def _bits(self, factor: Any) -> int | None:
        """By how many bits a product with this public factor is truncated, if that is known."""
        if isinstance(factor, jax.core.Tracer):
            return None
        with jax.enable_x64(True):
            return arithmetic.constant(factor, self.precision)[1]

    def product_public(
        self, bilinear: Bilinear, x: int, c: Any, aval: Aval, site: Site | None, error: Any
    ) -> int:
        return self.scale(x, c, aval, site, error)

    def product(self, bilinear: Bilinear, x: int, y: int, aval: Aval, site: Site, error: Any) -> int:
        return self._done(site, costs.product(_size(aval)) + self._truncated(aval), x, y)

    def compare(self, kind: str, x: int, y: int, operand: Aval, aval: Aval, site: Site, error: Any) -> int:
        return self._done(site, (costs.sign if kind == "lt" else costs.is_zero)(_size(aval)), x, y)

    def compare_by_gates(
        self,
        kind: str,
        x: int,
        y: int,
        operand: Aval,
        aval: Aval,
        site: Site,
        error: Any,
        inner: Sequence[tuple[Site, Any]],
    ) -> int:
        return self.compare(kind, x, y, operand, aval, site, error)  # it has all of their costs

    def select(self, b: int, x: int, y: int, aval: Aval, site: Site, error: Any) -> int:
        # the bit's conversion need not wait for the values
        return max(self._done(site, costs.select(_size(aval)), b), max(x, y) + 1)

    def both(self, a: int, b: int, aval: Aval, site: Site, error: Any) -> int:
        return self._done(site, costs.conjunction(_size(aval), 1), a, b)

    def arith(self, b: int, aval: Aval, site: Site | None, error: Any) -> int:
        return self._done(site, costs.number(_size(aval)), b)

    def bits(self, x: int, lo: int, hi: int, aval: Aval, site: Site, error: Any) -> int:
        return self._done(site, costs.digits(_size(aval) // max(hi - lo, 1)), x)

    # loops
    def scan(self, body: Body, carry: list[Value], xs: list[Value], length: int, reverse: bool):
        rows = [_row(x) for x in xs]
        ys: list[Value] = []
        for _ in range(length):
            carry, ys = body(carry, rows)
        return carry, [_stacked(y, length) for y in ys]

    def while_loop(self, keep_going: Callable, body: Callable, carry: list[Value]) -> list[Value]:
        return body(carry)

    def switch(self, index: Any, branches: Sequence[Callable[[], list[Value]]]) -> list[Value]:
        each = [branch() for branch in branches]
        return [
            _rewired(column[0], max(v.wire for v in column)) if is_secret(column[0]) else column[0]
            for column in zip(*each, strict=True)
        ]


def _size(aval: Aval) -> int:
    return int(np.prod(aval.shape, dtype=int))


def _fixed(aval: Aval) -> bool:
    return bool(jnp.issubdtype(aval.dtype, np.inexact))


def _rewired(v: Secret, wire: int) -> Secret:
    return Secret(wire, v.aval, v.origin, v.box)


def _row(x: Value) -> Value:
    return Secret(x.wire, aval_like(x.aval, x.shape[1:]), x.origin, x.box) if is_secret(x) else public(x)[0]


def _stacked(y: Value, length: int) -> Value:
    if not is_secret(y):
        return jnp.broadcast_to(public(y)[None], (length, *np.shape(public(y))))
    return Secret(y.wire, aval_like(y.aval, (length, *y.shape)), y.origin, y.box)
