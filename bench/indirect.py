"""Membership through the exclusion of others (section 5.7): `python -m bench.indirect [--trials 20]`.

A perceptron on digits. In the last epochs every gradient but those of 10 chosen records is zeroed (section
4.1), so that the model goes on learning from these alone; nothing is scaled. The score is LiRA by each
candidate's own class. Beside it, the honest run. Logistic regression has no gradient that can be zeroed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from turncoat import data
from turncoat.adversary.strategies import zero
from turncoat.adversary.view import View
from turncoat.attacks.membership import Membership
from turncoat.core.errors import Errors
from turncoat.experiments.experiment import Experiment, to_result
from turncoat.experiments.runs import run_trials
from turncoat.jobs.job import Job
from turncoat.jobs.loop import StepInfo

EPOCHS = (1, 5, 10)
JOB = Job("digits", "mlp", (64,))


def all_but_chosen(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the rows of a batch that hold no chosen record."""
    others = plan["errors"].for_examples(~plan["chosen"][info.batch])
    return others.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


@dataclass(frozen=True)
class Exclusion(Membership):
    """The membership attack with its scaling replaced by zeroing all others in the last epochs."""

    needs = replace(Membership.needs, capability="zeroing")
    tamper = staticmethod(all_but_chosen)

    def prepare(self, view: View) -> dict[str, Any]:
        every_row = jnp.ones(view.training.batch, bool)
        return {**super().prepare(view), "errors": zero(view.surface, every_row)}

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> dict[str, Any]:
        own = super().exploit(view, plan, params)["own"]
        return {"own": own, "target": own}


def rows(trials: int, seed: int) -> Iterator[list[str]]:
    dataset = data.load(JOB.data)
    for last in EPOCHS:
        attack = Exclusion(last=last)
        runs = run_trials(JOB, dataset, (attack,), trials, seed, lambda *_: None)
        record = to_result(Experiment("membership", JOB, {"last": last}, trials, seed), attack, dataset, runs)
        for kind, outcome in (("honest", record.honest), (f"others zeroed, last {last}", record.attacked)):
            tpr = outcome.measures["tpr 0.01"]
            yield [kind, f"{outcome.accuracy.mean:.4f}", f"{tpr.mean:.3f} ({tpr.low:.3f} to {tpr.high:.3f})",
                   str(tpr.count)]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.indirect", description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = Table(title=f"membership by own class, {JOB.model} on {JOB.data}, {options.trials} trials")
    for heading in ("training", "accuracy", "TPR at 1 % FPR", "members"):
        table.add_column(heading)
    for row in rows(options.trials, options.seed):
        table.add_row(*row)
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
