"""All tables and figures of the paper, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from turncoat.experiments.records import versions
from turncoat.paper.options import Options
from turncoat.paper.table import Table
from turncoat.results.reproduction import Reproduction, Reproductions

WHOLE = "the whole paper"


def everything(tables: Mapping[str, Table], options: Options) -> Reproductions:
    """Every table and figure that has rows under these options, quickly or in full."""
    began = time.perf_counter()
    found = tuple(one for one in _each(tables, options) if one.rows)
    seconds = time.perf_counter() - began
    return Reproductions(tables=found, quick=options.quick, seconds=seconds, versions=versions())


def _each(tables: Mapping[str, Table], options: Options) -> Iterator[Reproduction]:
    for done, table in enumerate(tables.values()):
        options.progress(WHOLE, done, len(tables))
        yield table(options)
    options.progress(WHOLE, len(tables), len(tables))
