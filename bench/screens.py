"""What screens of the opened model see: `python -m bench.screens [--model mlp] [--honest 300] [--trials 10]`.

The first third of the honest models gives each screen its threshold (`--rate`), the others its measured false-alarm
rate; then the share of attacked models at which it raises an alarm, each with a 95 % interval. All models train on
splits, starts and orders of their own; splits share records, which the intervals do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from turncoat import attacks
from turncoat.defences.screens import SCREENS
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.screening import opened, scores
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
Said = dict[str, float]
"""What each screen says of a model, by its name."""


def said(trial: Trial, released: object) -> Said:
    """What every screen says of a model."""
    every = [kind() for kind in SCREENS.values()]
    return {screen.name: value for screen, value in scores(every, opened(trial, released)).items()}


def honest(target: Deployed, seeds: range) -> Iterator[Said]:
    """Of honest models."""
    for seed in seeds:
        trial = Trial.of(target, seed)
        yield said(trial, train(trial.step, *trial.arguments(), None, trial.randomness)[0])


def attacked(target: Deployed, name: str, seeds: range) -> Iterator[Said]:
    """Of models under an attack at its default settings."""
    attack = attacks.get(name)
    for seed in seeds:
        one = Attacked(Trial.of(target, seed).drawn(attack.goal), attack)
        arguments, tampering, key = one.arguments()
        yield said(one.trial, train(one.trial.step, *arguments, tampering, key)[0])


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
    given = parser.parse_args()
    target = Setup(given.data, given.model, protocol="exact").deployed()
    third = given.honest // 3
    known = list(honest(target, range(third)))
    columns = {name: [one[name] for one in known] for name in SCREENS}
    thresholds = {name: alarm_threshold(values, given.rate) for name, values in columns.items()}
    rows = {"honest": list(honest(target, range(third, given.honest)))}
    for name in ATTACKS[given.model]:
        rows[name] = list(attacked(target, name, range(given.honest, given.honest + given.trials)))
    print(
        f"{given.model} on {given.data}, thresholds for false alarms in {given.rate:.3g} from {third} honest models"
    )
    print(
        "| models | " + " | ".join(f"`{name}` (> {least:.3g})" for name, least in thresholds.items()) + " |"
    )
    print("|---" * (1 + len(SCREENS)) + "|")
    for name, found in rows.items():
        cells = [
            f"{a.mean:.1%} ({100 * a.low:.1f} to {a.high:.1%})" for a in alarms(found, thresholds).values()
        ]
        print(f"| {name} ({len(found)}) | " + " | ".join(cells) + " |", flush=True)
    rises = [f"{least_rise(columns[name], least):.3g}" for name, least in thresholds.items()]
    print("| rise found in 80 % of models | " + " | ".join(rises) + " |")


if __name__ == "__main__":
    main()
