"""An experiment as a row of a table: run it, and set its numbers beside the paper's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from turncoat.experiments.experiment import Experiment, again, run
from turncoat.jobs.job import Job
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
Compare = Callable[[Columns, Mapping[str, Any]], dict[str, Mark]]


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
    """A record's accuracies and rates of success under the same headings."""
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


def skipped(
    title: str, name: str, attack: str, job: Mapping[str, Any], options: Options, why: str
) -> Row | None:
    """A row that is not run unless it is asked for by its data set, because the stand-in takes long; else None."""
    found, absent = source(name, options)
    if options.data is not None or absent or found == name:
        return None
    return not_run(
        title, f"{found} {STAND_IN}", job["model"], printed(published(attack, name, job["model"])), why
    )


def attack_row(
    title: str,
    name: str,
    attack: str,
    job: Mapping[str, Any],
    options: Options,
    settings: Mapping[str, Any] | None = None,
    paper: Mapping[str, float] | None = None,
    compare: Compare = compared,
    show: Callable[[Result], dict[str, Measured]] = columns,
) -> Row:
    """A row: the attack on this data set, or on its stand-in, which is never held against the paper.

    `job` holds the model and further options of the training job; `paper` are the published numbers by column
    (by default what the paper prints for this attack, data set and model); `compare` gives the marks, `show`
    our columns. A refusal, such as data that are not here, makes a row that was not run.
    """
    model = job["model"]
    there = dict(printed(published(attack, name, model)) if paper is None else paper)
    found, why = source(name, options)
    if why:
        return not_run(title, found if found == name else f"{found} {STAND_IN}", model, there, why)
    if found != name:
        there = {}
    asked = Job(found, protocol=options.protocol or "crypten", engine=options.engine, **job)
    experiment = Experiment(attack, asked, dict(settings or {}), options.trials or TRIALS, options.seed)
    return measured_row(title, experiment, there, options, compare, show)


def measured_row(
    title: str,
    experiment: Experiment,
    paper: Mapping[str, Any],
    options: Options,
    compare: Compare,
    show: Callable[[Result], Mapping[str, Measured]],
    picture: str = "",
) -> Row:
    """An experiment beside the paper's numbers, if there are any; a refusal makes a row that was not run.

    `picture` is the name of the file for the images that it recovers.
    """
    job = experiment.job
    try:
        result = run(experiment, options.progress)
    except Refusal as why:
        return not_run(title, job.data, job.model, paper, str(why))
    if picture and result.gallery:
        options.images[picture] = gallery_image(result.gallery)
    ours = show(result)
    marks = compare(ours, paper) if paper else {}
    return Row(
        name=title,
        data=result.data_label,
        model=job.model,
        paper={**paper},
        ours={**ours},
        marks=marks,
        mark=overall(marks),
        trials=result.trials,
        errors=result.errors,
        command=again(experiment),
    )
