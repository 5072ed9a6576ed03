"""Sites side by side that do the same, as one: a step of a deep model has hundreds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import prod

from turncoat.results.audit import SiteRow

BEST = ("shift", "tied", "scaled", "bent", "none")
"""The classes of exposure, the best for an attacker first; "none": it reaches no output."""


def groups(rows: Sequence[SiteRow]) -> list[list[SiteRow]]:
    """Runs of sites with one beginning of their names, one phase and one exposure."""
    runs = groupby(rows, key=lambda r: (module(r), r.phase, sorted(r.exposure.items()), r.passes))
    return [list(run) for _, run in runs]


def module(row: SiteRow) -> str:
    """The part of the program that a site belongs to: the beginning of its name."""
    return row.name.split("/")[0]


def best(row: SiteRow) -> str:
    """The class of the output that a site serves an attacker best for."""
    kinds = {kind.partition("(")[0] for kind in row.exposure.values()} or {"none"}
    return min(kinds, key=BEST.index)


def products(row: SiteRow) -> int:
    """The multiplications at a site in one step, all passes of the loops around it counted."""
    return prod(row.loops, start=row.products)
