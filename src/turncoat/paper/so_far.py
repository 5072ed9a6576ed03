"""How far a table is: each row is as much as another, and as far as its trials are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from turncoat import attacks
from turncoat.experiments.attacked import WHAT
from turncoat.paper import table2
from turncoat.paper.options import Options
from turncoat.paper.rows import Experiments
from turncoat.paper.table import Table
from turncoat.results.reproduction import Row

WHOLE = "the whole table"
FINE = 1000
"""Parts that the whole is reported in."""


def telling(table: Table) -> Table:
    """The table, which tells of the whole of it as it runs; as it is where its rows are not known before."""

    def rows(options: Options) -> Iterator[Row]:
        finished, whole = 0, count(table, options)

        def report(what: str, done: int, total: int) -> None:
            if what == WHAT and total:
                options.progress(WHOLE, round(FINE * min((finished + done / total) / whole, 1)), FINE)
            options.progress(what, done, total)

        options.progress(WHOLE, 0, FINE)
        for row in table.rows(replace(options, progress=report)):
            yield row
            finished += 1
            options.progress(WHOLE, round(FINE * min(finished / whole, 1)), FINE)

    return table if count(table, Options()) == 0 else replace(table, rows=rows)


def count(table: Table, options: Options) -> int:
    """How many rows a table has at most; 0 where that is not known."""
    if isinstance(table.rows, Experiments):
        return sum(options.wants(line.data) for line in table.rows.lines)
    return len(attacks.CATALOGUE) if table.rows is table2.rows else 0
