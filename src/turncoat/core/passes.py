"""In which passes of the loops around its site an error is added: attacks that are told apart.

A scan's site has another error in each pass, and the attacker may add one in a single pass. So an error is kept
under a site and one label for each loop around it, outermost first. While a loop is walked, the labels are

- *now* and *before*: errors in all passes; the part of the pass being walked, and that of earlier ones;
- *alone*: an error in the pass being walked and in no other;
- *earliest*, *earlier*: an error in the first pass, or in any one of the earlier passes, and in no other.

Behind the loop they are *all*, *last*, *first* and *middle*. A while loop has one error for all iterations, so
nothing is alone there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from turncoat.core.reach import (
    SHIFT,
    Exposed,
    Key,
    Reach,
    added,
    independent,
    merge,
    tied,
    worse,
)
from turncoat.core.sites import ALL, FIRST, LAST, MIDDLE

NOW, BEFORE, ALONE, EARLIEST, EARLIER = "now", "before", "alone", "earliest", "earlier"
ONE = "one for all iterations"
SCAN, WHILE = (NOW, ALONE), (NOW,)
"""The labels under which a site's own error starts in each kind of loop."""
BEHIND = {NOW: ALL, BEFORE: ALL, ALONE: LAST, EARLIEST: FIRST, EARLIER: MIDDLE}
JOINT = {NOW, BEFORE, ALL, ONE}


@cache
def attack(key: Key) -> Key:
    """Which errors are there at once: two keys with one result may be parts of one attack.

    Inside a loop that is attacked in all passes, single passes of an inner loop are not told apart.
    """
    joint, labels = False, []
    for label in key[1:]:
        labels.append(ALL if label in JOINT else ALONE if joint else label)
        joint = joint or label in JOINT
    return (key[0], *labels)


def chosen(key: Key) -> tuple[str, ...]:
    """The passes of the scans around a site, from a key behind all loops."""
    return tuple(label for label in key[1:] if label != ONE)


@dataclass(frozen=True)
class Loop:
    """A scan: how many loops stand around its body, itself included, how many passes it has, and their order.

    In a reversed one the entry of an error's array that belongs to the first pass is the last.
    """

    depth: int
    length: int
    reverse: bool

    def aged(self, wire: Exposed, first: bool) -> Exposed:
        """A wire at the end of a pass: its errors become those of earlier passes."""
        if not self._met(wire):
            return wire
        reach: dict[Key, Reach] = {}
        for key, r in wire.reach.items():
            label = self._label(key)
            if label in (NOW, BEFORE):
                _put(reach, self._with(key, BEFORE), r, independent)
            elif label == ALONE and first:
                reach[self._with(key, EARLIEST)] = reach[self._with(key, EARLIER)] = r
            elif label in (ALONE, EARLIER):  # in one earlier pass: this one or another
                other = self._with(key, EARLIER if label == ALONE else ALONE)
                _put(reach, self._with(key, EARLIER), r if other in wire.reach else tied(r), worse)
            else:
                reach[key] = r
        return Exposed(reach, wire.origin)

    def behind(self, wire: Exposed, here: Sequence[str] = (LAST,)) -> Exposed:
        """A wire of a pass as it is seen behind the loop; `here` is what that pass may be."""
        if not self._met(wire):
            return wire
        reach: dict[Key, Reach] = {}
        for key, r in wire.reach.items():
            label = self._label(key)
            if label not in BEHIND:
                reach[key] = r
                continue
            for name in here if label == ALONE else [BEHIND[label]]:
                if name == ALL or self.length > (2 if name == MIDDLE else 1):  # else there is no such choice
                    _put(reach, self._with(key, self._entry(name)), r, independent if name == ALL else worse)
        return Exposed(reach, wire.origin)

    def stacked(self, rows: Sequence[Exposed]) -> Exposed:
        """The stacked output, from its rows in the passes that were walked (the last one repeats).

        Each entry can be chosen if each row is shifted by the error of its own pass.
        """
        seen = [self.behind(row, list(self._roles(i, len(rows)))) for i, row in enumerate(rows)]
        if self.length == 1:
            return seen[0]
        together = merge(seen, worse)
        own = {
            self._with(k, ALL)
            for k in rows[-1].reach
            if self._label(k) == NOW and all(row.reach.get(k) == SHIFT for row in rows)
        }
        public = {k for k, r in together.reach.items() if r.kind in ("shift", "tied")}
        reach = {k: SHIFT if k in own & public else tied(r) for k, r in together.reach.items()}
        return Exposed(reach, together.origin)

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

    def _met(self, wire: Exposed) -> bool:
        return any(self._label(key) in BEHIND for key in wire.reach)

    def _label(self, key: Key) -> str:
        return key[self.depth] if len(key) > self.depth else ""

    def _with(self, key: Key, label: str) -> Key:
        return (*key[: self.depth], label, *key[self.depth + 1 :])


def rerun(wire: Exposed, depth: int) -> Exposed:
    """A wire at the end of an iteration of a while loop: what follows meets the same errors once more."""
    return _renamed(wire, depth, BEFORE)


def ended(wire: Exposed, depth: int) -> Exposed:
    """A wire behind a while loop."""
    return _renamed(wire, depth, ONE)


def _renamed(wire: Exposed, depth: int, label: str) -> Exposed:
    reach: dict[Key, Reach] = {}
    for key, r in wire.reach.items():
        inside = len(key) > depth and key[depth] in (NOW, BEFORE)
        _put(reach, (*key[:depth], label, *key[depth + 1 :]) if inside else key, r, added)
    return Exposed(reach, wire.origin)


def _put(reach: dict[Key, Reach], key: Key, r: Reach, join: Callable[[Reach, Reach], Reach]) -> None:
    reach[key] = join(reach[key], r) if key in reach else r
