"""The paper's tables and figures beside ours: one file each; `CATALOGUE` maps the command line's names."""

from __future__ import annotations

from turncoat.paper import figures, table1, table2, table3, table4, table5, table6, table7, table8
from turncoat.paper.everything import alone, everything
from turncoat.paper.options import Options
from turncoat.paper.table import Table
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, Table] = {
    table.name.lower().replace(" ", ""): table
    for table in (
        table1.TABLE,
        table2.TABLE,
        table3.TABLE,
        table4.TABLE,
        table5.TABLE,
        table6.TABLE,
        table7.TABLE,
        table8.TABLE,
        figures.FIGURE2,
        figures.FIGURE3,
    )
}


def get(name: str) -> Table:
    """The table or figure of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"the paper has no {name!r} to reproduce; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = ["CATALOGUE", "Options", "Table", "alone", "everything", "get"]
