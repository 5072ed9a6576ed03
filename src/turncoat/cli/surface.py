"""`turncoat surface`: every site of a training step, and what an error there does."""

from __future__ import annotations

from dataclasses import replace

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from turncoat.cli.audit import Example, Public, Step, names
from turncoat.cli.job_options import Given
from turncoat.cli.options import Common, grouped, without_effect
from turncoat.cli.screen import as_text, aside, deliver, say, usable
from turncoat.core.surface import Surface
from turncoat.experiments import verdict
from turncoat.experiments.trial import Trial
from turncoat.jobs import finding, user_step
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.report import terminal
from turncoat.report.words import sentence

app = typer.Typer(add_completion=False)
DIFFERENTIATED = (
    "automatic differentiation decides the circuit of a gradient in your function, as it does in SPU: the same "
    "function written in another way can have other sites"
)


@app.command()
@grouped
def surface(
    step: Step = None, *, given: Given, example: Example = None, public: Public = None, common: Common
) -> None:
    """Lists every site of a training step, and what an error there does."""
    folder = common.out and usable(common.out, "surface.json")
    with aside():  # what the user's module prints as it is imported
        own = finding.job(step) if step else None
    if step is None or own is not None:
        without_effect("without a step of your own", example=example, public=public)
        without_effect("on the surface, which a defence leaves as it is", defence=given.given.get("defence"))
        deployed = given.job().deployed(common.seed) if own is None else Deployed.of(own, *given.of_own())
        with aside():
            check(deployed.job)
            for note in deployed.job.data.notes:
                say(sentence(note))
            found = Trial.of(deployed, common.seed).surface
    else:
        protocol, engine = given.of_a_step()
        with aside():
            found = user_step.load(step, protocol, engine, example, names(public)).surface()
        found = replace(found, notes=(*found.notes, DIFFERENTIATED))
    text = as_text(_plain(found))
    said = "The results are in {folder}"
    deliver(text, _table(found), common.as_json, folder, lambda: {"surface.json": text}, said)


def _table(found: Surface) -> RenderableType:
    heading = f"{len(found)} sites under protocol {found.protocol} on engine {found.engine}"
    hints = [Text(f"Hint: {hint}", "yellow") for hint in found.hints]
    table = terminal.surface_table(verdict.site_rows(found), verdict.clean_sites(found))
    return Group(Text(heading), table, *map(Text, found.notes), *hints)


def _plain(found: Surface) -> dict[str, object]:
    return {
        "format": "turncoat.surface/1",
        "protocol": found.protocol,
        "engine": found.engine,
        "outputs": list(found.outputs),
        "sites": found.rows(),
        "shiftable": {o: list(sites) for o, sites in verdict.clean_sites(found).items()},
        "hints": list(found.hints),
        "notes": list(found.notes),
    }
