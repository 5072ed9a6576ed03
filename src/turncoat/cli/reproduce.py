"""`turncoat reproduce`: a table or figure of the paper, or all of them, our numbers beside the paper's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from turncoat import engines, paper, protocols
from turncoat.cli.options import Group, grouped, named, without_effect
from turncoat.cli.screen import Files, command, deliver, progress, usable
from turncoat.cli.working import Working
from turncoat.refusal import Refusal
from turncoat.report import kinds
from turncoat.report.saved import Saved
from turncoat.results.json import to_json
from turncoat.results.reproduction import Reproductions

app = typer.Typer(add_completion=False)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help=named("The table or figure, or `all`", paper.CATALOGUE))
]
Data = Annotated[str | None, typer.Option(help="Only the rows of this data set.")]
Protocol = Annotated[str | None, typer.Option(help=named("The protocol", protocols.CATALOGUE))]
Engine = Annotated[str, typer.Option(help=named("The engine", engines.CATALOGUE))]
Trials = Annotated[int | None, typer.Option(help="Trials a row; the table's own number by default.")]


Quick = Annotated[bool, typer.Option("--quick", help="With `all`: two trials a row, on embedded data alone.")]
Docs = Annotated[
    Path | None, typer.Option(metavar="FILE", help="With `all`: write the tables to this Markdown file too.")
]
ALL = "all"


@dataclass(frozen=True)
class Choice(Group):
    """What of the paper is run, and how."""

    data: Data = None
    protocol: Protocol = None
    engine: Engine = "reals"
    trials: Trials = None
    quick: Quick = False
    docs: Docs = None


@app.command()
@grouped
def reproduce(name: Name, *, choice: Choice, common: Working) -> None:
    """Runs a table or figure of the paper, or all, and shows our numbers beside the paper's."""
    make = None if name == ALL else paper.get(name)
    if make is not None:
        without_effect("but with `all`", quick=choice.quick, docs=choice.docs)
    if choice.docs is not None and not choice.docs.parent.is_dir():
        raise Refusal(f"{choice.docs.parent} is no folder; make it, or name another file")
    kind = "reproductions.json" if make is None else "reproduction.json"
    folder = usable(common.folder("reproduce", name), kind)
    chosen = choice.trials, choice.protocol, choice.engine, choice.data, choice.quick, common.seed
    with common.memory() as memory, progress() as report:
        options = paper.Options(*chosen, report, memory=memory)
        found = paper.everything(paper.CATALOGUE, options) if make is None else paper.alone(make, options)
    if not found.rows:
        raise Refusal(f"{name} has no rows of {choice.data!r}; leave --data out to see which it has")
    saved = Saved(found.model_copy(update={"command": command()}), options.images)
    text, said = to_json(saved.found), "The results are in {folder}"
    table = kinds.of(saved.found).table(saved.found, 0)
    deliver(text, table, common.as_json, folder, lambda: _files(saved, choice.docs), said)


def _files(saved: Saved, docs: Path | None) -> Files:
    from turncoat.report.files import files_of  # imported here, as it draws: the help needs none of it

    together = isinstance(saved.found, Reproductions)
    files = files_of(saved, ("markdown",) if together else ())
    if docs is not None:
        try:
            docs.write_text(str(files["report.md"]), encoding="utf-8")
        except OSError as error:
            raise Refusal(f"cannot write {docs} ({error.strerror}); name another file") from error
    return files
