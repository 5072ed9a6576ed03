"""What screens of opened models see: `python -m bench.screens [--model mlp] [--honest 300] [--screens vicinity]`.

The first third of the honest models gives each screen its threshold (`--rate`), the others its measured false-alarm
rate; then the share of attacked models at which it raises an alarm, each with a 95 % interval. All models train on
splits, starts and orders of their own; splits share records, which the intervals do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from rich.console import Console
from rich.progress import track

from turncoat import attacks
from turncoat.defences.screens import SCREENS, Disagreement, Screen, Vicinity
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.screening import again, honest_model, opened, scores
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import train
from turncoat.jobs.setup import Setup
from turncoat.metrics import Interval, clopper_pearson
from turncoat.metrics.screens import alarm_threshold, least_rise

ATTACKS = {
    "lr": ("backdoor", "sparse-backdoor", "targeted", "reconstruction", "availability"),
    "mlp": ("sparse-backdoor", "neuron-override", "targeted-override", "deposit", "reconstruction"),
}
BOTH, FIRST = "second-run", "second-run, first attacked"
EVERY: dict[str, Screen] = {name: kind() for name, kind in SCREENS.items()} | {
    "vicinity": Vicinity(),
    BOTH: Disagreement(),
    FIRST: Disagreement(attacked="first"),
}
Said = dict[str, float]
"""What each screen says of a model, by its name."""


def watched(seeds: range, what: str) -> Iterable[int]:
    """Seeds, with progress on standard error."""
    return track(seeds, what, console=Console(stderr=True))


def said(names: list[str], trial: Trial, released: Any, second: Callable[[bool], Any]) -> Said:
    """What screens say of a model; `second(both)` is the model of a second training, attacked if both are."""
    found = {}
    for name in names:
        twice = EVERY[name].twice
        one = opened(trial, released, second(twice == "both") if twice else None)
        found[name] = scores([EVERY[name]], one)[EVERY[name]]
    return found


def honest(target: Deployed, names: list[str], seeds: range) -> Iterator[Said]:
    """Of honest models."""
    for seed in watched(seeds, "honest models"):
        trial = Trial.of(target, seed)
        other = cache(lambda _, trial=trial: honest_model(again(trial)))
        yield said(names, trial, honest_model(trial), other)


def attacked(target: Deployed, name: str, names: list[str], seeds: range) -> Iterator[Said]:
    """Of models under an attack at its default settings."""
    attack = attacks.get(name)
    for seed in watched(seeds, name):
        one = Attacked(Trial.of(target, seed).drawn(attack.goal), attack)
        arguments, tampering, key = one.arguments()
        released = train(one.trial.step, *arguments, tampering, key)[0]
        yield said(names, one.trial, released, one.second)


def alarms(found: list[Said], thresholds: Mapping[str, float]) -> dict[str, Interval]:
    """How often each screen raises an alarm."""
    return {
        name: clopper_pearson(sum(one[name] > least for one in found), len(found))
        for name, least in thresholds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--model", default="lr", choices=ATTACKS)
    parser.add_argument("--honest", type=int, default=300)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--screens", nargs="+", choices=EVERY)
    given = parser.parse_args()
    names = given.screens or [n for n in EVERY if n != "vicinity" or given.model == "lr"]
    target = Setup(given.data, given.model, protocol="exact", weight_decay=given.weight_decay).deployed()
    third = given.honest // 3
    known = list(honest(target, names, range(third)))
    columns = {name: [one[name] for one in known] for name in names}
    thresholds = {name: alarm_threshold(values, given.rate) for name, values in columns.items()}
    rows = {"honest": list(honest(target, names, range(third, given.honest)))}
    for name in ATTACKS[given.model]:
        rows[name] = list(attacked(target, name, names, range(given.honest, given.honest + given.trials)))
    print(
        f"{given.model} on {given.data}, thresholds for false alarms in {given.rate:.3g} from {third} honest models"
    )
    print(
        "| models | " + " | ".join(f"`{name}` (> {least:.3g})" for name, least in thresholds.items()) + " |"
    )
    print("|---" * (1 + len(names)) + "|")
    for name, found in rows.items():
        cells = [
            f"{a.mean:.1%} ({100 * a.low:.1f} to {a.high:.1%})" for a in alarms(found, thresholds).values()
        ]
        print(f"| {name} ({len(found)}) | " + " | ".join(cells) + " |", flush=True)
    rises = [f"{least_rise(columns[name], least):.3g}" for name, least in thresholds.items()]
    print("| rise found in 80 % of models | " + " | ".join(rises) + " |")


if __name__ == "__main__":
    main()
