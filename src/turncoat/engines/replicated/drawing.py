"""Which random words an operation draws: those of its evaluation, of the pass of a loop in it, or its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from turncoat.core.draws import Draws
from turncoat.core.engine import Traced, Values
from turncoat.engines.replicated.randomness import Source, Stream


class Drawing(Traced):
    """An engine whose operations take their words from `stream`; `first` is the one that all evaluations share."""

    random = True
    stream: Source
    _first: Self | None = None

    @property
    def first(self) -> Self:
        return self if self._first is None else self._first

    def begin(self, key: Any) -> Self:
        begun = super().begin(key)
        begun._first = self.first
        with self.context():
            begun.stream = Stream.of(begun.draws.key)
        return begun

    def drawing_from(self, source: Source) -> Self:
        """This engine for an operation whose words are given."""
        drawing = copy.copy(self)
        drawing.stream = source
        return drawing

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

    def switch(self, index: Any, branches: Sequence[Callable[[], Values]]) -> Values:
        def apart(branch: Callable[[], Values]) -> Callable[[], Values]:
            def run() -> Values:
                with self._drawing(self.draws.next()):
                    return branch()

            return run

        return super().switch(index, [apart(b) for b in branches])
