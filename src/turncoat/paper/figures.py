"""Figures 2 and 3: training records reconstructed by one large scaling in the last batch (section 5.4)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turncoat.experiments.experiment import Experiment, versions
from turncoat.jobs.job import Job
from turncoat.paper.options import Options
from turncoat.paper.rows import measured_row
from turncoat.results.reproduction import Mark, Reproduction, Row, lower
from turncoat.results.result import Result
from turncoat.results.values import Measured

TRIALS = 10
PAPER = {"lr": 0.017, "mlp": 0.036}
READINGS = {"neuron": "one neuron, as the paper", "all": "all neurons"}


def figure2(options: Options) -> Reproduction:
    """Reconstruction from logistic regression."""
    return _figure("Figure 2", "Reconstruction from logistic regression", "lr", options)


def figure3(options: Options) -> Reproduction:
    """Reconstruction from a neural network."""
    return _figure("Figure 3", "Reconstruction from a neural network", "mlp", options)


def _figure(table: str, title: str, model: str, options: Options) -> Reproduction:
    began = time.perf_counter()
    rows = [
        _row(table, name, model, read, options)
        for name in ("fmnist", "digits")
        if options.wants(name)
        for read in READINGS
    ]
    return Reproduction(
        table=table,
        title=title,
        rows=tuple(rows),
        notes=(
            "The mean absolute error is a share of the features' range",
            "The paper picks a neuron by eye; here the one is picked whose weights are best explained by a record of "
            "the adversary's own population, or one record is fitted to all neurons and denoised by a Gaussian "
            "fitted to the adversary's records",
        ),
        settings=options.settings(),
        seconds=time.perf_counter() - began,
        versions=versions(),
    )


def _row(table: str, name: str, model: str, read: str, options: Options) -> Row:
    paper: dict[str, float | str] = {}
    if name == "fmnist":
        paper = {"mean absolute error": PAPER[model], "accuracy, attack": 0.10}
    job = Job(name, model, protocol=options.protocol or "crypten", engine=options.engine)
    experiment = Experiment("reconstruction", job, {"read": read}, options.trials or TRIALS, options.seed)
    picture = f"{table.lower().replace(' ', '')}-{name}-{read}.png"
    return measured_row(READINGS[read], experiment, paper, options, compared, columns, picture)


def columns(result: Result) -> dict[str, Measured]:
    """A record's numbers under the figures' headings."""
    return {
        "mean absolute error": result.attacked.measures["mae"],
        "records within 0.05": result.attacked.success,
        "accuracy, no attack": result.honest.accuracy,
        "accuracy, attack": result.attacked.accuracy,
    }


def compared(ours: Mapping[str, Measured], paper: Mapping[str, Any]) -> dict[str, Mark]:
    """The mark: an error at most the paper's."""
    return {"mean absolute error": lower(ours["mean absolute error"], paper["mean absolute error"], 0.0005)}
