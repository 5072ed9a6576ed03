"""Sites: the interactive operations of a program, by name; and what the corrupt party does at one."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Site:
    """One interactive operation.

    `shape` is that of its output in one pass; `loops` are the lengths of the scans around it, outermost
    first. `multiplications` counts scalar products (or comparisons) in one pass, inner dimensions included
    (none at a gate, which is a part of its comparison); `phase` is "forward" or "backward".
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    multiplications: int
    loops: tuple[int, ...] = ()
    phase: str = "forward"
    line: str = ""

    @property
    def full_shape(self) -> tuple[int, ...]:
        """The shape of an error with an entry per iteration."""
        return self.loops + self.shape

    @property
    def entries(self) -> int:
        """How many values the protocol opens or reshares here: the number of possible errors."""
        return int(np.prod(self.full_shape, dtype=int))

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
