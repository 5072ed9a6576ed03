"""Sites: the interactive operations of a program, by name; and what the corrupt party does at one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

KINDS = {
    "product": "a product of secrets: a number can be added to each output entry",
    "bit": "a comparison or AND: each output bit can be flipped",
    "ideal": "a true function in one step (protocol 'exact'): a number can be added to each output entry",
    "truncation": "truncation after a public scaling, where that is interactive",
    "conversion": "a bit turned into a number, where that is interactive",
    "gate": "an AND inside a comparison: message bits can be flipped; what that does depends on secrets",
    "xor-product": "a product inside a bit's conversion to a number: -2 times what is added moves that number",
}


Passes = tuple[str, ...]
"""In which passes of the scans around a site an error is added: a label for each scan, outermost first."""
ALL, FIRST, MIDDLE, LAST = "all", "first", "middle", "last"
ENTRIES: dict[str, Any] = {ALL: slice(None), FIRST: 0, LAST: -1}
"""Which entries of an error's array these are; of those in the middle, any one alone."""


@dataclass(frozen=True)
class Site:
    """One interactive operation.

    `shape` is that of its output in one pass; `loops` are the lengths of the scans around it, outermost
    first. `multiplications` counts scalar products (or comparisons) in one pass, inner dimensions included
    (none at a gate, which is a part of its comparison); `phase` is "forward" or "backward". `line` says where in the
    user's code it stands, and `file` is that line's file by its full path.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    multiplications: int
    loops: tuple[int, ...] = ()
    phase: str = "forward"
    line: str = ""
    file: str = ""

    @property
    def full_shape(self) -> tuple[int, ...]:
        """The shape of an error with an entry per iteration."""
        return self.loops + self.shape

    @property
    def entries(self) -> int:
        """How many values the protocol opens or reshares here: the number of possible errors."""
        return int(np.prod(self.full_shape, dtype=int))

    @property
    def choices(self) -> tuple[Passes, ...]:
        """The passes that are told apart: errors in all of them, or in one alone."""
        each = [(ALL, FIRST, MIDDLE, LAST) if n > 2 else (ALL, FIRST, LAST)[: 2 * n - 1] for n in self.loops]
        return tuple(product(*each))

    def only(self, error: Any, passes: Passes) -> Any:
        """An error of the full shape, kept in these passes and zero in others: of the middle, in one alone."""
        kept = np.zeros(self.loops, bool)
        pairs = zip(self.loops, passes, strict=True)
        kept[tuple(ENTRIES.get(label, n // 2) for n, label in pairs)] = True
        kept = kept.reshape(kept.shape + (1,) * len(self.shape))
        return error & kept if self.is_bit else error * kept.astype(self.dtype)

    @property
    def is_bit(self) -> bool:
        return self.dtype == np.bool_

    def describe(self) -> dict[str, Any]:
        """The site as plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "loops": list(self.loops),
            "dtype": str(self.dtype),
            "entries": self.entries,
            "multiplications": self.multiplications * int(np.prod(self.loops, dtype=int)),
            "phase": self.phase,
            "line": self.line,
        }


@dataclass(frozen=True, eq=False)
class At:
    """Where an operation stands, as an engine is told: its site, and what the corrupt party adds there.

    `site` is None where this engine makes the operation local; `error` is None, or an array of the site's
    shape and dtype; `inner` are the parts that are sites of their own, in order: the gates of a comparison on
    an engine that has `gates`, the products of a bit's conversion on one that has `xor_products`.
    """

    site: Site | None = None
    error: Any = None
    inner: tuple[At, ...] = ()

    @property
    def name(self) -> str:
        return self.site.name if self.site is not None else ""
