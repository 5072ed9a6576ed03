"""The command line: verbs only. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from turncoat import attacks, data, engines, paper, protocols
from turncoat.core.surface import Surface
from turncoat.experiments import audit, monitored
from turncoat.experiments.experiment import Experiment, again, run
from turncoat.experiments.trial import Trial
from turncoat.jobs import models, user_step
from turncoat.jobs.job import Job
from turncoat.refusal import Refusal
from turncoat.report import terminal
from turncoat.report.files import pictures, result_files
from turncoat.report.folder import save, usable
from turncoat.report.html import audit_html
from turncoat.report.reproduction import reproduction_table
from turncoat.results import published
from turncoat.results.audit import AuditResult
from turncoat.results.json import to_json
from turncoat.results.json import to_json as reproduction_json
from turncoat.results.result import Result

HELP = "Audits machine-learning training under passively secure multiparty computation (MPC)."
app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
data_app = typer.Typer(help="List, fetch and verify data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
screen, notices = Console(), Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        screen.print(version("turncoat"), highlight=False)
        raise typer.Exit


@app.callback()
def _shared(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def _named(what: str, names: Any) -> str:
    return f"{what}: {', '.join(names)}"


Data = Annotated[str, typer.Option(help="A data set (see `turncoat data list`) or a file.npz / file.csv.")]
ModelName = Annotated[str, typer.Option(help=_named("The model", models.CATALOGUE))]
Hidden = Annotated[str, typer.Option(help="Sizes of the dense hidden layers, e.g. 128 or 64,32.")]
Protocol = Annotated[str, typer.Option(help=_named("The protocol", protocols.CATALOGUE))]
EngineName = Annotated[
    str,
    typer.Option(
        help=_named("The engine", engines.CATALOGUE) + "; with options: ring:precision=20,monitor=true."
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training records.")]
Batch = Annotated[int | None, typer.Option(help="Records in a batch.")]
Rate = Annotated[float | None, typer.Option(help="The learning rate.")]
Momentum = Annotated[float | None, typer.Option(help="Heavy-ball momentum; none by default.")]
Decay = Annotated[float | None, typer.Option(help="Weight decay; none by default.")]
Trials = Annotated[int, typer.Option(help="How often honest and attacked runs are repeated.")]
Seed = Annotated[int, typer.Option(help="Where all randomness starts.")]
Out = Annotated[Path | None, typer.Option(help="The folder for the results.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Step = Annotated[str | None, typer.Argument(help="Your own step, as package.module:function.")]
Monitor = Annotated[
    bool,
    typer.Option("--monitor", help="Warn where arguments leave the domains of the protocol's functions."),
]
Example = Annotated[
    str | None, typer.Option(help="package.module:function that returns the step's arguments as a tuple.")
]


@app.command("audit")
def audit_command(
    step: Step = None, data: Data = "digits", model: ModelName = "lr", hidden: Hidden = "128",
    protocol: Protocol = "crypten", engine: EngineName = "reals", epochs: Epochs = None, batch: Batch = None,
    learning_rate: Rate = None, momentum: Momentum = None, weight_decay: Decay = None, trials: Trials = 5,
    example: Example = None, seed: Seed = 0, out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Runs every attack on a training job and says whether passive security is enough for it."""
    folder = usable(out or Path("results") / f"audit-{_slug(step or data)}{'' if step else '-' + model}")
    if step is None:
        job = Job(
            data,
            model,
            _sizes(hidden),
            protocol,
            engine,
            epochs,
            batch,
            learning_rate,
            momentum,
            weight_decay,
        )
        with _Progress() as report:
            found = audit.audit(job, trials=trials, seed=seed, progress=report, command=_command())
    else:
        found = audit.audit_target(user_step.load(step, protocol, engine, example), _command())
    files: dict[str, bytes | str] = {"audit.json": to_json(found), "report.html": audit_html(found)}
    for result in found.results:
        files |= pictures(result)
    folder = save(folder, files)
    _show(found, terminal.audit_table(found), as_json)
    notices.print(f"The report is {folder / 'report.html'}", soft_wrap=True, markup=False, highlight=False)


