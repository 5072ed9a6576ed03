"""The classes of exposure, and how they combine.

With delta = tampered - honest, the class of an output at a site is one of

- *shift*: delta is the same for all secrets, and each entry can be chosen;
- *tied*: the same, but entries move together or some cannot be moved;
- *scaled(A)*: linear in the error, with a secret coefficient that depends on the arguments A only;
- *bent*: anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ORDER = ("shift", "tied", "scaled", "bent")


@dataclass(frozen=True)
class Reach:
    """How an error reaches a value: a class, and for `scaled` the arguments in the coefficient."""

    kind: str
    by: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"scaled({', '.join(sorted(self.by))})" if self.kind == "scaled" else self.kind


SHIFT, TIED, BENT = Reach("shift"), Reach("tied"), Reach("bent")


def scaled(by: frozenset[str]) -> Reach:
    return Reach("scaled", by)


def rank(r: Reach) -> int:
    """How far down the list a class stands: the first serves an attacker best."""
    return ORDER.index(r.kind)


def worse(a: Reach, b: Reach) -> Reach:
    """The more pessimistic of two classes."""
    if a is b:
        return a
    if a.kind == b.kind == "scaled":
        return scaled(a.by | b.by)
    return a if rank(a) >= rank(b) else b


def added(a: Reach, b: Reach) -> Reach:
    """One error that reaches a sum by both terms: two shifts may cancel."""
    return worse(TIED, worse(a, b))


def independent(a: Reach, b: Reach) -> Reach:
    """Two errors that reach a sum, each by one term: one that can choose every entry is enough."""
    both = worse(a, b)
    return SHIFT if both.kind in ("shift", "tied") and SHIFT in (a, b) else both


def tied(r: Reach) -> Reach:
    return worse(TIED, r)


Key = tuple[str, ...]
"""A site, and for each loop around it in which passes its error is added (see `passes.py`)."""


@dataclass(frozen=True)
class Exposed:
    """An abstract wire."""

    reach: Mapping[Key, Reach]
    origin: frozenset[str]

    def map(self, f: Callable[[Reach], Reach]) -> Exposed:
        return Exposed({s: f(r) for s, r in self.reach.items()}, self.origin)


def merge(wires: Sequence[Exposed], join: Callable[[Reach, Reach], Reach]) -> Exposed:
    """All classes of all wires; `join` where one error reaches several."""
    if len(wires) == 1:
        return wires[0]
    reach: dict[Key, Reach] = {}
    for wire in wires:
        for site, r in wire.reach.items():
            reach[site] = join(reach[site], r) if site in reach else r
    return Exposed(reach, frozenset().union(*(w.origin for w in wires)))


def alternatives(wires: Sequence[Exposed]) -> Exposed:
    """One of these wires, it is not known which: what does not reach all of them may not be there at all."""
    found = merge(wires, worse)
    kept = {k: r if all(k in w.reach for w in wires) else tied(r) for k, r in found.reach.items()}
    return Exposed(kept, found.origin)
