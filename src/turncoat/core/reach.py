"""The classes of exposure, and how they combine.

With delta = tampered - honest, the class of an output at a site is one of

- *shift*: delta is the same for all secrets, and each entry can be chosen;
- *tied*: the same, but entries move together or some cannot be moved;
- *scaled(A)*: linear in the error, with a secret coefficient that depends on the arguments A only;
- *bent*: anything else.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

ORDER = ("shift", "tied", "scaled", "bent")


class Reach(NamedTuple):
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


Reached = Mapping[Reach, int]
"""For each class the errors that reach a value so: a bit of the number for each error (see `passes.py`)."""


@dataclass(frozen=True)
class Exposed:
    """An abstract wire: the errors that reach it, and the arguments that it depends on."""

    reach: Reached
    origin: frozenset[str]

    def map(self, f: Callable[[Reach], Reach]) -> Exposed:
        out: dict[Reach, int] = {}
        for r, errors in self.reach.items():
            out[f(r)] = out.get(f(r), 0) | errors
        return Exposed(out, self.origin)


def union(errors: Iterable[int]) -> int:
    """All of these errors."""
    return functools.reduce(operator.or_, errors, 0)


def reaching(reach: Reached) -> int:
    """All errors that reach a value."""
    return union(reach.values())


def joined(
    a: Reached,
    b: Reached,
    join: Callable[[Reach, Reach], Reach],
    lone: Callable[[Reach], Reach] | None = None,
) -> Reached:
    """The classes of two values as one: by `join` for an error in both, by `lone` for one in a single one."""
    in_a, in_b = reaching(a), reaching(b)
    out: dict[Reach, int] = {}

    def put(r: Reach, errors: int) -> None:
        if errors:
            out[r] = out.get(r, 0) | errors

    for one, other in ((a, in_b), (b, in_a)):
        for r, errors in one.items():
            put(lone(r) if lone else r, errors & ~other)
    for r, errors in a.items():
        if errors & in_b:
            for s, others in b.items():
                put(join(r, s), errors & others)
    return out


def merge(wires: Sequence[Exposed], join: Callable[[Reach, Reach], Reach]) -> Exposed:
    """All classes of all wires; `join` where one error reaches several."""
    reach = functools.reduce(lambda a, b: joined(a, b, join), (w.reach for w in wires))
    return Exposed(reach, _origin(wires))


def alternatives(wires: Sequence[Exposed]) -> Exposed:
    """One of these wires, it is not known which: what does not reach all of them may not be there at all."""
    reach = functools.reduce(lambda a, b: joined(a, b, worse, tied), (w.reach for w in wires))
    return Exposed(reach, _origin(wires))


def _origin(wires: Sequence[Exposed]) -> frozenset[str]:
    return frozenset().union(*(w.origin for w in wires))