@app.command("attack")
def attack_command(
    name: Annotated[str, typer.Argument(help=_named("The attack", attacks.CATALOGUE))],
    data: Data = "digits", model: ModelName = "lr", hidden: Hidden = "128", protocol: Protocol = "crypten",
    engine: EngineName = "reals", epochs: Epochs = None, batch: Batch = None, learning_rate: Rate = None,
    momentum: Momentum = None, weight_decay: Decay = None, trials: Trials = 10,
    settings: Annotated[list[str] | None, typer.Option("--set", help="An attack's setting, key=value.")] = None,
    monitor: Monitor = False, seed: Seed = 0, out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Runs one attack: honest beside attacked, from the same seeds."""
    job = Job(
        data, model, _sizes(hidden), protocol, engine, epochs, batch, learning_rate, momentum, weight_decay
    )
    experiment = Experiment(name, job, _settings(settings or []), trials, seed)
    folder = usable(out or Path("results") / "-".join([name, _slug(data), model, protocol, _slug(engine)]))
    with _Progress() as report:
        command = again(experiment) + (" --monitor" if monitor else "")
        result = run(experiment, report, published.published(name, data, model), command, sweep=True)
    if monitor:
        found = monitored.notes(experiment)
        result = result.model_copy(update={"notes": result.notes + found})
        for note in found:
            notices.print(note, style="yellow", soft_wrap=True, markup=False, highlight=False)
    folder = save(folder, result_files(result))
    _show(result, terminal.attack_table(result), as_json)
    notices.print(f"The results are in {folder}", soft_wrap=True, markup=False, highlight=False)


@app.command("surface")
def surface_command(
    step: Step = None, data: Data = "digits", model: ModelName = "lr", hidden: Hidden = "128",
    protocol: Protocol = "crypten", engine: EngineName = "reals", epochs: Epochs = None, batch: Batch = None,
    learning_rate: Rate = None, momentum: Momentum = None, weight_decay: Decay = None, example: Example = None,
    seed: Seed = 0, out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Lists every site of a training step, and what an error there does."""
    if step is None:
        job = Job(
            data,
            model,
            _sizes(hidden),
            protocol,
            engine,
            epochs,
            batch,
            learning_rate,
            momentum,
            weight_decay,
        )
        found = Trial.of(_load(data, seed), job, seed).surface
    else:
        found = user_step.load(step, protocol, engine, example).surface()
    rows, shiftable = audit.site_rows(found), audit.clean_sites(found)
    text = json.dumps(_surface_json(found), indent=2)
    if out is not None:
        save(out, {"surface.json": text + "\n"})
    if as_json:
        print(text)
        return
    screen.print(
        f"{len(found)} sites under protocol {found.protocol} on engine {found.engine}", highlight=False
    )
    screen.print(terminal.surface_table(rows, shiftable))
    for note in found.notes:
        screen.print(note, markup=False, highlight=False)
    for hint in found.hints:
        screen.print(f"Hint: {hint}", style="yellow", markup=False, highlight=False)


@app.command("reproduce")
def reproduce_command(
    name: Annotated[str, typer.Argument(help=_named("The table or figure", paper.CATALOGUE))],
    data: Annotated[str | None, typer.Option(help="Only the rows of this data set.")] = None,
    protocol: Annotated[str | None, typer.Option(help=_named("The protocol", protocols.CATALOGUE))] = None,
    engine: EngineName = "reals",
    trials: Annotated[int | None, typer.Option(help="Trials a row; the table's own number by default.")] = None,
    seed: Seed = 0, out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Runs a table or figure of the paper and shows our numbers beside the paper's."""
    make = paper.get(name)
    folder = usable(out or Path("results") / f"reproduce-{name}")
    with _Progress() as report:
        options = paper.Options(trials, protocol, engine, data, seed, report)
        found = make(options)
    found = found.model_copy(update={"command": _command()})
    text = reproduction_json(found)
    folder = save(folder, {"reproduction.json": text, **options.images})
    if as_json:
        print(text, end="")
    else:
        screen.print(reproduction_table(found))
    notices.print(f"The results are in {folder}", soft_wrap=True, markup=False, highlight=False)


def _surface_json(found: Surface) -> dict[str, Any]:
    return {
        "format": "turncoat.surface/1",
        "protocol": found.protocol,
        "engine": found.engine,
        "outputs": list(found.outputs),
        "sites": found.rows(),
        "shiftable": {o: list(sites) for o, sites in audit.clean_sites(found).items()},
        "hints": list(found.hints),
        "notes": list(found.notes),
    }


# ---- data -------------------------------------------------------------------------------------------------


@data_app.command("list")
def data_list(seed: Seed = 0, out: Out = None, as_json: Json = False) -> None:
    """Lists the data sets, and which of them are on this machine."""
    _show_rows(data.catalogue(), out, as_json)


@data_app.command("fetch")
def data_fetch(name: str, seed: Seed = 0, out: Out = None, as_json: Json = False) -> None:
    """Downloads a data set from its public source into the user's cache, and verifies it."""
    with _Progress() as report:
        row = data.fetch(name, lambda file, done, total: report(f"fetching {file}", done, total or 0))
    _show_rows([row], out, as_json)


@data_app.command("verify")
def data_verify(
    name: Annotated[str | None, typer.Argument(help="A data set; by default all that are here.")] = None,
    seed: Seed = 0, out: Out = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Compares a data set's files with their checksums."""
    present = [row.name for row in data.catalogue() if row.status != "absent"]
    _show_rows([data.verify(n) for n in ([name] if name else present)], out, as_json)


def _load(name: str, seed: int) -> data.Dataset:
    return data.load(name, seed=seed)


def _show_rows(rows: list[data.Row], out: Path | None, as_json: bool) -> None:
    plain = [asdict(row) for row in rows]
    text = json.dumps({"format": "turncoat.data/1", "data": plain}, indent=2, default=str)
    if out is not None:
        save(out, {"data.json": text + "\n"})
    if as_json:
        print(text)
        return
    table = Table(box=None, pad_edge=False)
    for heading in plain[0]:
        table.add_column(heading, overflow="fold")
    for row in plain:
        table.add_row(*("" if v is None else str(v) for v in row.values()))
    screen.print(table)


# ---- what the verbs share ---------------------------------------------------------------------------------


class _Progress:
    """A progress bar on standard error; `report(what, done, total)` moves it."""

    def __enter__(self) -> Any:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=notices, transient=True)
        self.tasks: dict[str, Any] = {}
        return self.report

    def report(self, what: str, done: int, total: int) -> None:
        self.bar.start()
        if what not in self.tasks:
            self.tasks[what] = self.bar.add_task(what, total=total or None)
        self.bar.update(self.tasks[what], completed=done, total=total or None)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


def _show(result: Result | AuditResult, table: Any, as_json: bool) -> None:
    if as_json:
        print(to_json(result), end="")
    else:
        screen.print(table)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise Refusal(f"--hidden takes sizes such as 128 or 64,32, not {text!r}") from None


def _settings(pairs: list[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise Refusal(f"--set takes key=value, not {pair!r}")
        found[key] = _number(value)
    return found


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(text).name)


def _command() -> str:
    return shlex.join(["turncoat", *sys.argv[1:]])


def main() -> None:
    """The entry point: refusals are one sentence on standard error and exit code 2."""
    warnings.showwarning = lambda message, *_: notices.print(
        f"Note: {message}", style="yellow", soft_wrap=True, markup=False, highlight=False
    )
    try:
        app()
    except Refusal as refusal:
        notices.print(f"turncoat: {refusal}", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2)
    except KeyboardInterrupt:
        notices.print("stopped; nothing was written")
        sys.exit(130)
