"""How interactive operations are named: `scope[/back]/op[#n]`, counted per base name in program order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from turncoat.core.program import Op, user_line
from turncoat.core.sites import Site
from turncoat.core.values import Value, known


@dataclass
class Frame:
    """What naming and reuse remember; a loop body starts from a copy, so tracing it twice is harmless."""

    names: Counter[str] = field(default_factory=Counter)
    reuse: dict[tuple, tuple[Any, Any]] = field(default_factory=dict)

    def copy(self) -> Frame:
        return Frame(self.names.copy(), dict(self.reuse))

    def after(self, other: Frame) -> Frame:
        """What this frame remembers, with the names that have been given in another one."""
        return Frame(other.names.copy(), self.reuse)


@dataclass(frozen=True)
class Place:
    """Where the program stands: the user's scope, and the name that the current operation takes."""

    scope: str = ""
    op: str = "op"
    back: bool = False
    source: Op | None = None

    @property
    def line(self) -> str:
        """Where in the user's code the operation stands."""
        return user_line(self.source) if self.source is not None else "an unknown line"

    @property
    def base(self) -> str:
        """`scope[/back]/op`; a scope that ends in ':' is the operation's whole name."""
        scope, op = self.scope.replace(":/", "/"), self.op  # a marker around other scopes is a plain scope
        if scope.endswith(":"):
            scope, _, op = scope[:-1].rpartition("/")
        return "/".join(p for p in (scope, "back" if self.back else "", op) if p)

    def beside(self, name: str) -> str:
        """A name in the operation's scope for what an engine adds of its own, such as a truncation."""
        scope = self.scope.replace(":/", "/").rstrip(":")
        return "/".join(p for p in (scope, "back" if self.back else "", name) if p)

    @property
    def phase(self) -> str:
        """Backward under a transpose, or where the program names a gradient `grad_...`."""
        last = self.base.rsplit("/", 1)[-1]
        return "backward" if self.back or last.startswith("grad") else "forward"


class Naming:
    """The part of the black box that names operations: a place in the program, a frame, a prefix."""

    def __init__(self, locate: bool = False) -> None:
        self.locate = locate
        self.frame, self.place = Frame(), Place()
        self.loops: tuple[int, ...] = ()
        self.sites: dict[str, Site] = {}
        self._prefix: str | None = None
        self._own = True  # False inside a framework's circuit

    @contextmanager
    def circuit(self) -> Iterator[None]:
        """What follows is the framework's own circuit for the current operation.

        Its inner operations are named under the operation's name, which is taken now, and the program does
        not reuse its comparisons: under another protocol they would not be there.
        """
        self.operation()
        saved, self._own = self._own, False
        try:
            yield
        finally:
            self._own = saved

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """The interactive operations inside belong to this operation of the program."""
        saved = self.place, self._prefix
        self.place, self._prefix = place, None
        try:
            yield
        finally:
            self.place, self._prefix = saved

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """The sites inside are named under `name`, itself under the current operation."""
        saved = self.operation()
        self._prefix = self._unique(f"{saved}/{name}")
        try:
            yield
        finally:
            self._prefix = saved

    def operation(self) -> str:
        """The current operation's name, taken when it first proves interactive."""
        if self._prefix is None:
            self._prefix = self._unique(self.place.base)
        return self._prefix

    def _unique(self, base: str) -> str:
        self.frame.names[base] += 1
        n = self.frame.names[base]
        return base if n == 1 else f"{base}#{n}"

    def named(self, kind: str, aval: Any, name: str | None, work: int) -> Site:
        """Names and records one interactive operation of `work` multiplications in one pass."""
        return self._recorded(self._site(kind, aval, name, work))

    def compared(
        self, aval: Any, name: str | None, work: int, inner: Mapping[str, int]
    ) -> tuple[Site, list[Site]]:
        """A comparison, and the ANDs before its last one, which come before it in program order.

        `inner` maps their names to their lanes in use, one bit each; under the comparison's name they stand.
        """
        site = self._site("bit", aval, name, work)
        part = replace(site, kind="gate", multiplications=0)
        gates = [
            self._recorded(replace(part, name=self._unique(f"{site.name}/{n}"), shape=(*site.shape, lanes)))
            for n, lanes in inner.items()
        ]
        return self._recorded(site), gates

    def _recorded(self, site: Site) -> Site:
        self.sites[site.name] = site
        return site

    def _site(self, kind: str, aval: Any, name: str | None, work: int) -> Site:
        if kind in ("truncation", "conversion") and self._prefix is None:
            full = self._unique(self.place.beside(name or kind))  # never renumbers the program's own sites
        else:
            full = self.operation() if name is None else self._unique(f"{self.operation()}/{name}")
        place = self.place
        line = place.line if self.locate else ""
        return Site(full, kind, aval.shape, np.dtype(aval.dtype), work, self.loops, place.phase, line)

    def reused(self, key: tuple, values: Sequence[Value], make: Callable[[], Any]) -> Any:
        """What `make` returned the first time for these values (constants by value, others by identity)."""
        key = (*key, *(("known", known(v)) if known(v) is not None else ("same", id(v)) for v in values))
        made = self.frame.reuse
        if (True, key) in made:
            return made[True, key][0]
        if (self._own, key) not in made:
            made[self._own, key] = (make(), values)  # holding the values keeps their identities unique
        return made[self._own, key][0]
