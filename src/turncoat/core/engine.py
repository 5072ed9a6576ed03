"""The engine interface: what a secret value is, and how the protocol computes with it.

A *wire* is whatever an engine holds for one secret array: floats, ring elements, three parties' shares. The black
box keeps its shape and dtype beside it (bool = bit, integer, float = fixed point). Interactive operations are told
`at` which site they stand, with a corrupt party's error or None, which lands where the protocol lets it (before
truncation, on the last AND ...). See docs/adding_an_engine.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.bilinear import Bilinear, Index, Sum, structure_index
from turncoat.core.draws import Draws
from turncoat.core.sites import At, Site
from turncoat.core.values import Aval, Value, is_secret, public, struct
from turncoat.refusal import Refusal

Wire = Any
Values = list[Value]
Passed = tuple[Values, Values]  # a loop's carry, and what it leaves for each pass
Body = Callable[[Values, Values], Passed]
Step = Callable[[Values], Values]
Test = Callable[[Values], Any]


class Engine:
    """What every engine provides; a method that is not overridden refuses in one sentence.

    `aval` is always the shape and dtype of the result, and `at.error`, if there is one, of that shape and dtype.
    """

    name = "engine"
    kinds: frozenset[str] = frozenset({"product", "bit"})
    """Which kinds of interactive operation are sites here (see `sites.KINDS`); each engine states its own."""
    gates: Mapping[str, Mapping[str, int]] = {}
    """Where kind "gate" is one: for each kind of comparison its ANDs before the last, and their lanes in use."""
    xor_products: Mapping[str, Sequence[str]] = {}
    """Where kind "xor-product" is one: the products that convert the bit, as parts of "select" and "arith"."""
    check: Callable[[Site, Any], None] | None = None
    """Refuses an error that fits its site (it may be traced) but that no party can add there."""
    traced = True
    """Whether wires are pytrees of JAX arrays, so that `secure` can compile its evaluation."""
    parts: str | None = None  # the name of its compiled operations, by which a long program can be run
    largest, smallest = 2.0**44, 1e-30  # what infinities become, and positive numbers next to zero
    random = False  # whether it draws any: then each evaluation runs on an instance that `begin` made for it
    draws: Draws

    def context(self) -> AbstractContextManager[Any]:
        """Entered around the evaluation only, e.g. for 64-bit arithmetic."""
        return nullcontext()

    def begin(self, key: Any) -> Self:
        """This engine for one evaluation, its randomness derived from `key`; itself if it draws none."""
        if not self.random:
            return self
        begun = copy.copy(self)
        begun.draws = Draws(key)
        return begun

    def notes(self, walk: Callable[..., Values]) -> tuple[str, ...]:
        """Sentences for a program's surface; `walk(engine, enter)` gives its outputs on an abstract engine."""
        return ()

    def argument(self, function: str, where: str, wire: Wire, limits: tuple[float, float]) -> None:
        """Called where a wire enters a function that holds between limits: for an engine that monitors."""

    def _missing(self, operation: str) -> Refusal:
        return Refusal(f"engine {self.name!r} does not realise {operation!r}")

    # ---- in and out --------------------------------------------------------------------------------------

    def share(self, array: Any, aval: Aval) -> Wire:
        """A private input as a wire."""
        raise self._missing("share")

    def constant(self, array: Any, aval: Aval) -> Wire:
        """A public value as a wire (no communication)."""
        return self.share(array, aval)

    def open(self, wire: Wire, aval: Aval) -> Any:
        """The value of a wire, revealed, in the dtype of `aval`."""
        raise self._missing("open")

    # ---- local -------------------------------------------------------------------------------------------

    def add(self, x: Wire, y: Wire, aval: Aval) -> Wire:
        """x + y of one shape and dtype (integers or fixed point)."""
        raise self._missing("add")

    def neg(self, x: Wire, aval: Aval) -> Wire:
        """-x."""
        raise self._missing("neg")

    def sub(self, x: Wire, y: Wire, aval: Aval) -> Wire:
        """x - y."""
        return self.add(x, self.neg(y, aval), aval)

    def lift(self, x: Wire, source: Aval, aval: Aval) -> Wire:
        """An integer wire as fixed point (never a cast of shares), or a change of float or integer width."""
        raise self._missing("lift")

    def xor(self, a: Wire, b: Wire, aval: Aval) -> Wire:
        """a XOR b of two bits; one of them may be a constant."""
        raise self._missing("xor")

    def mask(self, a: Wire, keep: Any, aval: Aval) -> Wire:
        """A bit AND a public bit."""
        raise self._missing("mask")

    def structure(
        self, fn: Callable[..., Any], wires: Sequence[Wire], avals: Sequence[Aval], aval: Aval
    ) -> Wire:
        """A rearrangement: every output entry is one input entry or zero.

        `fn` maps arrays of the operands' shapes to the output's; the default serves wires that are such.
        """
        return fn(*wires)

    def sum(self, fn: Sum, x: Wire, aval: Aval) -> Wire:
        """Sums of entries."""
        return fn.apply(x)

    # ---- interactive, or local up to truncation ------------------------------------------------------------

    def scale(self, x: Wire, factor: Any, aval: Aval, at: At) -> Wire:
        """x times a public factor of its shape or a scalar; a site where truncation is interactive."""
        raise self._missing("scale")

    def product_public(self, bilinear: Bilinear, x: Wire, c: Any, aval: Aval, at: At) -> Wire:
        """A bilinear map of a wire and a public array; the wire is `bilinear`'s first operand."""
        raise self._missing("product_public")

    def product(self, bilinear: Bilinear, x: Wire, y: Wire, aval: Aval, at: At) -> Wire:
        """A bilinear map of two wires, plus the error (one entry per OUTPUT entry)."""
        raise self._missing("product")

    def compare(self, kind: str, x: Wire, y: Wire, operand: Aval, at: At) -> Wire:
        """The bit x < y (`kind` "lt") or x == y ("eq") of numbers of shape and dtype `operand`, XOR the error.

        On an engine with `gates`, `at.inner` has one entry a gate, in order, with errors of (*shape, lanes).
        """
        raise self._missing("compare")

    def select(self, b: Wire, x: Wire, y: Wire, aval: Aval, at: At) -> Wire:
        """b * (x - y) + y, plus the error; `at.inner` are its `xor_products`, with errors of whole numbers."""
        raise self._missing("select")

    def both(self, a: Wire, b: Wire, aval: Aval, at: At) -> Wire:
        """a AND b, XOR the error."""
        raise self._missing("both")

    def arith(self, b: Wire, aval: Aval, at: At) -> Wire:
        """A bit as the number 0 or 1, plus the error; a site where the conversion is interactive."""
        raise self._missing("arith")

    def ideal(
        self, fn: Callable[..., Any], xs: Sequence[Wire], avals: Sequence[Aval], aval: Aval, at: At
    ) -> Wire:
        """A true function in one step, plus the error: the ideal functionality of protocol `exact`."""
        raise Refusal(
            f"engine {self.name!r} has no ideal {at.name}: choose a protocol that builds it from products "
            "and comparisons, such as 'crypten'"
        )

    def bits(self, x: Wire, lo: int, hi: int, operand: Aval, at: At) -> Wire:
        """Digits of weight 2^lo to 2^(hi-1) of numbers like `operand`, on a new last axis, XOR the error."""
        raise Refusal(f"engine {self.name!r} cannot decompose a number into bits, which {at.name} needs")

    # ---- control flow over lists of values -----------------------------------------------------------------

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        """`(carry, ys)` of `length` applications of `body(carry, x)`; `xs` and `ys` have a leading axis."""
        raise self._missing("scan")

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        """`body` applied while the public predicate holds."""
        raise self._missing("while_loop")

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        """The result of the branch at a public index; all branches return alike values."""
        raise self._missing("switch")


