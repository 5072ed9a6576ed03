"""What screens of the opened model see: `python -m bench.screens [--model mlp] [--honest 300] [--trials 10]`.

The first third of the honest models gives each screen its threshold (`--rate`), the others its measured false-alarm
rate; then the share of attacked models at which it raises an alarm, each with a 95 % interval. All models train on
splits, starts and orders of their own; splits share records, which the intervals do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from turncoat import attacks
from turncoat.experiments.cells import Attacked
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named
from turncoat.jobs.loop import predictions, train
from turncoat.jobs.setup import Setup
from turncoat.metrics import Interval, clopper_pearson
from turncoat.metrics.screens import alarm_threshold, dead_share, largest_norm_ratio, trigger_scan

ATTACKS = {
    "lr": ("backdoor", "sparse-backdoor", "targeted", "reconstruction", "availability"),
    "mlp": ("sparse-backdoor", "neuron-override", "targeted-override", "deposit", "reconstruction"),
}
Screen = Callable[[Trial, Any], float]


def column_norm(trial: Trial, released: Any) -> float:
    """A neuron's or class's inputs."""
    return largest_norm_ratio(matrices(released))


def row_norm(trial: Trial, released: Any) -> float:
    """A feature's or neuron's outputs."""
    return largest_norm_ratio(matrices(released), rows=True)


def dead_neurons(trial: Trial, released: Any) -> float:
    """Neurons that are positive for no test record: the highest share of all maps before a ReLU."""
    found, x = trial.job.anatomy, trial.splits.test.x.reshape(-1, *trial.job.shape)
    return max((dead_share(found.units(m, released, x)) for m in found.maps if m.relu), default=0.0)


def trigger(trial: Trial, released: Any) -> float:
    """Any feature at the highest value that it has in the test records."""
    x = trial.splits.test.x
    return trigger_scan(lambda changed: predictions(trial.job, released, changed), x, x.max())


SCREENS: dict[str, Screen] = {
    "column norm": column_norm,
    "row norm": row_norm,
    "dead neurons": dead_neurons,
    "single-feature trigger": trigger,
}


def matrices(released: Any) -> list[np.ndarray]:
    """The released matrices."""
    return [np.asarray(w) for w in named(released).values() if np.ndim(w) == 2]


def measured(trial: Trial, released: Any) -> dict[str, float]:
    """What every screen says of a model."""
    return {name: screen(trial, released) for name, screen in SCREENS.items()}


def honest(target: Deployed, seeds: range) -> Iterator[dict[str, float]]:
    """Of honest models."""
    for seed in seeds:
        trial = Trial.of(target, seed)
        yield measured(trial, train(trial.step, *trial.arguments(), None, trial.randomness)[0])


def attacked(target: Deployed, name: str, seeds: range) -> Iterator[dict[str, float]]:
    """Of models under an attack at its default settings."""
    attack = attacks.get(name)
    for seed in seeds:
        one = Attacked(Trial.of(target, seed).drawn(attack.goal), attack)
        arguments, tampering, key = one.arguments()
        yield measured(one.trial, train(one.trial.step, *arguments, tampering, key)[0])


def alarms(found: list[dict[str, float]], thresholds: Mapping[str, float]) -> dict[str, Interval]:
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
    thresholds = {name: alarm_threshold([one[name] for one in known], given.rate) for name in SCREENS}
    rows = {"honest": list(honest(target, range(third, given.honest)))}
    for name in ATTACKS[given.model]:
        rows[name] = list(attacked(target, name, range(given.honest, given.honest + given.trials)))
    print(
        f"{given.model} on {given.data}, thresholds for false alarms in {given.rate:.3g} from {third} honest models"
    )
    print("| models | " + " | ".join(f"{name} (> {least:.3g})" for name, least in thresholds.items()) + " |")
    print("|---" * (1 + len(SCREENS)) + "|")
    for name, found in rows.items():
        cells = [
            f"{a.mean:.1%} ({100 * a.low:.1f} to {a.high:.1%})" for a in alarms(found, thresholds).values()
        ]
        print(f"| {name} ({len(found)}) | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
