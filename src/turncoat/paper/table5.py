"""Table 5: membership inference, with and without gradient scaling (section 5.3)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turncoat.experiments.experiment import Experiment, versions
from turncoat.jobs.job import Job
from turncoat.paper.options import Options
from turncoat.paper.rows import measured_row, source
from turncoat.results import published
from turncoat.results.reproduction import Mark, Reproduction, Row, higher, kept, not_run
from turncoat.results.result import Result
from turncoat.results.values import STAND_IN, Measured

TRIALS = {"lr": 100, "mlp": 40}  # 10 scaled records each
FEW = 10  # of rows that show something else than the paper's number
LOSS = 0.02  # the accuracy that scaling costs on Fashion-MNIST, at most (section 5.3)
DATA = ("fmnist", "texas100", "purchase100", "location30", "digits")
THE_PAPERS, OURS = "the other records untouched, as the paper", "the others opposed"
Settings = Mapping[str, Any]


def table5(options: Options) -> Reproduction:
    """True positive rates at 0.1 % and 1 % false positive rate; 64 shadow models for each data set and model."""
    began = time.perf_counter()
    rows = [
        row
        for name in DATA
        if options.wants(name)
        for model in ("lr", "mlp")
        for row in _rows(name, model, options)
    ]
    return Reproduction(
        table="Table 5",
        title="Membership inference amplified by gradient scaling",
        rows=tuple(rows),
        notes=(
            "10 records are scaled in each training run; the paper does not say how many. One split, one attacked "
            "model a trial; all trials are pooled at one threshold, and a non-member counts once however many "
            "models judge it",
            "Without scaling every record is scored by its own class, with scaling by the target class (section 5.3)",
            "The score is LiRA, offline and one-sided, from shadow models on bootstraps of the adversary's records",
        ),
        settings=options.settings(),
        seconds=time.perf_counter() - began,
        versions=versions(),
    )


def _rows(name: str, model: str, options: Options) -> list[Row]:
    """The rows of a data set and model: the attack as we would run it, and where it has a paper, the paper's."""
    printed = published.MEMBERSHIP.get((name, model), {})
    found, why = source(name, options) if name in ("texas100", "purchase100") else (name, "")
    if why:
        return [not_run(OURS, found if found == name else f"{found} {STAND_IN}", model, printed, why)]
    real = bool(printed) and found == name
    kinds: list[tuple[str, Settings]] = [
        (OURS, {}),
        *([(THE_PAPERS, {"others": "untouched"})] if real else []),
    ]
    return [
        _row(title, found, model, settings, printed if real else {}, options) for title, settings in kinds
    ]


def _row(
    title: str, name: str, model: str, settings: Settings, printed: Mapping[str, float], options: Options
) -> Row:
    job = Job(name, model, protocol=options.protocol or "crypten", engine=options.engine)
    trials = options.trials or (TRIALS[model] if printed else FEW)
    experiment = Experiment("membership", job, dict(settings), trials, options.seed)
    return measured_row(title, experiment, printed, options, compared, columns)


def columns(result: Result) -> dict[str, Measured]:
    """A record's numbers under the table's headings."""
    honest, attacked = result.honest.measures, result.attacked.measures
    return {
        "TPR at 0.1 %, scaling": attacked["tpr 0.001"],
        "TPR at 1 %, scaling": attacked["tpr 0.01"],
        "TPR at 0.1 %, no scaling": honest["tpr 0.001"],
        "TPR at 1 %, no scaling": honest["tpr 0.01"],
        "accuracy, no attack": result.honest.accuracy,
        "accuracy, attack": result.attacked.accuracy,
        "FPR reached, scaling": attacked["fpr 0.001"],
        "FPR reached, no scaling": honest["fpr 0.001"],
    }


def compared(ours: Mapping[str, Measured], printed: Mapping[str, float]) -> dict[str, Mark]:
    """The marks: high with scaling, in agreement without, and an accuracy that nobody misses."""
    marks: dict[str, Mark] = {}
    for column, value in printed.items():
        if "no scaling" in column:
            marks[column] = agrees(ours[column], value)
        else:
            marks[column] = higher(ours[column], value, 0.0005)
    marks["accuracy, attack"] = kept(ours["accuracy, no attack"], ours["accuracy, attack"], LOSS, 0.0005)
    return marks


def agrees(ours: Measured, value: float, digits: float = 0.0005) -> Mark:
    """The mark of a baseline: the paper's number lies in our interval, to its last digit."""
    return "reached" if ours.low - digits <= value <= ours.high + digits else "short"
