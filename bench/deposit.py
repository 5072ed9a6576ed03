"""How far the dead-neuron deposit goes: `python -m bench.deposit [--data fmnist] [--seeds 10] [PART ...]`.

Each part is a table of variations of one training job or of the attack. A row gives, over the seeds: the share
of records recovered (mean absolute error at most 0.05), the mean absolute error, the change of accuracy
with its interval, and what a screen of the released model's norms sees (the largest norm of a neuron's
weights over the median one; in brackets that of the honest model).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from turncoat import attacks, data
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import train
from turncoat.jobs.setup import Setup
from turncoat.metrics import crossed_rate, paired_difference
from turncoat.metrics.screens import norm_ratio

BASE = {"records": 10, "strength": 30.0}
PARTS: dict[str, list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]] = {
    "records": [(f"{n} records", {}, {"records": n}) for n in (1, 10, 40)],
    "strength": [(f"strength {s:g}", {}, {"strength": s}) for s in (3.0, 10.0, 30.0, 100.0)],
    "reading": [("rescaled by the bias only", {}, {"prior": "none"}), ("most likely record", {}, {})],
    "step": [(f"at {share:.0%} of training", {}, {"at": share}) for share in (0.0, 0.5, 1.0)],
    "width": [(f"{h} neurons", {"hidden": (h,)}, {}) for h in (50, 100, 500)],
    "training": [
        ("depth 3 (100-50)", {"hidden": (100, 50)}, {}),
        ("momentum 0.9", {"momentum": 0.9, "learning_rate": 0.02}, {}),
        ("weight decay 0.001", {"weight_decay": 0.001}, {}),
        ("sigmoid output", {"model": "mlp-sigmoid", "halves": True}, {}),
        ("piecewise output", {"model": "mlp-sigmoid", "halves": True, "protocol": "secureml"}, {}),
        ("protocol mp-spdz", {"protocol": "mp-spdz"}, {}),
        ("protocol exact", {"protocol": "exact"}, {}),
    ],
    "linear": [
        (
            "softmax regression, a spare output",
            {"model": "lr", "spare": True},
            {"records": 1, "unit": 10, "strength": 10.0},
        )
    ],
    "screen": [
        (f"strength {s:g}, {copies} neurons a record", {}, {"records": 4, "strength": s, "copies": copies})
        for s, copies in ((30.0, 1), (3.0, 1), (1.0, 1), (3.0, 8), (1.0, 8), (0.5, 20), (0.3, 20))
    ],
}


def rows(parts: list[str], source: str, seeds: int) -> Iterator[str]:
    """The lines of the tables, as soon as each is known."""
    dataset = data.load(source)
    for part in parts:
        yield f"\n| {part} | recovered | mean absolute error | accuracy change, points | largest norm |"
        yield "|---|---|---|---|---|"
        for label, job, settings in PARTS[part]:
            yield row(label, dataset, dict(job), {**BASE, **settings}, seeds)


def row(
    label: str, dataset: data.Dataset, changes: dict[str, Any], settings: dict[str, Any], seeds: int
) -> str:
    """One variation over all seeds."""
    if changes.pop("halves", False):  # two classes: the first five and the last five
        dataset = replace(dataset, y=(2 * dataset.y // dataset.classes).astype(np.int32), classes=2)
    if changes.pop("spare", False):
        dataset = replace(dataset, classes=dataset.classes + 1)
    job = replace(Setup(dataset.name, "mlp", (100,)), **changes)
    found = [one(dataset, job, settings, seed) for seed in range(seeds)]
    honest, attacked, errors, flags, before, after = (list(column) for column in zip(*found, strict=True))
    change = paired_difference(honest, attacked, bounds=(-1, 1))
    share = crossed_rate(flags)
    return (
        f"| {label} | {share.mean:.1%} of {share.n} | {np.mean(errors):.4f} | {100 * change.mean:+.2f} "
        f"({100 * change.low:+.2f} to {100 * change.high:+.2f}) | {np.mean(after):.1f} ({np.mean(before):.1f}) |"
    )


def one(dataset: data.Dataset, job: Setup, settings: dict[str, Any], seed: int) -> tuple:
    """One seed: accuracies, error, records recovered, norms."""
    attack = attacks.get("deposit", settings)
    trial = Trial.of(job.deployed(dataset=dataset), seed).drawn(attack.goal)
    harness = Attacked(trial, attack)
    models = [train(trial.step, *trial.arguments(), t) for t in (None, attack.tampering(harness.plan))]
    honest, attacked = (harness.judged(*model, i == 1) for i, model in enumerate(models))
    norms = [norm_ratio(params["w0"]) for params, _ in models]
    accuracies = [float(run.correct.mean()) for run in (honest, attacked)]
    return (*accuracies, attacked.judged.measures["mae"], attacked.judged.flags, *norms)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    options.add_argument("--data", default="fmnist")
    options.add_argument("--seeds", type=int, default=10)
    chosen = options.parse_args()
    for line in rows(chosen.parts or list(PARTS), chosen.data, chosen.seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
