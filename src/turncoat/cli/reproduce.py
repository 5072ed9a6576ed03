"""`turncoat reproduce`: a table or figure of the paper, our numbers beside the paper's."""

from __future__ import annotations

from typing import Annotated

import typer

from turncoat import engines, paper, protocols
from turncoat.cli.options import grouped, named
from turncoat.cli.screen import Files, command, deliver, progress, usable
from turncoat.cli.working import Working
from turncoat.refusal import Refusal
from turncoat.report.reproduction import reproduction_table
from turncoat.report.saved import Saved
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)

Name = Annotated[str, typer.Argument(metavar="NAME", help=named("The table or figure", paper.CATALOGUE))]
Data = Annotated[str | None, typer.Option(help="Only the rows of this data set.")]
Protocol = Annotated[str | None, typer.Option(help=named("The protocol", protocols.CATALOGUE))]
Engine = Annotated[str, typer.Option(help=named("The engine", engines.CATALOGUE))]
Trials = Annotated[int | None, typer.Option(help="Trials a row; the table's own number by default.")]


@app.command()
@grouped
def reproduce(
    name: Name,
    *,
    data: Data = None,
    protocol: Protocol = None,
    engine: Engine = "reals",
    trials: Trials = None,
    common: Working,
) -> None:
    """Runs a table or figure of the paper and shows our numbers beside the paper's."""
    make = paper.get(name)
    folder = usable(common.folder("reproduce", name), "reproduction.json")
    with common.memory() as memory, progress() as report:
        options = paper.Options(trials, protocol, engine, data, common.seed, report, memory=memory)
        found = make(options)
    if not found.rows:
        raise Refusal(f"{found.table} has no rows of {data!r}; leave --data out to see which it has")
    found = found.model_copy(update={"command": command()})
    text, said = to_json(found), "The results are in {folder}"
    saved = Saved(found, options.images)
    deliver(text, reproduction_table(found), common.as_json, folder, lambda: _files(saved), said)


def _files(saved: Saved) -> Files:
    from turncoat.report.files import files_of  # imported here, as it draws: the help needs none of it

    return files_of(saved)
