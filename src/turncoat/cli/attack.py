"""`turncoat attack`: one attack on a training job, honest beside attacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from turncoat import attacks
from turncoat.cli.job_options import Given
from turncoat.cli.options import Group as Options
from turncoat.cli.options import grouped, without_effect
from turncoat.cli.screen import as_text, aside, deliver, progress, report_of, say, screen, show, usable
from turncoat.cli.working import Working
from turncoat.experiments import monitored
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.report import terminal
from turncoat.results.json import to_json

app = typer.Typer(add_completion=False)
TRIALS = 10

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The attack; `--list` shows all.")]
Own = Annotated[str | None, typer.Argument(metavar="JOB", help="Your own job, as package.module:name.")]
Trials = Annotated[
    int | None, typer.Option(help=f"How often honest and attacked runs are repeated; {TRIALS} by default.")
]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of the attack's, key=value; `attack NAME --help` lists them."),
]


@dataclass(frozen=True)
class Ways(Options):
    """How an attack is run, or that none is."""

    monitor: Annotated[
        bool,
        typer.Option("--monitor", help="Warn where arguments leave the domains of the protocol's functions."),
    ] = False
    listing: Annotated[bool, typer.Option("--list", help="Say what each attack is, and run none.")] = False
    goal: Annotated[
        str | None, typer.Option(help="What `search` descends towards; the same as --set aim=...")
    ] = None
    minutes: Annotated[
        float | None, typer.Option(help="Minutes of a `search`, at most; the same as --set minutes=...")
    ] = None

    def settings(self, pairs: list[str] | None) -> Mapping[str, Any]:
        """The attack's settings: those by --set, and those that have an option."""
        found = dict(settings_of(pairs or []))
        for name, option, value in (("aim", "goal", self.goal), ("minutes", "minutes", self.minutes)):
            if value is None:
                continue
            if name in found:
                raise Refusal(f"--{option} and --set {name} say the same; leave one out")
            found[name] = value
        return found


class AttackCommand(TyperCommand):
    """The verb, whose help also lists the settings of an attack that is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["attack"] = next((word for word in args if word in attacks.CATALOGUE), None)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        if ctx.meta.get("attack"):
            screen.print(settings_table(ctx.meta["attack"]))


@app.command(cls=AttackCommand)
@grouped
def attack(
    name: Name = None,
    own: Own = None,
    *,
    given: Given,
    trials: Trials = None,
    settings: Pairs = None,
    ways: Ways,
    common: Working,
) -> None:
    """Runs one attack: honest beside attacked, from the same seeds."""
    if ways.listing:
        nothing_else: dict[str, Any] = {"trials": trials, "set": settings, "monitor": ways.monitor}
        nothing_else |= {"goal": ways.goal, "minutes": ways.minutes, "out": common.out}
        without_effect("beside --list", **given.given, **nothing_else)
        if name is not None:
            raise Refusal(
                f"--list says what every attack is; `turncoat attack {name} --help` says more of one"
            )
        show(as_text(_listed()), _list_table(), common.as_json)
        return
    if name is None:
        raise Refusal("name an attack; `turncoat attack --list` shows all")
    count = TRIALS if trials is None else trials
    job = given.target(own)
    named = (job.data, job.model) if isinstance(job, Setup) else (job.job.name,)
    of_job = (job.protocol, job.engine) if isinstance(job, Setup) else job.names
    folder = usable(common.folder(name, *named, *of_job), "result.json")
    _run(Experiment(name, job, ways.settings(settings), count, common.seed), ways.monitor, common, folder)


def _run(experiment: Experiment, monitor: bool, common: Working, folder: Path) -> None:
    with common.memory() as memory, progress() as report:
        command = (experiment.command or "") + (" --monitor" if monitor else "")
        result = run(experiment, report, command, sweep=True, memory=memory)
    if monitor:
        with aside():
            found = monitored.notes(experiment)
        result = result.model_copy(update={"notes": result.notes + found})
        for note in found:
            say(note, "yellow")
    table, said = terminal.attack_table(result), "The results are in {folder}"
    deliver(to_json(result), table, common.as_json, folder, lambda: report_of(result), said)


# ---- settings ---------------------------------------------------------------------------------------------


def settings_of(pairs: list[str]) -> Mapping[str, Any]:
    """The settings of an attack, of `key=value` pairs; Refusal for what is no pair, or given twice."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Refusal(f"--set takes key=value, not {pair!r}")
        if key in found:
            raise Refusal(f"--set {key} is given twice; leave one out")
        found[key] = _number(value)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def settings_table(name: str) -> RenderableType:
    """An attack's settings: what each means, what it takes, and its default."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Setting", no_wrap=True)
    table.add_column("Default", no_wrap=True)
    table.add_column("Meaning")
    for setting in attacks.kind(name).known():
        default = "" if setting.default is None else str(setting.default)
        meaning = Group(Text(setting.meaning), Text(setting.takes, "dim"))
        table.add_row(Text(setting.name), Text(default), meaning)
    return Group(
        Text.assemble((name, "bold"), f": {_does(name)}"), Text("\nSettings, by --set key=value:"), table
    )


def _list_table() -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for name in attacks.CATALOGUE:
        table.add_row(Text(name, "bold"), Text(_does(name)))
    return table


def _listed() -> dict[str, Any]:
    every = [
        {"name": name, "does": _does(name), "settings": [asdict(s) for s in kind.known()]}
        for name, kind in attacks.CATALOGUE.items()
    ]
    return {"format": "turncoat.attacks/1", "attacks": every}


def _does(name: str) -> str:
    """An attack in one line: the first of its docstring."""
    return (attacks.kind(name).__doc__ or "").strip().splitlines()[0]
