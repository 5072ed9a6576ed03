"""The paper's tables and figures beside ours: one file each; `CATALOGUE` maps the command line's names."""

from __future__ import annotations

from collections.abc import Callable

from turncoat.paper.figures import figure2, figure3
from turncoat.paper.options import Options
from turncoat.paper.table1 import table1
from turncoat.paper.table2 import table2
from turncoat.paper.table3 import table3
from turncoat.paper.table4 import table4
from turncoat.paper.table5 import table5
from turncoat.paper.table6 import table6
from turncoat.paper.table7 import table7
from turncoat.paper.table8 import table8
from turncoat.refusal import Refusal, nearest
from turncoat.results.reproduction import Reproduction

CATALOGUE: dict[str, Callable[[Options], Reproduction]] = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "table5": table5,
    "table6": table6,
    "table7": table7,
    "table8": table8,
    "figure2": figure2,
    "figure3": figure3,
}


def get(name: str) -> Callable[[Options], Reproduction]:
    """What reproduces the table or figure of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"the paper has no {name!r} to reproduce; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = ["CATALOGUE", "Options", "get"]
