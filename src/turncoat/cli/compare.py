"""`turncoat compare`: what got better or worse from one run to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import command, deliver, usable
from turncoat.refusal import Refusal
from turncoat.report import compared
from turncoat.report.saved import Saved, load
from turncoat.results.audit import AuditResult
from turncoat.results.comparing import Run
from turncoat.results.comparing import compared as changes
from turncoat.results.json import to_json
from turncoat.results.result import Result

app = typer.Typer(add_completion=False)

Before = Annotated[
    Path, typer.Argument(metavar="BEFORE", help="The folder of a run: an audit's or an attack's.")
]
After = Annotated[Path, typer.Argument(metavar="AFTER", help="The folder of a later run.")]


@app.command()
@grouped
def compare(before: Before, after: After, *, common: Common) -> None:
    """Says what got better or worse from one run to another."""
    folder = common.out and usable(common.out, "comparison.json")
    found = changes(_run(before), _run(after)).model_copy(update={"command": command()})
    table, said = compared.comparison_table(found), "The comparison is in {folder}"
    deliver(to_json(found), table, common.as_json, folder, lambda: _files(Saved(found)), said)


def _run(path: Path) -> Run:
    found = load(path).found
    if not isinstance(found, Result | AuditResult):
        raise Refusal(f"{path} holds neither an audit nor an attack; only these are compared")
    return found


def _files(saved: Saved) -> dict[str, bytes | str]:
    from turncoat.report.files import files_of

    return files_of(saved)
