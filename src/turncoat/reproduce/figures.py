"""Figures 2 and 3: training records reconstructed by one large scaling in the last batch (section 5.4)."""

from __future__ import annotations

import time

from turncoat.experiment import Experiment, again, run, versions
from turncoat.refusal import Refusal
from turncoat.report.gallery import gallery_image
from turncoat.reproduce.options import Options
from turncoat.reproduction import Reproduction, Row, lower, not_run, overall
from turncoat.trials import Job

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
    try:
        record = run(experiment, options.progress)
    except Refusal as why:
        return not_run(READINGS[read], name, model, paper, str(why))
    if record.gallery:
        options.images[f"{table.lower().replace(' ', '')}-{name}-{read}.png"] = gallery_image(record.gallery)
    error = record.attacked.measures["mae"]
    marks = {"mean absolute error": lower(error, PAPER[model], 0.0005)} if paper else {}
    return Row(
        name=READINGS[read],
        data=record.data_label,
        model=model,
        paper=paper,
        ours={
            "mean absolute error": error,
            "records within 0.05": record.attacked.success,
            "accuracy, no attack": record.honest.accuracy,
            "accuracy, attack": record.attacked.accuracy,
        },
        marks=marks,
        mark=overall(marks),
        trials=record.trials,
        errors=record.errors,
        command=again(experiment),
    )
