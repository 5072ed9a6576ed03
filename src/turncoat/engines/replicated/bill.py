"""What a whole program sends on engine `replicated`: an abstract engine, run by the same interpreter.

A wire is the round after which its shares are there; the last of all is the critical path. Rounds in program
order are those of a program that does one operation after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.abstract import Abstract, row, stacked
from turncoat.core.bilinear import Bilinear
from turncoat.core.engine import Body, Passed, Step, Test, Values
from turncoat.core.parts import FEWER
from turncoat.core.secure import Secured
from turncoat.core.sites import At
from turncoat.core.values import Aval, is_secret
from turncoat.engines import arithmetic
from turncoat.engines.replicated import costs
from turncoat.engines.replicated.checks import costs as checks
from turncoat.engines.replicated.checks.costs import Proof
from turncoat.engines.replicated.checks.plan import LANES, Counts
from turncoat.engines.replicated.costs import Cost
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Bill:
    """Costs by site, of truncations that are no sites, and in all; `critical` is the longest path's rounds.

    `circuits` are the operations of the program as it is written, a loop's body once: how many of each kind,
    of those in loops and branches at `LOOPED`. `proof` is what the engine's check costs, beside all these, and
    `proved` are one party's messages at each site as they enter it.
    """

    sites: dict[str, Cost]
    elsewhere: Cost
    critical: int
    circuits: Mapping[Any, int]
    proof: Proof | None = None
    proved: Mapping[str, Counts] = field(default_factory=dict)

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
            *self._compiling(),
            *([] if self.proof is None else self.proof.lines()),
        ]

    @property
    def compiled(self) -> int:
        """How many circuits are compiled with the program as a whole."""
        return sum(self.circuits.values())

    @property
    def apart(self) -> int:
        """How many are, where it runs part by part: each kind once, and all in loops and branches."""
        return len(self.circuits.keys() - {LOOPED}) + self.circuits.get(LOOPED, 0)

    def _compiling(self) -> list[str]:
        said = f"{self.compiled:,} circuits compile in about {SECONDS * self.compiled:,.0f} s of one core"
        if self.compiled - self.apart < FEWER:
            return [said]
        return [f"{said} inside jit; called by itself it runs part by part, with {self.apart:,} to compile"]


def bill(secured: Secured, *args: Any, **kwargs: Any) -> Bill:
    """What one call costs at arguments of these shapes, without sharing inputs and revealing results.

    A while loop is counted as one pass, branches as if all were taken. Raises Refusal for another engine.
    """
    if secured.engine.name.partition(":")[0] != "replicated":
        raise Refusal(f"engine {secured.engine.name!r} sends nothing in shares: take 'replicated'")
    engine = getattr(secured.engine, "inner", secured.engine)  # a monitor sends nothing
    return counted(engine, lambda *given: secured.walk(*given, *args, **kwargs))


def counted(engine: Any, walk: Callable) -> Bill:
    """The costs of a program on a `Replicated`; `walk(engine, enter)` runs it on an abstract engine."""
    counting = Counting(engine)
    critical = max((v.wire for v in walk(counting, lambda name: 0) if is_secret(v)), default=0)
    proof = None if engine.policy is None else Proof(counting.made, engine.policy)
    return Bill(counting.spent, counting.elsewhere, critical, counting.circuits, proof, counting.proved)


LOOPED = "in loops and branches"
SECONDS = 0.15
"""What a circuit takes to compile, of one core, on average over steps."""


class Counting(Abstract):
    """Adds up what each operation of `Replicated` sends; a wire is the round after which it is there."""

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.truncation, self.precision = engine.truncation, engine.precision
        self.policy = engine.policy
        self.proves = engine.policy is not None
        self.spent: dict[str, Cost] = {}
        self.elsewhere = Cost()
        self.made = Counts()
        """Messages of one party."""
        self.proved: dict[str, Counts] = {}
        """Those at each site."""
        self.circuits: Counter[Any] = Counter()
        self._seen: bool | None = None  # outside of loops and branches; else whether this was walked before

    def _circuit(self, *kind: Any) -> None:
        """Counts an operation that is compiled."""
        if not self._seen:
            self.circuits[kind if self._seen is None else LOOPED] += 1

    @contextmanager
    def _inside(self, again: bool = False) -> Iterator[None]:
        """What is walked inside is the body of a loop or a branch."""
        saved, self._seen = self._seen, bool(self._seen) or again
        try:
            yield
        finally:
            self._seen = saved

    def _done(self, at: At, cost: Cost, *wires: int) -> int:
        if at.site is None:
            self.elsewhere += cost
        else:
            self.spent[at.name] = self.spent.get(at.name, Cost()) + cost
        return max(wires) + cost.rounds

    def _made(self, at: At, counts: Counts, inside: At | None = None) -> None:
        """Notes messages as they enter a proof, those at a site inside another with that one's."""
        whole = at if inside is None else inside
        if self.policy is None or self.policy.sites is None or self.policy.words_for(_names(whole)):
            self.made += counts
        if at.site is not None:
            self.proved[at.name] = self.proved.get(at.name, Counts()) + counts

    def _truncated(self, aval: Aval) -> Cost:
        return costs.truncation(_size(aval), self.truncation) if _fixed(aval) else Cost()

    def joined(self, wires: Sequence[int]) -> int:
        return max(wires)

    def either(self, wires: Sequence[int]) -> int:
        return max(wires)

    def share(self, array: Any, aval: Aval) -> int:
        return 0

    # interactive
    def scale(self, x: int, factor: Any, aval: Aval, at: At) -> int:
        bits = self._bits(factor) if _fixed(aval) else 0
        kept = at.site is None and _fixed(aval) and bits == 0
        self._circuit("scale", aval, np.shape(factor), bits)
        return self._done(at, Cost() if kept else self._truncated(aval), x)

    def _bits(self, factor: Any) -> int | None:
        """By how many bits a product with this public factor is truncated, if that is known."""
        if isinstance(factor, jax.core.Tracer):
            return None
        with jax.enable_x64(True):
            return arithmetic.constant(factor, self.precision)[1]

    def product_public(self, bilinear: Bilinear, x: int, c: Any, aval: Aval, at: At) -> int:
        if bilinear.truncates:
            return self.scale(x, c, aval, at)
        self._circuit(bilinear.kind, aval, bilinear.x_shape)
        return x

    def product(self, bilinear: Bilinear, x: int, y: int, aval: Aval, at: At) -> int:
        self._circuit(bilinear.kind, aval, bilinear.x_shape, bilinear.y_shape)
        if self.proves:
            self._made(at, checks.product(bilinear))
        cut = self._truncated(aval) if bilinear.truncates else Cost()
        return self._done(at, costs.product(_size(aval)) + cut, x, y)

    def compare(self, kind: str, x: int, y: int, operand: Aval, at: At) -> int:
        # a comparison has the costs of all its gates
        self._circuit(kind, operand)
        self._made(at, (checks.SIGN if kind == "lt" else checks.ZERO).times(_size(operand)))
        return self._done(at, (costs.sign if kind == "lt" else costs.is_zero)(_size(operand)), x, y)

    def select(self, b: int, x: int, y: int, aval: Aval, at: At) -> int:
        self._circuit("select", aval)
        self._made(at, Counts(words=(checks.CONVERTED.words + 1 - len(at.inner)) * _size(aval)))
        number = self._converted(b, aval, at)  # which need not wait for the values
        hidden = costs.product(_size(aval)).times(2 - len(at.inner))
        return max(self._done(at, hidden + costs.product(_size(aval)), number), max(x, y) + 1)

    def both(self, a: int, b: int, aval: Aval, at: At) -> int:
        self._circuit("both", aval)
        self._made(at, Counts(lanes=ceil(_size(aval) / LANES)))
        return self._done(at, costs.conjunction(_size(aval), 1), a, b)

    def arith(self, b: int, aval: Aval, at: At) -> int:
        self._circuit("arith", aval)
        self._made(at, Counts(words=(checks.CONVERTED.words - len(at.inner)) * _size(aval)))
        hidden = costs.product(_size(aval)).times(1 - len(at.inner))
        return self._done(at, hidden + costs.product(_size(aval)), self._converted(b, aval, at))

    def _converted(self, b: int, aval: Aval, whole: At) -> int:
        """A bit after the products of its conversion that are sites of their own, one after the other."""
        for at in whole.inner:
            self._made(at, Counts(words=_size(aval)), whole)
            b = self._done(at, costs.product(_size(aval)), b)
        return b

    def bits(self, x: int, lo: int, hi: int, operand: Aval, at: At) -> int:
        self._circuit("bits", operand, lo, hi)
        self._made(at, checks.DIGITS.times(_size(operand)))
        return self._done(at, costs.digits(_size(operand)), x)

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        rows, ys = [row(x) for x in xs], Values()
        for number in range(length):
            with self._inside(again=number > 0):
                carry, ys = body(carry, rows)
        return carry, [stacked(y, length) for y in ys]

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        with self._inside():
            return super().while_loop(keep_going, body, carry)

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        with self._inside():
            return super().switch(index, branches)


def _names(at: At) -> list[str]:
    return [part.name for part in (at, *at.inner) if part.site is not None]


def _size(aval: Aval) -> int:
    return int(np.prod(aval.shape, dtype=int))


def _fixed(aval: Aval) -> bool:
    return bool(jnp.issubdtype(aval.dtype, np.inexact))
