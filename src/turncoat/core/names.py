"""How interactive operations are named: `scope[/back]/op[#n]`, counted per base name in program order."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from turncoat.core.lines import UNKNOWN, user_file, user_line, user_lines
from turncoat.core.program import Op
from turncoat.core.sites import Site
from turncoat.core.values import Aval, Shape, Value, known

T = TypeVar("T")


@dataclass
class Frame:
    """What naming and reuse remember; a loop body starts from a copy, so tracing it twice is harmless."""

    given: Counter[str] = field(default_factory=Counter)
    reuse: dict[Any, tuple[Any, Any]] = field(default_factory=dict)

    def copy(self) -> Frame:
        return Frame(self.given.copy(), dict(self.reuse))

    def after(self, other: Frame) -> Frame:
        """What this frame remembers, with the names that have been given in another one."""
        return Frame(other.given.copy(), self.reuse)


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
        return user_line(self.source) if self.source is not None else UNKNOWN

    @property
    def file(self) -> str:
        """The file of that line, by its full path."""
        return user_file(self.source) if self.source is not None else ""

    @property
    def lines(self) -> str:
        """The same, and where it is called."""
        return user_lines(self.source) if self.source is not None else UNKNOWN

    @property
    def base(self) -> str:
        """`scope[/back]/op`; a scope that ends in ':' is the operation's whole name."""
        if not self.scope.endswith(":"):
            return self.beside(self.op)
        scope, _, op = self.scope[:-1].rpartition("/")
        return replace(self, scope=scope).beside(op)

    def beside(self, name: str) -> str:
        """A name in the operation's scope, such as that of a truncation, which an engine adds of its own."""
        scope = self.scope.replace(":/", "/").rstrip(":")  # a marker around other scopes is a plain scope
        return "/".join(p for p in (scope, "back" if self.back else "", name) if p)

    @property
    def phase(self) -> str:
        """Backward under a transpose, or where the program names a gradient `grad_...`."""
        last = self.base.rsplit("/", 1)[-1]
        return "backward" if self.back or last.startswith("grad") else "forward"


class Names:
    """How one evaluation names its interactive operations: a place in the program, a frame, a prefix.

    `locate` records where in the user's code each site stands; `sites` are those met so far, by name.
    """

    def __init__(self, locate: bool = False) -> None:
        self.locate = locate
        self.frame, self.place = Frame(), Place()
        self.loops: Shape = ()
        self.sites: dict[str, Site] = {}
        self._prefix: str | None = None
        self._own = True  # False inside a framework's circuit

    def twin(self) -> Names:
        """Names that go on from the same place of the program, apart from these."""
        twin = copy.copy(self)
        twin.frame, twin.sites = Frame(self.frame.given.copy()), {}
        return twin

    # ---- where the program stands ------------------------------------------------------------------------

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
    def scope(self, name: str) -> Iterator[None]:
        """The sites inside are named under `name`, itself under the current operation."""
        saved = self.operation()
        self._prefix = self._unique(f"{saved}/{name}")
        try:
            yield
        finally:
            self._prefix = saved

    @contextmanager
    def body(self, start: Frame, loops: Shape = ()) -> Iterator[None]:
        """A loop body or branch: names start from `start`, and reuse ends with it."""
        reuse, outside = self.frame.reuse, self.loops
        self.frame, self.loops = start.copy(), outside + loops
        try:
            yield
        finally:
            self.frame, self.loops = Frame(self.frame.given, reuse), outside

    # ---- names -------------------------------------------------------------------------------------------

    def operation(self) -> str:
        """The current operation's name, taken when it first proves interactive."""
        if self._prefix is None:
            self._prefix = self._unique(self.place.base)
        return self._prefix

    def _unique(self, base: str) -> str:
        self.frame.given[base] += 1
        n = self.frame.given[base]
        return base if n == 1 else f"{base}#{n}"

    def site(self, kind: str, aval: Aval, name: str | None, work: int) -> Site:
        """Names and records one interactive operation of `work` multiplications in one pass."""
        return self._recorded(self._named(kind, aval, name, work))

    def comparison(self, aval: Aval, name: str | None, gates: Mapping[str, int]) -> tuple[Site, list[Site]]:
        """A comparison, and the ANDs before its last one, which come before it in program order.

        `gates` maps their names to their lanes in use, one bit each; under the comparison's name they stand.
        """
        site = self._named("bit", aval, name, math.prod(aval.shape))
        part = replace(site, kind="gate", multiplications=0)
        inner = [self._part(n, replace(part, shape=(*site.shape, lanes)), site) for n, lanes in gates.items()]
        return self._recorded(site), inner

    def converting(
        self, kind: str, aval: Aval, name: str | None, products: Sequence[str]
    ) -> tuple[Site, list[Site]]:
        """An operation that turns a bit into a number, and the `products` by which it does so, of whole numbers.

        They come before it in program order, and stand under its name.
        """
        site = self._named(kind, aval, name, math.prod(aval.shape))
        part = replace(site, kind="xor-product", dtype=np.dtype(np.int32))
        inner = [self._part(n, part, site) for n in products]
        return self._recorded(site), inner

    def _part(self, name: str, part: Site, whole: Site) -> Site:
        return self._recorded(replace(part, name=self._unique(f"{whole.name}/{name}")))

    def _recorded(self, site: Site) -> Site:
        self.sites[site.name] = site
        return site

    def _named(self, kind: str, aval: Aval, name: str | None, work: int) -> Site:
        if kind in ("truncation", "conversion") and self._prefix is None:
            full = self._unique(self.place.beside(name or kind))  # never renumbers the program's own sites
        else:
            full = self.operation() if name is None else self._unique(f"{self.operation()}/{name}")
        where = (self.place.line, self.place.file) if self.locate else ("", "")
        return Site(full, kind, aval.shape, np.dtype(aval.dtype), work, self.loops, self.place.phase, *where)

    # ---- reuse -------------------------------------------------------------------------------------------

    def reused(self, key: tuple[Any, ...], values: Sequence[Value], make: Callable[[], T]) -> T:
        """What `make` returned the first time for these values (constants by value, others by identity)."""
        key = (*key, *(("known", known(v)) if known(v) is not None else ("same", id(v)) for v in values))
        made = self.frame.reuse
        own = self._own or (True, key) in made  # a circuit may reuse what the program made, not the reverse
        if (own, key) not in made:
            made[own, key] = (make(), values)  # holding the values keeps their identities unique
        found: T = made[own, key][0]
        return found
