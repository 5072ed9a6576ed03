"""`turncoat confirm`: one attack among real parties of an engine, honest beside attacked."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated

import typer

from turncoat import attacks
from turncoat.cli.attack import Pairs, settings_of
from turncoat.cli.job_options import Given
from turncoat.cli.options import Common, grouped, named, without_effect
from turncoat.cli.options import Group as Options
from turncoat.cli.screen import Files, command, deliver, progress
from turncoat.experiments.confirm import Confirm, confirm
from turncoat.jobs import finding
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.parties import backends
from turncoat.parties.session import Session
from turncoat.refusal import Refusal
from turncoat.report.confirmation import confirmation_table
from turncoat.report.folder import usable
from turncoat.results.confirmation import Confirmation
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
STEPS = 4

Name = Annotated[
    str, typer.Argument(metavar="ATTACK", help="The attack; `turncoat attack --list` shows all.")
]
Own = Annotated[str | None, typer.Argument(metavar="JOB", help="Your own job, as package.module:name.")]
Steps = Annotated[int, typer.Option(help="Steps of training, on the first batches of the victims' records.")]


class OfJob(Given):
    """The options of a job, but for the engine: the simulator predicts on `reals`."""

    @classmethod
    def options(cls) -> list[Parameter]:
        return [option for option in super().options() if option.name not in ("engine", "epochs")]


@dataclass(frozen=True)
class Parties(Options):
    """Who runs it, and on what."""

    engine: Annotated[str, typer.Option(help=named("The engine of the parties", backends.CATALOGUE))]
    parties: Annotated[int, typer.Option(help="How many parties there are.")] = 3
    corrupt: Annotated[
        int | None, typer.Option(help="The one that deviates, counted from 0; the last one by default.")
    ] = None
    deadline: Annotated[
        float, typer.Option(help="Seconds for each run, after which all parties are ended.")
    ] = 600
    crypten_python: Annotated[
        str | None, typer.Option(help="The interpreter that has CrypTen; this one by default.")
    ] = None
    spu_python: Annotated[
        str | None, typer.Option(help="The interpreter that has SPU; this one by default.")
    ] = None

    def session(self) -> Session:
        """Refusal for an unknown engine, an interpreter without it, or parties that it does not run with."""
        backend = backends.get(self.engine)
        others = {"crypten_python": "crypten", "spu_python": "spu"}
        for option, engine in others.items():
            if engine != backend.name:
                without_effect(f"on engine {backend.name!r}", **{option: getattr(self, option)})
        given = getattr(self, f"{backend.name}_python", None)
        corrupt = self.parties - 1 if self.corrupt is None else self.corrupt
        return Session(backend, self.parties, corrupt, self.deadline, _interpreter(given))


def _interpreter(given: str | None) -> str:
    if given is None:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        raise Refusal(f"there is no interpreter {given!r}; give the path of a python")
    return os.path.abspath(found)  # links stay, as in environments


@app.command("confirm")
@grouped
def run(
    name: Name,
    own: Own = None,
    *,
    given: OfJob,
    steps: Steps = STEPS,
    settings: Pairs = None,
    parties: Parties,
    common: Common,
) -> None:
    """Runs one attack among real parties: a process each, one of which deviates."""
    attacks.kind(name)
    job: Setup | Deployed = given.job()
    if own is not None:
        found = finding.job(own)
        if found is None:
            raise Refusal(f"{own} is a step alone, which no attack can train: make a turncoat.Job of it")
        job = Deployed.of(found, *given.of_own())
    titles = (job.data, job.model) if isinstance(job, Setup) else (job.job.name,)
    folder = usable(common.folder("confirm", name, *titles, parties.engine), "confirmation.json")
    what = Confirm(name, job, parties.session(), settings_of(settings or []), steps, common.seed)
    with progress() as report:
        found_ = confirm(what, report, command())
    _delivered(found_, common, folder)
    if not found_.confirmed:
        raise typer.Exit(1)


def _delivered(found: Confirmation, common: Common, folder: Path) -> None:
    said = "The results are in {folder}"
    deliver(to_json(found), confirmation_table(found), common.as_json, folder, lambda: _files(found), said)


def _files(found: Confirmation) -> Files:
    from turncoat.report.confirmation import confirmation_files

    return confirmation_files(found)
