"""`turncoat audit`: every attack on a training job, or the surface of a step of the user's own, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from turncoat.cli.job_options import Given
from turncoat.cli.options import Common, grouped, without_effect
from turncoat.cli.parties import OWN, Pythons
from turncoat.cli.screen import Files, aside, command, deliver, progress
from turncoat.experiments import audit as audits
from turncoat.experiments.confirmed import with_confirmation
from turncoat.experiments.experiment import deployed
from turncoat.jobs import finding, user_step
from turncoat.jobs.job import Job
from turncoat.jobs.setup import Setup
from turncoat.parties import backends
from turncoat.parties.session import Session
from turncoat.report import terminal
from turncoat.report.folder import usable
from turncoat.results.audit import AuditResult
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 5

Step = Annotated[
    str | None, typer.Argument(metavar="JOB", help="Your own job, or step alone, as package.module:name.")
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


@dataclass(frozen=True)
class Confirming(Pythons):
    """Whether the worst attack is confirmed among real parties, and on what."""

    confirm: Annotated[
        str | None,
        typer.Option(help=f"Confirm the worst attack among real parties: {', '.join(backends.CATALOGUE)}."),
    ] = None

    def chosen(self) -> Session | None:
        """The parties, if there are to be any."""
        if self.confirm is None:
            without_effect("without --confirm", **{name: getattr(self, name) for name in OWN})
            return None
        return self.session(self.confirm)


@app.command()
@grouped
def audit(
    step: Step = None,
    *,
    given: Given,
    trials: Trials = None,
    example: Example = None,
    public: Public = None,
    confirming: Confirming,
    common: Common,
) -> None:
    """Runs every attack on a training job and says how much one corrupt party gains."""
    own = finding.job(step) if step else None
    if step is None or own is not None:
        without_effect("without a step of your own", example=example, public=public)
        found, folder = _trained(own or given.job(), given, trials, confirming.chosen(), common)
    else:
        without_effect("on your own step", trials=trials, confirm=confirming.confirm)
        protocol, engine = given.of_a_step()
        folder = usable(common.folder("audit", step), "audit.json")
        with aside():
            found = audits.audit_target(
                user_step.load(step, protocol, engine, example, names(public)), command()
            )
    text = to_json(found)
    said = "The report is {folder}/report.html"
    deliver(text, terminal.audit_table(found), common.as_json, folder, lambda: _files(found, text), said)


def _trained(
    job: Job | Setup, given: Given, trials: int | None, session: Session | None, common: Common
) -> tuple[AuditResult, Path]:
    """The audit of a job, and the folder for it."""
    named = (job.data, job.model) if isinstance(job, Setup) else (job.name,)
    folder = usable(common.folder("audit", *named), "audit.json")
    protocol, engine, defence = (None, None, None) if isinstance(job, Setup) else given.of_own()
    with progress() as report:
        found = audits.audit(
            job,
            protocol=protocol,
            engine=engine,
            defence=defence,
            trials=TRIALS if trials is None else trials,
            seed=common.seed,
            progress=report,
        )
        if session is not None:
            found = with_confirmation(found, deployed(job, protocol, engine), session, common.seed, report)
    return found.model_copy(update={"command": command()}), folder


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
