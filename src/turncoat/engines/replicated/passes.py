"""Control flow on shares: what is drawn in a loop's pass or a branch, and what is proved of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.core.draws import Draws
from turncoat.core.engine import Body, Passed, Step, Test, Traced, Values
from turncoat.engines.replicated.checks.ledger import Ledger
from turncoat.engines.replicated.checks.record import stacked
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.replicated.sharing import Copies, Sharing


class Passes(Traced):
    """Loops and branches of an engine with a stream and perhaps a ledger.

    A scan's passes are proved together, after it, unless one opens something; those of a loop of unknown
    length, and branches, each by itself.
    """

    random = True
    stream: Stream  # of the evaluation, or of the pass of a loop in it
    ledger: Ledger | None = None

    @contextmanager
    def _drawing(self, key: Any) -> Iterator[None]:
        """Another stream for a while."""
        saved, self.stream = self.stream, Stream.of(key)
        try:
            yield
        finally:
            self.stream = saved

    @contextmanager
    def _pass(self, loop: Draws | None, number: Any) -> Iterator[None]:
        with super()._pass(loop, number), self._drawing(self.draws.key):
            yield

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
        def apart(branch: Callable[[], Values]) -> Callable[[], Values]:
            def run() -> Values:
                with self._drawing(self.draws.next()):
                    return branch() if self.ledger is None else self._proved(self.ledger.failed, branch)

            return run

        out = super().switch(index, [apart(b) for b in branches])
        if self.ledger is not None:
            *out, self.ledger.failed = out
        return out

    def _proved(self, failed: Array, run: Callable[[], Values]) -> Values:
        """What is computed, and the flags after its proof."""
        with self._noting(failed) as ledger:
            out = run()
            ledger.settle(self.draws.key)
        return [*out, ledger.failed]

    # ---- the value's leading axis stands behind the parties' --------------------------------------------

    def unroll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.broadcast_to(aborted, (n, 3)))

    def roll_axis(self, wire: Sharing) -> Sharing:
        return _turned(wire, lambda aborted, n: jnp.any(aborted, 0))


def _turned(wire: Sharing, aborted: Callable) -> Sharing:
    own, next = (jnp.swapaxes(a, 0, 1) for a in (wire.own, wire.next))
    return Copies(own, next, aborted(wire.aborted, len(own))) if isinstance(wire, Copies) else wire.hold(own)
