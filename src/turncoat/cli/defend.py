"""`turncoat defend`: attacks against defences on a training job, with prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from turncoat import attacks, defences
from turncoat.cli.job_options import Given
from turncoat.cli.options import Group, grouped, named, without_effect
from turncoat.cli.screen import command, deliver, progress, report_of, usable
from turncoat.cli.working import Working
from turncoat.experiments import matrix
from turncoat.experiments.adaptive import Effort
from turncoat.experiments.matrix import DEFENCES
from turncoat.report.matrix import matrix_table
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 5

Own = Annotated[str | None, typer.Argument(metavar="JOB", help="Your own job, as package.module:name.")]
Attacks = Annotated[
    list[str] | None,
    typer.Option("--attack", help=named("An attack, again for each; all by default", attacks.CATALOGUE)),
]
Trials = Annotated[int, typer.Option(help="How often honest and attacked runs are repeated.")]


@dataclass(frozen=True)
class Against(Group):
    """What attacks are set against, and whether its time is measured."""

    against: Annotated[
        list[str] | None,
        typer.Option(help=named("A defence, again for each; a few by default", defences.CATALOGUE)),
    ] = None
    time: Annotated[
        bool, typer.Option(help="Measure the time of training under each defence, too: minutes of compiling.")
    ] = False


@dataclass(frozen=True)
class Again(Group):
    """How much is tried by an adversary that knows the defence."""

    adaptive: Annotated[
        bool, typer.Option(help="Plan each attack again in the knowledge of each defence.")
    ] = True
    minutes: Annotated[float, typer.Option(help="Minutes of each search for errors, at most.", min=0.01)] = (
        Effort.minutes
    )


@app.command()
@grouped
def defend(
    own: Own = None,
    *,
    given: Given,
    attack: Attacks = None,
    defended: Against,
    trials: Trials = TRIALS,
    again: Again,
    common: Working,
) -> None:
    """Sets every attack against every defence: what is left of it, how likely it is found, at which price."""
    without_effect("here, where --against names defences", defence=given.given.get("defence"))
    target = given.target(own).deployed(common.seed)
    folder = usable(common.folder("defend", target.job.data.name, target.job.name), "defences.json")
    for name in attack or ():
        attacks.kind(name)
    with common.memory() as memory, progress() as report:
        names = tuple(attack or attacks.CATALOGUE)
        effort = Effort(trials, seed=common.seed, minutes=again.minutes, again=again.adaptive)
        against = tuple(defended.against or DEFENCES)
        found = matrix.defend(target, names, against, effort, report, memory, defended.time)
    found = found.model_copy(update={"command": command()})
    said = "The report is {folder}/report.html"
    deliver(to_json(found), matrix_table(found), common.as_json, folder, lambda: report_of(found), said)
