"""Tuning grids: `python -m bench.tune NAME [--trials 4]`, NAME one of GRIDS. Results stand in docs/tuning.md.

A grid never sees what is measured later: its training, adversary's and test records are all drawn from the
tuning part of the data set's split with seed 0, of which no record is in a test part, whatever the seed: either
there are official test records, or a reserve is kept for tuning. The tuning part is smaller than the victims',
so that 28 epochs make up the 2,000 steps of 10; a contributed record is seen 28 times then, and stands for 2.8.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from turncoat import data
from turncoat.data import Dataset, Part
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.results.result import Result


@dataclass(frozen=True)
class Grid:
    """An attack on jobs, and for each setting (or option of the job) the values to try."""

    attack: str
    jobs: tuple[Setup, ...]
    settings: Mapping[str, tuple[Any, ...]]
    fixed: Mapping[str, Any] = field(default_factory=dict)


# Fashion-MNIST: every attack but fairness
FMNIST = {model: Setup("fmnist", model, epochs=28, batch=100, learning_rate=0.1) for model in ("lr", "mlp")}
BOTH = tuple(FMNIST.values())
# Census: fairness alone, by party
CENSUS = {
    (model, rate, momentum): Setup(
        "acs_income", model, (50,), epochs=10, batch=100, learning_rate=rate, momentum=momentum
    )
    for model in ("lr-sigmoid", "mlp-sigmoid")
    for rate, momentum in ((0.001, None), (0.001, 0.9), (0.01, None), (0.1, None))
}
TABLE6 = tuple(job for (_, rate, _), job in CENSUS.items() if rate == 0.1)
GRIDS = {
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
        BOTH,
        {"copies": (2, 4), "strength": (-2.0, -5.0)},
        {"against": "nothing", "begin": 0.0},
    ),
    "gradient-amplification": Grid(
        "gradient-amplification",
        (Setup("fmnist", "mlp", (32,), engine="replicated", epochs=10, batch=100, learning_rate=0.1),),
        {"strength": (-1, -3, -5)},
    ),
    "amplified-backdoor-lr": Grid(
        "amplified-backdoor",
        (FMNIST["lr"],),
        {"records": (20, 80), "against": ("nothing", "rival"), "strength": (-3.0, -10.0)},
    ),
    "amplified-backdoor-mlp": Grid(
        "amplified-backdoor",
        (FMNIST["mlp"],),
        {"records": (20, 80), "against": ("rival",), "strength": (-3.0, -10.0)},
    ),
    "targeted-override": Grid(
        "targeted-override",
        (FMNIST["mlp"],),
        {"strength": (5.0, 20.0, 100.0), "output": (2.0, 10.0, 50.0)},
    ),
    "amplified-svm": Grid(
        "amplified-poisoning",
        (Setup("acs_income", "svm", epochs=10, batch=100),),
        {"through": ("derivative", "margin"), "strength": (-2.0, -5.0, -20.0)},
    ),
    "amplified-svm-squared": Grid(
        "amplified-poisoning",
        (Setup("acs_income", "svm-squared", epochs=10, batch=100),),
        {"through": ("derivative", "margin", "flip"), "strength": (-2.0, -5.0, -20.0)},
    ),
    "availability": Grid("availability", (FMNIST["lr"],), {"strength": (0.03, 0.1, 0.3, 0.32, 1.0, 3.0)}),
    "availability-network": Grid("availability", (FMNIST["mlp"],), {"strength": (0.3, 1.0, 3.0)}),
    "availability-scaling": Grid("availability", BOTH, {"strength": (-0.5, -1.0, -2.0)}, {"by": "scaling"}),
    "backdoor": Grid("backdoor", (FMNIST["lr"],), {"strength": (0.01, 0.03, 0.1, 0.3, 1.0)}),
    "backdoor-all": Grid(
        "backdoor", (FMNIST["lr"],), {"strength": (0.01, 0.02, 0.03, 0.05, 0.1)}, {"rows": "all"}
    ),
    "deposit": Grid("deposit", (FMNIST["mlp"],), {"strength": (3.0, 10.0, 30.0, 100.0)}),
    "deposit-at": Grid("deposit", (FMNIST["mlp"],), {"at": (0.0, 0.5, 1.0)}),
    "membership-lr": Grid(
        "membership",
        (FMNIST["lr"],),
        {"others": ("untouched", "opposed"), "strength": (-3.0, -6.0, -9.0, -15.0)},
    ),
    "membership-mlp": Grid(
        "membership", (FMNIST["mlp"],), {"others": ("untouched", "opposed"), "strength": (-2.0, -4.5, -9.0)}
    ),
    "membership-many": Grid(
        "membership", (FMNIST["lr"],), {"strength": (-0.3125, -0.625, -1.25, -2.5, -5.0)}, {"records": 70}
    ),
    "neuron-override": Grid(
        "neuron-override", (FMNIST["mlp"],), {"strength": (0.03, 0.1, 0.3), "output": (0.01, 0.05, 0.2)}
    ),
    "reconstruction": Grid("reconstruction", BOTH, {"strength": (1e3, 1e4, 1e5), "read": ("neuron", "all")}),
    "sparse-backdoor": Grid("sparse-backdoor", (FMNIST["mlp"],), {"rehearsed": (1, 4, 12, 24)}),
    "sparse-backdoor-slack": Grid("sparse-backdoor", BOTH, {"slack": (1.0, 1.5, 2.0)}),
    "sparse-backdoor-loss": Grid("sparse-backdoor", (FMNIST["mlp"],), {"loss": (0.0, 0.005, 0.02)}),
    "targeted": Grid("targeted", (FMNIST["lr"],), {"margin": (1.0, 2.0, 3.0, 4.0, 6.0)}),
    "targeted-gradient": Grid(
        "targeted", (FMNIST["lr"],), {"strength": (0.005, 0.01, 0.015, 0.02, 0.03)}, {"transfer": "gradient"}
    ),
    # Fairness, on Census
    "fairness": Grid(
        "fairness",
        TABLE6,
        {"balance": (1.0, 1.25, 1.5), "strength": (-1.0, -1.3, -1.6, -2.0)},
        {"records": 800},
    ),
    "fairness-begin": Grid("fairness", TABLE6, {"begin": (0.0, 0.5, 0.8, 0.9)}, {"records": 800}),
    "fairness-untouched": Grid(
        "fairness",
        TABLE6,
        {"begin": (0.0, 0.8, 0.9), "strength": (2.0, 1.5, 1.0, -2.0)},
        {"records": 800, "others": "untouched"},
    ),
    "fairness-rate": Grid(
        "fairness", tuple(CENSUS.values()), {"strength": (2.0,)}, {"records": 800, "others": "untouched"}
    ),
    "fairness-zeroing": Grid(
        "fairness",
        tuple(job for (model, *_), job in CENSUS.items() if model == "mlp-sigmoid"),
        {"by": ("zeroing",)},
        {"records": 800},
    ),
}


def tuning_part(whole: Dataset) -> Part:
    """The tuning part of a data set's split with seed 0; Refusal where another seed's test part would meet it."""
    if whole.test_from is None and whole.reserve is None:
        raise Refusal(
            f"nothing can be tuned on {whole.label}: it has neither official test records nor a reserve, so that "
            "what is tuned on would be measured on, with another seed; take fmnist or acs_income."
        )
    return data.split(whole, 0).tuning


def to_tune_on(name: str) -> Dataset:
    """The tuning part as a data set of its own."""
    whole = data.load(name)
    part = tuning_part(whole)
    return replace(whole, x=part.x, y=part.y, party=part.party, test_from=None, reserve=None)


def rows(grid: Grid, trials: int) -> Iterator[str]:
    """The lines of the table, as soon as each is known."""
    dataset, name = None, ""
    measures: list[str] = []
    for job in grid.jobs:
        if job.data != name:
            dataset, name = to_tune_on(job.data), job.data
        for values in product(*grid.settings.values()):
            chosen = dict(zip(grid.settings, values, strict=True))
            record = run(Experiment(grid.attack, job, {**grid.fixed, **chosen}, trials), dataset=dataset)
            if not measures:
                measures = ["model", *chosen, "accuracy", "success", *record.attacked.measures]
                yield "| " + " | ".join(measures) + " |"
                yield "|" + "---|" * len(measures)
            yield "| " + " | ".join([label(job, grid), *map(str, values), *columns(record)]) + " |"


def label(job: Setup, grid: Grid) -> str:
    """A job by its model, and by its learning rate and momentum where those of the grid differ."""
    rate = f", rate {job.learning_rate:g}" if len({j.learning_rate for j in grid.jobs}) > 1 else ""
    return job.model + rate + (f", momentum {job.momentum:g}" if job.momentum else "")


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