class Traced(Engine):
    """Engines whose wires are pytrees of JAX arrays: loops are `lax` loops."""

    def unroll_axis(self, wire: Wire) -> Wire:
        """The wire with the value's leading axis as the leading axis of every array in it."""
        return wire

    def roll_axis(self, wire: Wire) -> Wire:
        """The inverse of `unroll_axis`."""
        return wire

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        rows = [x.holding(self.unroll_axis(x.wire), x.shape[1:]) if is_secret(x) else public(x) for x in xs]
        loop = Draws(self.draws.next()) if self.random else None

        def step(carry: Any, numbered: Any) -> Any:
            number, row = numbered
            with self._pass(loop, number):
                return body(carry, row)

        numbers = jnp.arange(length) if self.random else None
        carry, ys = lax.scan(
            step, [public(c) for c in carry], (numbers, rows), length=length, reverse=reverse
        )
        return carry, [
            y.holding(self.roll_axis(y.wire), (length, *y.shape)) if is_secret(y) else y for y in ys
        ]

    @contextmanager
    def _pass(self, loop: Draws | None, number: Any) -> Iterator[None]:
        """A pass of a loop is traced once: what makes its randomness fresh is its number."""
        if loop is None:
            yield
            return
        saved, self.draws = self.draws, loop.in_pass(number)
        try:
            yield
        finally:
            self.draws = saved

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        start = [public(c) for c in carry]
        if not self.random:
            return lax.while_loop(keep_going, body, start)
        loop = Draws(self.draws.next())

        def step(numbered: Any) -> Any:
            number, carry = numbered
            with self._pass(loop, number):
                return number + 1, body(carry)

        done: Values = lax.while_loop(lambda c: keep_going(c[1]), step, (jnp.uint32(0), start))[1]
        return done

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        values: Values = lax.switch(index, [lambda b=b: [public(v) for v in b()] for b in branches])
        return values


