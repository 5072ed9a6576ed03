"""How far a table is: each row is as much as another but a search, and as far as its trials are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from turncoat import attacks
from turncoat.experiments.attacked import WHAT
from turncoat.experiments.blocks import WAITING
from turncoat.experiments.pace import FINE
from turncoat.paper import table2
from turncoat.paper.options import Options
from turncoat.paper.rows import Experiments
from turncoat.paper.table import Table
from turncoat.results.reproduction import Row

WHOLE = "the whole table"
LONG = {"search": 9.0}
"""Attacks that take so many times as long as others."""


def telling(table: Table) -> Table:
    """The table, which tells of the whole of it as it runs; as it is where its rows are not known before."""

    def rows(options: Options) -> Iterator[Row]:
        weights = _weights(table, options)
        whole, before, number, share = sum(weights), 0.0, 0, 0.0

        def tell() -> None:
            now = before + weights[number] * share if number < len(weights) else whole
            options.progress(WHOLE, round(FINE * now / whole) if whole else FINE, FINE)

        def report(what: str, done: int, total: int) -> None:
            nonlocal share
            share = max(share, _share(what, done, total))
            tell()
            options.progress(what, done, total)

        tell()
        for row in table.rows(replace(options, progress=report)):
            yield row
            before, number, share = sum(weights[: number + 1]), number + 1, 0.0
            tell()

    return replace(table, rows=rows) if _weights(table, Options()) else table


def _share(what: str, done: int, total: int) -> float:
    """How much of a row is done: what is no trial, as a search, comes before, and was compiled before it advanced."""
    told = done / total if total else 0.0
    return told if what in (WHAT, WAITING) else (1 + told) / 2 if done else 0.0


def _weights(table: Table, options: Options) -> list[float]:
    """How long each row of a table takes at most, among the others; none where that is not known."""
    if isinstance(table.rows, Experiments):
        return [1.0 for line in table.rows.lines if options.wants(line.data)]
    return [LONG.get(name, 1.0) for name in attacks.CATALOGUE] if table.rows is table2.rows else []
