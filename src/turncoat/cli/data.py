"""`turncoat data`: the data sets, and their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat import data
from turncoat.cli import interrupts
from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import as_text, deliver, progress, usable

app = typer.Typer(help="Lists, fetches and verifies data sets.", no_args_is_help=True, add_completion=False)

IN_FILES = ("present", "verified", "unverified")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set.")]
Chosen = Annotated[
    str | None, typer.Argument(metavar="NAME", help="A data set; by default all that are here.")
]


@app.command("list")
@grouped
def list_sets(common: Common) -> None:
    """Lists the data sets, and which of them are on this machine."""
    _deliver(data.catalogue, common)


@app.command()
@grouped
def fetch(name: Name, *, common: Common) -> None:
    """Downloads a data set from its public source into the user's cache, and verifies it."""

    def fetched() -> list[data.Row]:
        with interrupts.by_exception(), progress() as report:
            return [data.fetch(name, lambda file, done, size: report(f"fetching {file}", done, size or 0))]

    _deliver(fetched, common)


@app.command()
@grouped
def verify(name: Chosen = None, *, common: Common) -> None:
    """Compares a data set's files with their checksums."""
    names = [row.name for row in data.catalogue() if row.status != "absent"] if name is None else [name]
    _deliver(lambda: [data.verify(one) for one in names], common)


def _deliver(rows_of: Callable[[], list[data.Row]], common: Common) -> None:
    folder = common.out and usable(common.out, "data.json")
    rows = rows_of()
    text = as_text({"format": "turncoat.data/1", "data": [asdict(row) for row in rows]})
    said = "The results are in {folder}"
    deliver(text, _table(rows), common.as_json, folder, lambda: {"data.json": text}, said)


def _table(rows: list[data.Row]) -> RenderableType:
    """One line for each data set; below them where files lie."""
    table = Table(box=None, pad_edge=False)
    for heading in ("Name", "Records", "Features", "Classes", "Status", "About"):
        right = heading in ("Records", "Features", "Classes")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        numbers = (f"{n:,}" for n in (row.records, row.features, row.classes))
        table.add_row(row.name, *numbers, row.status, row.about)
    # a folder's name is left whole, to be copied
    places = [
        Text(f"{row.name}, {row.checksum}: {row.where}", "dim", no_wrap=True, overflow="ignore")
        for row in rows
        if row.status in IN_FILES
    ]
    return Group(table, *places, Text("`--json` says where the data come from.", "dim"))
