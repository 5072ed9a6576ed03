"""A table or figure of the paper as a value, and the one driver that runs them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from turncoat.experiments.records import versions
from turncoat.paper.options import Options
from turncoat.results.reproduction import Reproduction, Row


@dataclass(frozen=True, eq=False)
class Table:
    """A table or figure, by the paper's name for it; called with options, it runs its rows.

    `rows` makes them: `rows.Experiments` where each is an experiment, else a function of the file. `notes` are
    what must be known to read the table.
    """

    name: str
    title: str
    rows: Callable[[Options], Iterable[Row]]
    notes: tuple[str, ...] = ()

    def __call__(self, options: Options) -> Reproduction:
        """The paper's numbers beside ours; Refusal for options that this table cannot have.

        Data that are not on this machine, and an attack that finds no way in, leave a row that was not run.
        """
        began = time.perf_counter()
        rows = tuple(self.rows(options))
        return Reproduction(
            table=self.name,
            title=self.title,
            rows=rows,
            notes=self.notes,
            settings=options.settings(),
            seconds=time.perf_counter() - began,
            versions=versions(),
        )
