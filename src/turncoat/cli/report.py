"""`turncoat report`: pages and other formats again, from results alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from turncoat.cli import interrupts
from turncoat.cli.options import Common, grouped
from turncoat.cli.outputs import DETAIL, Detail, Formats, check_formats
from turncoat.cli.screen import as_text, say, show, usable
from turncoat.refusal import Refusal
from turncoat.report.folder import save
from turncoat.report.saved import MAIN, Saved, load

app = typer.Typer(add_completion=False)

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or their main files.")]


@app.command()
@grouped
def report(runs: Runs, *, formats: Formats = None, detail: Detail = None, common: Common) -> None:
    """Makes the report of runs again, from their results alone."""
    # imported here, as they draw: the help needs none of it
    from turncoat.report import kinds
    from turncoat.report.files import files_of, written

    check_formats(formats or [])
    loaded = [(run, load(run)) for run in runs]
    places = [_place(run, common.out, len(runs)) for run in runs]
    if doubled := [place for place in places if places.count(place) > 1]:
        raise Refusal(f"two runs would go to {doubled[0]}; report them one after the other")
    for (_, saved), place in zip(loaded, places, strict=True):
        usable(place, MAIN[type(saved.found)])
        files = files_of(saved, [*written(saved), *(formats or [])])
        if not common.as_json:
            show("", kinds.of(saved.found).table(saved.found, detail or DETAIL), False)
        with interrupts.writing():
            folder = save(place, files)
            interrupts.kept(f"the report in {folder} is written")
        say(f"The report is {folder}/report.html")
    if common.as_json:
        show(as_text(_listed(loaded)), "", True)


def _place(run: Path, out: Path | None, count: int) -> Path:
    """The folder of a run's report: its own, or the one that was asked for, with one inside for each of several."""
    own = run.parent if run.is_file() else run
    if out is None:
        return own
    return out if count == 1 else out / own.resolve().name


def _listed(loaded: Sequence[tuple[Path, Saved]]) -> dict[str, Any]:
    return {
        "format": "turncoat.reports/1",
        "runs": [saved.found.model_dump(mode="json") for _, saved in loaded],
    }
