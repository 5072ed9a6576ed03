"""`turncoat audit`: every attack on a training job, or the surface of a step of the user's own, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from turncoat.cli import interrupts, job_file, outputs
from turncoat.cli.job_options import Given
from turncoat.cli.job_template import template
from turncoat.cli.options import Group, grouped, without_effect
from turncoat.cli.parties import OWN, Pythons
from turncoat.cli.screen import Files, aside, command, deliver, progress, say, usable
from turncoat.cli.working import Working
from turncoat.experiments import audit as audits
from turncoat.experiments.confirmed import with_confirmation
from turncoat.jobs import finding, user_step
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.metrics.power import AS_USUAL, Victim
from turncoat.parties import backends
from turncoat.parties.session import Session
from turncoat.refusal import Refusal
from turncoat.report import terminal
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 5

Step = Annotated[
    str | None,
    typer.Argument(
        metavar="JOB", help="Your own job, or step alone, as package.module:name; or a job file, .toml."
    ),
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
Minutes = Annotated[
    float | None,
    typer.Option(
        help=f"Minutes of the universal search, at most; {audits.MINUTES:g} by default, 0 leaves it out."
    ),
]
Init = Annotated[
    bool,
    typer.Option(
        "--init", help=f"Write a job file to fill in ({job_file.NAME}, or the name given), and stop."
    ),
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


@dataclass(frozen=True)
class Ways(Group):
    """How much is run, what comes out of it, and when it counts as failed."""

    trials: Trials = None
    minutes: Minutes = None
    formats: outputs.Formats = None
    fail_on: outputs.FailOn = None
    detail: outputs.Detail = None

    init: Init = False

    def beside(self, file: job_file.JobFile) -> Ways:
        """The same, with what a job file asks as well."""
        asked = file.report
        formats, fail_on = [*asked.formats, *(self.formats or [])], [*asked.fail_on, *(self.fail_on or [])]
        trials, minutes = self.trials or file.run.trials, self.minutes
        return Ways(trials, minutes, formats, fail_on, self.detail or asked.detail)


@dataclass(frozen=True)
class OwnStep(Group):
    """What a step of the user's own needs beside its name."""

    example: Example = None
    public: Public = None


@app.command()
@grouped
def audit(
    step: Step = None,
    *,
    given: Given,
    own: OwnStep,
    ways: Ways,
    confirming: Confirming,
    common: Working,
) -> None:
    """Runs every attack on a training job and says how much one corrupt party gains."""
    if ways.init:
        _write(Path(step or job_file.NAME))
        return
    read = None
    if step is not None and step.endswith(job_file.SUFFIX):
        given.none(f"beside {step}, which says what is audited")
        with aside():
            read = job_file.read(step)
        ways = ways.beside(read.file)
        out = common.out or (Path(read.file.report.out) if read.file.report.out else None)
        common = replace(common, out=out, seed=common.seed or read.file.run.seed)
    asked = outputs.conditions(ways.fail_on or [])
    outputs.check_formats(ways.formats or [])
    found, folder = _audited(step, read, given, own, ways, confirming, common)
    saved, said = Saved(found), "The report is {folder}/report.html"
    table = terminal.audit_table(found, ways.detail or outputs.DETAIL)
    deliver(to_json(found), table, common.as_json, folder, lambda: _files(saved, ways.formats or []), said)
    for line in outputs.open_questions(found, asked):
        say(line, "yellow")
    if failed := outputs.met(found, asked):
        for line in failed:
            say(line, "red")
        raise typer.Exit(outputs.FAILED)


def _audited(
    step: str | None,
    read: job_file.Asked | None,
    given: Given,
    own: OwnStep,
    ways: Ways,
    confirming: Confirming,
    common: Working,
) -> tuple[AuditResult, Path]:
    """The audit of a job file's job, of a job by names or of the user's own, or of a step; and the folder for it."""
    with aside():  # what a user's module prints as it is imported
        job = finding.job(step) if step and read is None else None
    if step is None or read is not None or job is not None:
        without_effect("without a step of your own", example=own.example, public=own.public)
        parties = confirming.chosen()
        if read is not None:
            return _trained(read.job, read.only, ways, parties, common, read.file.victim.value)
        target = given.job() if job is None else Deployed.of(job, *given.of_own())
        return _trained(target, None, ways, parties, common)
    without_effect("on your own step", trials=ways.trials, minutes=ways.minutes, confirm=confirming.confirm)
    protocol, engine = given.of_a_step()
    folder = usable(common.folder("audit", step), "audit.json")
    with aside():
        loaded = user_step.load(step, protocol, engine, own.example, names(own.public))
        return audits.audit_target(loaded, command()), folder


def _trained(
    job: Setup | Deployed,
    only: audits.Only,
    ways: Ways,
    session: Session | None,
    common: Working,
    victim: Victim = AS_USUAL,
) -> tuple[AuditResult, Path]:
    """The audit of a job, and the folder for it."""
    named = (job.data, job.model) if isinstance(job, Setup) else (job.job.name,)
    folder = usable(common.folder("audit", *named), "audit.json")
    trials = TRIALS if ways.trials is None else ways.trials
    minutes = audits.MINUTES if ways.minutes is None else ways.minutes
    how: dict[str, Any] = {
        "trials": trials,
        "seed": common.seed,
        "only": audits.every(minutes) if only is None else only,
        "victim": victim,
    }
    with common.memory() as memory, progress() as report:
        found = audits.audited(job, progress=report, memory=memory, **how)
        if session is not None:
            with interrupts.by_exception():  # which ends the parties' processes too
                found = with_confirmation(found, job, session, common.seed, report)
    return found.model_copy(update={"command": command()}), folder


def _write(path: Path) -> None:
    """A job file to fill in; Refusal where one lies there already."""
    name = path if path.suffix == job_file.SUFFIX else path.with_name(f"{path.name}{job_file.SUFFIX}")
    try:
        with name.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        raise Refusal(
            f"{name} is there already; name another file, as in turncoat audit --init other.toml"
        ) from error
    except OSError as error:
        raise Refusal(f"cannot write {name} ({error.strerror}); name another file") from error
    say(f"Fill in {name}, then run: turncoat audit {name}")


def names(text: str | None) -> tuple[str, ...]:
    """The names in an option that takes several."""
    return tuple(part.strip() for part in text.split(",")) if text is not None else ()


def _files(saved: Saved, formats: Sequence[str]) -> Files:
    from turncoat.report.files import files_of  # imported here, as it draws: the help needs none of it

    return files_of(saved, formats)
