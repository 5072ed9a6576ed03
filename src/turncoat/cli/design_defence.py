"""`turncoat design-defence`: the cheapest set of checks that no known attack gets round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from turncoat import attacks
from turncoat.cli.job_options import Given
from turncoat.cli.options import Group, grouped, named, without_effect
from turncoat.cli.screen import command, deliver, progress, report_of, usable
from turncoat.cli.working import Working
from turncoat.defences import framework
from turncoat.experiments.design import MINUTES, Asked, design
from turncoat.report.design import design_table
from turncoat.results.harms import HARMS
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 5

Own = Annotated[str | None, typer.Argument(metavar="JOB", help="Your own job, as package.module:name.")]

Attack = Annotated[
    list[str] | None,
    typer.Option(help=named("An attack to stop, again for each; all by default", attacks.CATALOGUE)),
]


@dataclass(frozen=True)
class Against(Group):
    """By which prices, against what, and how much is run."""

    price: Annotated[str, typer.Option(help=named("Whose prices decide", framework.CATALOGUE))] = (
        framework.SPDZ_WISE.name
    )
    threat: Annotated[
        list[str] | None, typer.Option(help=named("A threat to stop, again for each; all by default", HARMS))
    ] = None
    attack: Attack = None
    unnoticed: Annotated[
        bool, typer.Option("--unnoticed", help="Stop only what a check of accuracy misses, or sees too late.")
    ] = False
    trials: Annotated[int, typer.Option(help="How often honest and attacked runs are repeated.")] = TRIALS
    minutes: Annotated[
        float, typer.Option(help="Minutes of each universal search, at most; 0 leaves them out.")
    ] = MINUTES

    def asked(self, seed: int) -> Asked:
        """What was asked for; Refusal for what cannot be."""
        return Asked(
            self.price,
            self.trials,
            self.minutes,
            seed,
            tuple(self.threat or ()),
            self.unnoticed,
            tuple(self.attack or ()),
        )


@app.command("design-defence")
@grouped
def run(own: Own = None, *, given: Given, against: Against, common: Working) -> None:
    """Finds the cheapest set of checks that no known attack gets round, and attacks it back."""
    without_effect("here, where a defence is looked for", defence=given.given.get("defence"))
    asked = against.asked(common.seed)
    target = given.target(own).deployed(common.seed)
    folder = usable(common.folder("design", target.job.data.name, target.job.name), "design.json")
    with common.memory() as memory, progress() as report:
        found = design(target, asked, report, memory)
    found = found.model_copy(update={"command": command()})
    said = "The report is {folder}/report.html"
    deliver(to_json(found), design_table(found), common.as_json, folder, lambda: report_of(found), said)
