"""Experiments as rows of a table: run them, and set their numbers beside the paper's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from turncoat.experiments.experiment import Experiment
from turncoat.jobs.setup import Setup
from turncoat.paper.options import Options, real_or_stand_in
from turncoat.refusal import Refusal
from turncoat.report.gallery import gallery_image
from turncoat.results.published import published
from turncoat.results.reproduction import Mark, Row, higher, kept, not_run, overall
from turncoat.results.result import Paper, Result
from turncoat.results.values import STAND_IN, Measured

TRIALS = 10
KINDS = {"honest": "no attack", "poisoned": "no scaling", "attacked": "attack"}
LOSS = 0.01  # an accuracy that falls by no more is kept, whatever the paper lost
COSTLY = {"texas100-like": "its 6,169 features take very long"}

Columns = Mapping[str, Measured]
Printed = Mapping[str, float | str]


@dataclass(frozen=True, eq=False)
class Line:
    """A row as it is planned: an attack with its settings on a data set, or on its stand-in.

    `job` holds the model and further options of the training job, its protocol where that is not crypten and
    none is asked for; `paper` are the published numbers by column (by default what the paper prints for this
    attack, data set and model). `trials` hold where there are such numbers, elsewhere TRIALS do; `papers_way`
    marks a row that only stands beside the paper's number, which no stand-in is held against. `picture` names
    the file for the images that the attack recovers.
    """

    title: str
    attack: str
    data: str
    job: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: Printed | None = None
    trials: int = TRIALS
    papers_way: bool = False
    picture: str = ""

    @property
    def printed(self) -> Printed:
        """The paper's numbers by column; none if there are none."""
        return (
            printed(published(self.attack, self.data, self.job["model"]))
            if self.paper is None
            else self.paper
        )


def printed(paper: Paper | None) -> dict[str, float]:
    """The paper's numbers under the tables' headings; none if there is no paper."""
    if paper is None:
        return {}
    named = {
        f"{measure}, {label}": getattr(paper, f"{kind}_{measure}")
        for kind, label in KINDS.items()
        for measure in ("accuracy", "success")
    }
    return {name: value for name, value in named.items() if value is not None}


def columns(result: Result) -> dict[str, Measured]:
    """A result's accuracies and rates of success under the same headings."""
    runs = {kind: getattr(result, kind) for kind in KINDS}
    return {
        f"{measure}, {KINDS[kind]}": getattr(outcome, measure)
        for kind, outcome in runs.items()
        if outcome is not None
        for measure in ("accuracy", "success")
    }


def compared(ours: Columns, paper: Mapping[str, Any]) -> dict[str, Mark]:
    """The marks: a success at least the paper's, an accuracy that falls no further than its, or than LOSS."""
    marks: dict[str, Mark] = {}
    if "success, attack" in paper:
        value = paper["success, attack"]
        marks["success, attack"] = higher(ours["success, attack"], value, half_digit(value))
    if "accuracy, attack" in paper:
        loss = max(LOSS, paper["accuracy, no attack"] - paper["accuracy, attack"])
        marks["accuracy, attack"] = kept(ours["accuracy, no attack"], ours["accuracy, attack"], loss)
    return marks


def half_digit(value: float) -> float:
    """Half a unit of the last digit that the paper prints, and of the second decimal at least."""
    decimals = len(repr(value).partition(".")[2])
    return 0.5 * 10.0 ** -max(decimals, 2)


def source(name: str, options: Options) -> tuple[str, str]:
    """The data set to run in the place of one that is named, and why it cannot be run ("" if it can)."""
    try:
        found = real_or_stand_in(name)
    except Refusal as why:
        return name, str(why)
    if found in COSTLY and options.data is None:
        return found, f"{COSTLY[found]}; choose it by --data {name}"
    return found, ""


@dataclass(frozen=True, eq=False)
class Plan:
    """A line as it is run here, on its `data` or their stand-in: an experiment, or why there is none."""

    line: Line
    data: str
    real: bool
    run: Experiment | str

    @property
    def paper(self) -> Printed:
        """The numbers that ours stand beside: no stand-in is held against the paper's."""
        return self.line.printed if self.real else {}


def _experiment(line: Line, found: str, real: bool, options: Options) -> Experiment:
    asked = {"protocol": options.protocol} if options.protocol else {}
    job = Setup(found, engine=options.engine, **{**line.job, **asked})
    trials = options.count(line.trials if real and line.printed else TRIALS)
    return Experiment(line.attack, job, dict(line.settings), trials, options.seed)


@dataclass(frozen=True, eq=False)
class Experiments:
    """The rows of a table of experiments: `columns` shows our numbers, `compared` gives their marks."""

    lines: tuple[Line, ...]
    columns: Callable[[Result], Columns] = columns
    compared: Callable[[Columns, Mapping[str, Any]], dict[str, Mark]] = compared

    def __call__(self, options: Options) -> Iterator[Row]:
        """The rows of the data sets that are wanted, one after the other."""
        return (self.row(plan, options) for plan in self.plans(options))

    def row(self, plan: Plan, options: Options) -> Row:
        """The row of a plan, which was not run where its data are not here."""
        if isinstance(plan.run, Experiment):
            return self.measured(plan, plan.run, options)
        label = plan.data if plan.real else f"{plan.data} {STAND_IN}"
        return not_run(plan.line.title, label, plan.line.job["model"], plan.line.printed, plan.run)

    def planned(self, options: Options) -> Iterator[Experiment]:
        """The experiments of these rows."""
        return (plan.run for plan in self.plans(options) if isinstance(plan.run, Experiment))

    def plans(self, options: Options) -> Iterator[Plan]:
        """What is to be done for the rows of the data sets that are wanted; nothing for a stand-in's paper."""
        for line in self.lines:
            if not options.wants(line.data):
                continue
            found, why = source(line.data, options)
            real = found == line.data
            if not line.papers_way or real:
                yield Plan(line, found, real, why or _experiment(line, found, real, options))

    def measured(self, plan: Plan, experiment: Experiment, options: Options) -> Row:
        """An experiment on a job beside the paper's numbers; a refusal makes a row that was not run."""
        line, paper = plan.line, plan.paper
        try:
            result = options.run(experiment)
        except Refusal as why:
            return not_run(line.title, plan.data, line.job["model"], paper, str(why))
        if line.picture and result.gallery:
            options.images[line.picture] = gallery_image(result.gallery)
        ours = self.columns(result)
        marks = self.compared(ours, paper) if paper else {}
        return Row(
            name=line.title,
            data=result.data_label,
            model=line.job["model"],
            paper={**paper},
            ours={**ours},
            marks=marks,
            mark=overall(marks),
            trials=result.trials,
            errors=result.errors,
            command=experiment.command,
        )
