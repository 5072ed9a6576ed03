"""How far a table is, or all of them: each row is as much as another, and as far as its trials are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from turncoat.experiments.attacked import WHAT
from turncoat.experiments.trial import Progress
from turncoat.paper.options import Options

TABLE = "the whole table"
WHOLE = "the whole paper"
FINE = 1000
"""Parts that a whole is reported in."""

Item = TypeVar("Item")


def each(items: Iterable[Item], options: Options) -> Iterator[tuple[Item, Options]]:
    """What a table makes a row of each, with the options for it, whose progress tells of the whole table too."""
    listed = list(items)
    for number, item in enumerate(listed):
        yield item, replace(options, progress=_row(options.progress, number, len(listed)))
    options.progress(TABLE, FINE, FINE)


def _row(progress: Progress, number: int, rows: int) -> Progress:
    progress(TABLE, round(FINE * number / rows), FINE)

    def told(what: str, done: int, total: int) -> None:
        if what == WHAT and total:
            progress(TABLE, round(FINE * (number + done / total) / rows), FINE)
        progress(what, done, total)

    return told


def within(progress: Progress, before: int, rows: int, every: int) -> Progress:
    """Progress of a table of so many rows, after `before` others of `every`: it tells of the whole paper instead."""

    def told(what: str, done: int, total: int) -> None:
        if what == TABLE:
            progress(WHOLE, round(FINE * (before + rows * done / total) / max(every, 1)), FINE)
        else:
            progress(what, done, total)

    told(TABLE, 0, FINE)
    return told