class Eager(Engine):
    """Engines that compute step by step, among processes or on Python numbers: loops are Python loops."""

    traced = False

    def index(self, wire: Wire, i: int) -> Wire:
        """Row i along the value's leading axis."""
        return wire[i]

    def stack(self, wires: Sequence[Wire], aval: Aval) -> Wire:
        """Wires of one shape along a new leading axis."""
        return np.stack(wires)

    def structure(
        self, fn: Callable[..., Any], wires: Sequence[Wire], avals: Sequence[Aval], aval: Aval
    ) -> Wire:
        return self.take(wires, structure_index(fn, [a.shape for a in avals]), aval)

    def take(self, wires: Sequence[Wire], index: Index, aval: Aval) -> Wire:
        """Entries of the concatenated, flattened operands at `index`, zero where it is negative."""
        raise self._missing("take")

    def sum(self, fn: Sum, x: Wire, aval: Aval) -> Wire:
        raise self._missing("sum")  # `fn.as_gather` says which entries make up each sum

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        rows: list[Values] = []
        for i in reversed(range(length)) if reverse else range(length):
            row = [
                x.holding(self.index(x.wire, i), x.shape[1:]) if is_secret(x) else public(x)[i] for x in xs
            ]
            carry, y = body(carry, row)
            rows.append(y)
        if reverse:
            rows.reverse()
        return carry, [self._stacked([row[j] for row in rows]) for j in range(len(rows[0]) if rows else 0)]

    def _stacked(self, ys: Values) -> Value:
        if not is_secret(ys[0]):
            return jnp.stack([public(y) for y in ys])
        shape = (len(ys), *ys[0].shape)
        return ys[0].holding(self.stack([y.wire for y in ys], struct(shape, ys[0].dtype)), shape)

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        while bool(keep_going(carry)):
            carry = body(carry)
        return carry

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        return branches[min(max(int(index), 0), len(branches) - 1)]()
