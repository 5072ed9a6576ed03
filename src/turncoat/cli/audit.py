"""`turncoat audit`: every attack on a training job, or the surface of a step of the user's own, and a verdict."""

from __future__ import annotations

from typing import Annotated

import typer

from turncoat.cli.job_options import Given
from turncoat.cli.options import Common, grouped, without_effect
from turncoat.cli.screen import Files, aside, command, deliver, progress
from turncoat.experiments import audit as audits
from turncoat.jobs import user_step
from turncoat.report import terminal
from turncoat.report.folder import usable
from turncoat.results.audit import AuditResult
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 5

Step = Annotated[
    str | None, typer.Argument(metavar="STEP", help="Your own step, as package.module:function.")
]
Example = Annotated[
    str | None, typer.Option(help="package.module:function that returns the step's arguments as a tuple.")
]
Public = Annotated[
    str | None,
    typer.Option(help="Arguments of your own step that all parties know, e.g. index or index,scale."),
]
Trials = Annotated[
    int | None, typer.Option(help=f"How often honest and attacked runs are repeated; {TRIALS} by default.")
]


@app.command()
@grouped
def audit(
    step: Step = None,
    *,
    given: Given,
    trials: Trials = None,
    example: Example = None,
    public: Public = None,
    common: Common,
) -> None:
    """Runs every attack on a training job and says how much one corrupt party gains."""
    if step is None:
        without_effect("without a step of your own", example=example, public=public)
        job = given.job()
        folder = usable(common.folder("audit", job.data, job.model), "audit.json")
        with progress() as report:
            n = TRIALS if trials is None else trials
            found = audits.audit(job, trials=n, seed=common.seed, progress=report, command=command())
    else:
        without_effect("on your own step", trials=trials)
        protocol, engine = given.of_a_step()
        folder = usable(common.folder("audit", step), "audit.json")
        with aside():
            found = audits.audit_target(
                user_step.load(step, protocol, engine, example, names(public)), command()
            )
    text = to_json(found)
    said = "The report is {folder}/report.html"
    deliver(text, terminal.audit_table(found), common.as_json, folder, lambda: _files(found, text), said)


def names(text: str | None) -> tuple[str, ...]:
    """The names in an option that takes several."""
    return tuple(part.strip() for part in text.split(",")) if text is not None else ()


def _files(found: AuditResult, text: str) -> Files:
    # imported here, as they draw: the help needs none of it
    from turncoat.report.files import pictures
    from turncoat.report.html import audit_html

    files: dict[str, bytes | str] = {"audit.json": text, "report.html": audit_html(found)}
    for result in found.results:
        files |= pictures(result)
    return files
