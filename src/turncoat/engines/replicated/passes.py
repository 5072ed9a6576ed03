"""Shares that outlive an operation: loops, branches and evaluations, and what is proved of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.core.engine import Body, Passed, Step, Test, Values
from turncoat.core.sites import At
from turncoat.engines.replicated.checks.ledger import Ledger
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.checks.proof import Lie
from turncoat.engines.replicated.checks.record import stacked
from turncoat.engines.replicated.drawing import Drawing
from turncoat.engines.replicated.products import Note
from turncoat.engines.replicated.sharing import Copies, Marked, Shares, Sharing


class Passes(Drawing):
    """Loops and branches of an engine with a stream and perhaps a ledger.

    A scan's passes are proved together, after it, unless one opens something; those of a loop of unknown
    length, and branches, each by itself.
    """

    ledger: Ledger | None = None
    policy: Policy | None
    provers: tuple[int, ...]
    """Whose messages are proved: the corrupt party's; honest parties' proofs are as long, and never fail."""
    lie: Lie | None = None
    """What the corrupt party makes of the messages of its own proofs."""

    def begin(self, key: Any) -> Self:
        begun = super().begin(key)
        if self.policy is not None:
            with self.context():
                begun.ledger = Ledger(self.policy, self.provers, self.lie)
        return begun

    @contextmanager
    def _noting(self, failed: Array) -> Iterator[Ledger]:
        """A ledger of its own for a while."""
        assert self.ledger is not None
        saved, self.ledger = self.ledger, self.ledger.inside(failed)
        try:
            yield self.ledger
        finally:
            self.ledger = saved

    def scan(self, body: Body, carry: Values, xs: Values, length: int, reverse: bool) -> Passed:
        if self.ledger is None:
            return super().scan(body, carry, xs, length, reverse)
        forms: list[Any] = []

        def noted(carry: Values, rows: Values) -> Passed:
            with self._noting(carry[-1]) as ledger:
                carry, ys = body(carry[:-1], rows)
                if ledger.opened:
                    ledger.settle(self.draws.key)
            leaves, form = jax.tree.flatten(ledger.record)
            forms[:] = [len(ys), form]
            return [*carry, ledger.failed], [*ys, *leaves]

        carry, ys = super().scan(noted, [*carry, self.ledger.failed], xs, length, reverse)
        self.ledger.failed, (count, form) = carry.pop(), forms
        for kind, entries in jax.tree.unflatten(form, ys[count:]).items():
            for entry in entries:
                self.ledger.add(kind, stacked(entry, kind))
        return carry, ys[:count]

    def while_loop(self, keep_going: Test, body: Step, carry: Values) -> Values:
        if self.ledger is None:
            return super().while_loop(keep_going, body, carry)

        def tested(carry: Values) -> Any:
            with self._noting(carry[-1]):
                return keep_going(carry[:-1])

        def noted(carry: Values) -> Values:
            return self._proved(carry[-1], lambda: body(carry[:-1]))

        *carry, self.ledger.failed = super().while_loop(tested, noted, [*carry, self.ledger.failed])
        return carry

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        if self.ledger is None:
            return super().switch(index, branches)
        failed = self.ledger.failed
        *out, self.ledger.failed = super().switch(index, [partial(self._proved, failed, b) for b in branches])
        return out

    def _proved(self, failed: Array, run: Callable[[], Values]) -> Values:
        """What is computed, and the flags after its proof."""
        with self._noting(failed) as ledger:
            out = run()
            ledger.settle(self.draws.key)
        return [*out, ledger.failed]

    def _proving(self, at: At) -> Ledger | None:
        """The ledger, if what stands at a site is to be proved."""
        names = (part.name for part in (at, *at.inner) if part.site is not None)
        return self.ledger if self.ledger is not None and self.ledger.at(*names) else None

    def _words(self, at: At) -> Note | None:
        ledger = self._proving(at)
        return None if ledger is None else ledger.words()

    def _lanes(self, at: At) -> Note | None:
        ledger = self._proving(at)
        return None if ledger is None else ledger.lanes()

    # ---- what stays shared between evaluations ------------------------------------------------------------

    def received(self, wire: Sharing) -> Sharing:
        if self.ledger is None or not isinstance(wire, Marked):
            return wire
        self.ledger.failed |= wire.failed
        return Shares(wire.own)

    def leaving(self, wire: Sharing) -> Sharing:
        if self.ledger is None:
            return wire
        self.ledger.check_sites()
        self.ledger.settle(self.draws.key)
        return Marked(wire.own, self.ledger.failed)

    # ---- the value's leading axis stands behind the parties' --------------------------------------------

    def unroll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.broadcast_to(aborted, (n, 3)))

    def roll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.any(aborted, 0))


def _turned(wire: Sharing, aborted: Callable) -> Sharing:
    own, next = (jnp.swapaxes(a, 0, 1) for a in (wire.own, wire.next))
    return Copies(own, next, aborted(wire.aborted, len(own))) if isinstance(wire, Copies) else wire.hold(own)
