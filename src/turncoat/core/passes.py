"""In which passes of the loops around its site an error is added: attacks that are told apart.

A scan's site has another error in each pass, and the attacker may add one in a single pass. So each site has
an error for every choice of a label for each loop around it. While a loop is walked, the labels are

- *now* and *before*: errors in all passes; the part of the pass being walked, and that of earlier ones;
- *alone*: an error in the pass being walked and in no other;
- *earliest*, *earlier*: an error in the first pass, or in any one of the earlier passes, and in no other.

Behind the loop they are *all*, *last*, *first* and *middle*. A while loop has one error for all iterations, so
nothing is alone there.

Errors are bits of a number. A site's are neighbours, and the label of the outermost loop is the lowest digit of
their place: another label at one depth is the same shift of the number for all sites.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from turncoat.core.reach import (
    SHIFT,
    TIED,
    Exposed,
    Reach,
    Reached,
    added,
    independent,
    joined,
    merge,
    tied,
    union,
    worse,
)
from turncoat.core.sites import ALL, FIRST, LAST, MIDDLE, Passes

NOW, BEFORE, ALONE, EARLIEST, EARLIER = "now", "before", "alone", "earliest", "earlier"
BEHIND = {NOW: ALL, BEFORE: ALL, ALONE: LAST, EARLIEST: FIRST, EARLIER: MIDDLE}
LABELS = (*BEHIND, ALL, FIRST, MIDDLE, LAST)
SINGLE = (ALONE, EARLIEST, EARLIER, FIRST, MIDDLE)


class Keys:
    """The errors that are told apart, and the places of their bits."""

    def __init__(self) -> None:
        self.scans: list[bool] = []  # for each loop around the operation that is walked: whether it is a scan
        self._sites: dict[str, tuple[int, tuple[bool, ...]]] = {}
        self._size, self._depth = 0, 0
        self._at: dict[tuple[int, str], int] = {}

    def own(self, site: str) -> int:
        """The errors of a site in the pass that is walked."""
        if site not in self._sites:
            self._add(site)
        return _own(tuple(self.scans)) << self._sites[site][0]

    def _add(self, site: str) -> None:
        depth = len(self.scans)
        self._sites[site] = self._size, tuple(self.scans)
        for at, label in product(range(1, depth + 1), LABELS):
            self._at[at, label] = self._at.get((at, label), 0) | _labelled(depth, at, label) << self._size
        self._size += len(LABELS) ** depth
        self._depth = max(self._depth, depth)

    def at(self, depth: int, label: str) -> int:
        """All errors with this label for the loop at this depth (1: the outermost)."""
        return self._at.get((depth, label), 0)

    def moved(self, errors: int, depth: int, label: str, to: str) -> int:
        """Of these errors those with one label, under another one."""
        return _shifted(errors & self.at(depth, label), depth, LABELS.index(to) - LABELS.index(label))

    def part(self, wire: Exposed, depth: int, label: str, to: str | None = None) -> Reached:
        """What of a wire's reach has a label, under another one."""
        found = {r: self.moved(errors, depth, label, to or label) for r, errors in wire.reach.items()}
        return {r: errors for r, errors in found.items() if errors}

    def without(self, wire: Exposed, depth: int, labels: Sequence[str]) -> Reached:
        """What of a wire's reach has none of these labels."""
        some = union(self.at(depth, label) for label in labels)
        return {r: errors & ~some for r, errors in wire.reach.items() if errors & ~some}

    def shared(self, x: int, y: int) -> int:
        """Of the errors x and y, those that one attack may add both of.

        In a loop that is attacked in all passes, single passes of an inner loop are not told apart.
        """
        if not self._depth or not x or not y:
            return x & y
        both = self._attack(x) & self._attack(y)
        for depth in range(self._depth, 0, -1) if both else ():
            for label in SINGLE:
                both |= self.moved(both & self._inside_all(depth), depth, LAST, label)
            both |= self.moved(both, depth, ALL, NOW) | self.moved(both, depth, ALL, BEFORE)
        return both

    def _attack(self, errors: int) -> int:
        """The attacks that these errors are parts of: each by one of its errors."""
        for depth in range(1, self._depth + 1):
            for label in (NOW, BEFORE):
                errors = self._renamed(errors, errors, depth, label, ALL)
            for label in SINGLE:
                errors = self._renamed(errors, errors & self._inside_all(depth), depth, label, LAST)
        return errors

    def _renamed(self, errors: int, some: int, depth: int, label: str, to: str) -> int:
        return errors & ~(some & self.at(depth, label)) | self.moved(some, depth, label, to)

    def _inside_all(self, depth: int) -> int:
        return union(self.at(d, ALL) for d in range(1, depth))

    def sites(self, reach: Reached) -> list[str]:
        """The sites of all errors in a reach, whatever the loops that are being walked."""
        some = union(reach.values())
        return [s for s, (at, n) in self._sites.items() if some >> at & (1 << len(LABELS) ** len(n)) - 1]

    def named(self, reach: Reached) -> Iterator[tuple[str, Passes, Reach]]:
        """Site, passes of the scans around it, and class of each error, behind all loops."""
        for r, errors in reach.items():
            for site, (start, scans) in self._sites.items():
                for place in _ones(errors >> start & (1 << len(LABELS) ** len(scans)) - 1):
                    digits = [place // len(LABELS) ** i % len(LABELS) for i in range(len(scans))]
                    yield site, tuple(LABELS[d] for d, scan in zip(digits, scans, strict=True) if scan), r


def _shifted(errors: int, depth: int, by: int) -> int:
    places = by * int(len(LABELS) ** (depth - 1))
    return errors << places if places >= 0 else errors >> -places


@cache
def _labelled(loops: int, depth: int, label: str) -> int:
    """Of the errors of a site in so many loops, those with this label at this depth."""
    stride = len(LABELS) ** (depth - 1)
    places = range(len(LABELS) ** loops)
    return union(1 << place for place in places if place // stride % len(LABELS) == LABELS.index(label))


@cache
def _own(scans: tuple[bool, ...]) -> int:
    each = [(NOW, ALONE) if scan else (NOW,) for scan in scans]
    return union(
        1 << sum(LABELS.index(v) * len(LABELS) ** i for i, v in enumerate(c)) for c in product(*each)
    )


def _ones(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


@dataclass(frozen=True)
class Loop:
    """A loop whose body is walked: how many loops stand around that, itself included.

    `length` passes in all; in a reversed one the entry of an error's array for the first pass is the last.
    """

    keys: Keys
    depth: int
    length: int = 0
    reverse: bool = False

    def aged(self, wire: Exposed) -> Exposed:
        """A wire at the end of a pass: its errors become those of earlier passes."""
        earlier = self._joined(
            wire, (ALONE, EARLIER), EARLIER, worse, tied
        )  # one pass of those: this or another
        return self._aged(wire, earlier, {})

    def aged_first(self, wire: Exposed) -> Exposed:
        """The same at the end of the first pass."""
        earlier, earliest = (self.keys.part(wire, self.depth, ALONE, to) for to in (EARLIER, EARLIEST))
        return self._aged(wire, earlier, earliest)

    def _aged(self, wire: Exposed, earlier: Reached, earliest: Reached) -> Exposed:
        before = self._joined(wire, (NOW, BEFORE), BEFORE, independent)
        rest = self.keys.without(wire, self.depth, (NOW, BEFORE, ALONE, EARLIER))
        return Exposed(_together(before, earlier, rest, earliest), wire.origin)

    def behind(self, wire: Exposed, here: Sequence[str] = (LAST,)) -> Exposed:
        """A wire of a pass as it is seen behind the loop; `here` is what that pass may be."""
        found = [
            self.keys.without(wire, self.depth, list(BEHIND)),
            self._joined(wire, (NOW, BEFORE), ALL, independent),
        ]
        for label, name, shortest in ((EARLIEST, FIRST, 2), (EARLIER, MIDDLE, 3), (ALONE, LAST, 2)):
            if self.length >= shortest:  # else there is no such choice
                to = self._entry(name)
                own = self.keys.part(wire, self.depth, ALONE, to) if name in here else {}
                old = self.keys.part(wire, self.depth, label, to) if label != ALONE else {}
                found.append(joined(old, own, worse))
        return Exposed(_together(*found), wire.origin)

    def stacked(self, rows: Sequence[Exposed]) -> Exposed:
        """The stacked output, from its rows in the passes that were walked (the last one repeats).

        Each entry can be chosen if each row is shifted by the error of its own pass.
        """
        seen = [self.behind(row, list(self._roles(i, len(rows)))) for i, row in enumerate(rows)]
        if self.length == 1:
            return seen[0]
        together = merge(seen, worse)
        own = self.keys.at(self.depth, NOW)
        for row in rows:
            own &= row.reach.get(SHIFT, 0)
        own = self.keys.moved(own, self.depth, NOW, ALL)
        own &= union(errors for r, errors in together.reach.items() if r in (SHIFT, TIED))
        rest = {r: errors & ~own for r, errors in together.reach.items() if errors & ~own}
        reach = _together(Exposed(rest, frozenset()).map(tied).reach, {SHIFT: own} if own else {})
        return Exposed(reach, together.origin)

    def rerun(self, wire: Exposed) -> Exposed:
        """A wire at the end of an iteration of a while loop: what follows meets the same errors once more."""
        return self._one(wire, BEFORE)

    def ended(self, wire: Exposed) -> Exposed:
        """A wire behind a while loop."""
        return self._one(wire, ALL)

    def _one(self, wire: Exposed, label: str) -> Exposed:
        rest = self.keys.without(wire, self.depth, (NOW, BEFORE))
        return Exposed(_together(rest, self._joined(wire, (NOW, BEFORE), label, added)), wire.origin)

    def _joined(
        self,
        wire: Exposed,
        labels: tuple[str, str],
        to: str,
        join: Callable[[Reach, Reach], Reach],
        lone: Callable[[Reach], Reach] | None = None,
    ) -> Reached:
        """The errors with one of two labels, under a third one."""
        a, b = (self.keys.part(wire, self.depth, label, to) for label in labels)
        return joined(a, b, join, lone)

    def _roles(self, i: int, walked: int) -> Iterator[str]:
        """What pass i of those walked may be, where the last one walked stands for all that follow."""
        if i == 0:
            yield FIRST
        if max(i, 1) < self.length - 1 and (i > 0 or walked == 1):
            yield MIDDLE
        if i == walked - 1:
            yield LAST

    def _entry(self, label: str) -> str:
        """Where an error's array holds these passes."""
        return {FIRST: LAST, LAST: FIRST}.get(label, label) if self.reverse else label


def _together(*parts: Reached) -> Reached:
    """The classes of errors that no two parts share."""
    out: dict[Reach, int] = {}
    for part in parts:
        for r, errors in part.items():
            out[r] = out.get(r, 0) | errors
    return out
