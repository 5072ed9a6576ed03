"""Tables and figures of the paper: by workers, if any, their rows side by side, else one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import chain

from turncoat.experiments import lookahead
from turncoat.experiments.records import versions
from turncoat.paper import so_far
from turncoat.paper.options import Options
from turncoat.paper.table import Table
from turncoat.results.reproduction import Reproduction, Reproductions

WHOLE = "the whole paper"


def alone(table: Table, options: Options) -> Reproduction:
    """One table or figure, which tells how far it is."""
    lookahead.ahead(table.planned(options), options.memory, options.progress)
    return so_far.telling(table)(options)


def everything(tables: Mapping[str, Table], options: Options) -> Reproductions:
    """Every table and figure that has rows under these options, quickly or in full.

    `seconds` are the sum of what its parts took, in whichever process and whenever.
    """
    began, before = time.perf_counter(), options.memory.elsewhere
    found = tuple(one for one in _each(tables, options) if one.rows)
    seconds = time.perf_counter() - began + options.memory.elsewhere - before
    return Reproductions(tables=found, quick=options.quick, seconds=seconds, versions=versions())


def _each(tables: Mapping[str, Table], options: Options) -> Iterator[Reproduction]:
    finished, whole = 0, len(tables)

    def report(what: str, done: int, total: int) -> None:
        nonlocal finished, whole
        finished, whole = done, total + len(tables)
        options.progress(WHOLE, done, whole)
        options.progress(what, done, total)

    planned = chain.from_iterable(table.planned(options) for table in tables.values())
    lookahead.ahead(planned, options.memory, report)
    for done, table in enumerate(tables.values()):
        options.progress(WHOLE, finished + done, whole)
        yield table(options)
    options.progress(WHOLE, whole, whole)
