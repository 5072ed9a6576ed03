"""Tuning grids: `python -m bench.tune NAME [--trials 4]`, NAME one of GRIDS. Results stand in docs/tuning.md.

A grid never sees what is measured later: its training, adversary's and test records are all drawn from the
tuning part of the data set's split with seed 0 (official test records are not among them). The tuning part is
smaller than the victims', so that 28 epochs make up the 2,000 steps of 10; a contributed record is seen 28 times
then, and stands for 2.8.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from turncoat import data
from turncoat.data import Dataset
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.job import Job
from turncoat.results.result import Result


@dataclass(frozen=True)
class Grid:
    """An attack on jobs, and for each setting (or option of the job) the values to try."""

    attack: str
    jobs: tuple[Job, ...]
    settings: Mapping[str, tuple[Any, ...]]
    fixed: Mapping[str, Any] = field(default_factory=dict)


FMNIST = {model: Job("fmnist", model, epochs=28, batch=100, learning_rate=0.1) for model in ("lr", "mlp")}
CENSUS = tuple(
    Job("acs_income", model, (50,), epochs=10, batch=100, learning_rate=0.001, momentum=momentum)
    for model in ("lr-sigmoid", "mlp-sigmoid")
    for momentum in (None, 0.9)
)
GRIDS = {
    "targeted": Grid("targeted", (FMNIST["lr"],), {"margin": (1.0, 2.0, 3.0, 4.0, 6.0)}),
    "targeted-gradient": Grid(
        "targeted", (FMNIST["lr"],), {"strength": (0.005, 0.01, 0.015, 0.02, 0.03)}, {"transfer": "gradient"}
    ),
    "availability": Grid("availability", (FMNIST["lr"],), {"strength": (0.01, 0.03, 0.1, 0.3)}),
    "amplified-lr": Grid(
        "amplified-poisoning",
        (FMNIST["lr"],),
        {"copies": (2, 4), "strength": (-2.0, -3.0, -4.0, -5.0), "begin": (0.0,)},
    ),
    "amplified-mlp": Grid(
        "amplified-poisoning",
        (FMNIST["mlp"],),
        {"copies": (2,), "strength": (-2.0, -5.0), "begin": (0.0, 0.5)},
    ),
    "amplified-paper": Grid(
        "amplified-poisoning",
        (FMNIST["lr"], FMNIST["mlp"]),
        {"copies": (2, 4), "strength": (-2.0, -5.0)},
        {"against": "nothing", "begin": 0.0},
    ),
    "gradient-amplification": Grid(
        "gradient-amplification",
        (Job("fmnist", "mlp", (32,), engine="replicated", epochs=10, batch=100, learning_rate=0.1),),
        {"strength": (-1, -3, -5, -10)},
    ),
    "neuron-override": Grid(
        "neuron-override", (FMNIST["mlp"],), {"strength": (0.03, 0.1, 0.3), "output": (0.01, 0.05, 0.2)}
    ),
    "membership-lr": Grid(
        "membership",
        (FMNIST["lr"],),
        {"others": ("untouched", "opposed"), "strength": (-3.0, -6.0, -9.0, -15.0)},
    ),
    "membership-mlp": Grid(
        "membership", (FMNIST["mlp"],), {"others": ("untouched", "opposed"), "strength": (-2.0, -4.5, -9.0)}
    ),
    "fairness": Grid("fairness", CENSUS, {"strength": (-2.0, 2.0)}, {"records": 800}),
    "fairness-zeroing": Grid("fairness", CENSUS[2:], {"by": ("zeroing",)}, {"records": 800}),
    "fairness-opposed": Grid(
        "fairness", CENSUS, {"strength": (-2.0, -5.0, -10.0)}, {"records": 800, "others": "opposed"}
    ),
}


def tuning_part(name: str) -> Dataset:
    """The tuning part of a data set's split with seed 0, as a data set of its own."""
    whole = data.load(name)
    part = data.split(whole, 0).tuning
    return replace(whole, x=part.x, y=part.y, party=part.party, test_from=None)


def rows(grid: Grid, trials: int) -> Iterator[str]:
    """The lines of the table, as soon as each is known."""
    dataset, name = None, ""
    measures: list[str] = []
    for job in grid.jobs:
        if job.data != name:
            dataset, name = tuning_part(job.data), job.data
        for values in product(*grid.settings.values()):
            chosen = dict(zip(grid.settings, values, strict=True))
            record = run(Experiment(grid.attack, job, {**grid.fixed, **chosen}, trials), dataset=dataset)
            if not measures:
                measures = ["model", *chosen, "accuracy", "success", *record.attacked.measures]
                yield "| " + " | ".join(measures) + " |"
                yield "|" + "---|" * len(measures)
            model = job.model + (f", momentum {job.momentum:g}" if job.momentum else "")
            yield "| " + " | ".join([model, *map(str, values), *columns(record)]) + " |"


def columns(record: Result) -> list[str]:
    """Every rate of a record, as `cell` writes it."""
    names = ["accuracy", "success", *record.attacked.measures]
    return [cell(record, name) for name in names]


def cell(record: Result, name: str) -> str:
    """One rate as `honest > attacked`; between them that of the contributed records alone, where there are any."""
    runs = [r for r in (record.honest, record.poisoned, record.attacked) if r]
    found = [(getattr(r, name) if hasattr(r, name) else r.measures[name]).mean for r in runs]
    return " > ".join(f"{v:.4f}" for v in found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.tune", description=__doc__)
    parser.add_argument("name", choices=GRIDS)
    parser.add_argument("--trials", type=int, default=4)
    options = parser.parse_args()
    for line in rows(GRIDS[options.name], options.trials):
        print(line, flush=True)


if __name__ == "__main__":
    main()
