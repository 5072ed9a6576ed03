"""Membership through others (section 5.7): `python -m bench.indirect [exclusion | inclusion]`.

*Exclusion.* A perceptron on digits. In the last epochs every gradient but those of 10 chosen records is zeroed
(section 4.1), so that the model goes on learning from these alone; nothing is scaled. Logistic regression has no
gradient that can be zeroed.

*Inclusion.* Softmax regression on digits. In every step the gradient that mislabelled records would have is added to
that of the batch (section 4.2, by parameter transfer), as if they had been contributed. They are the adversary's own
records, so that members of all classes stand out (the paper's [58]), or the candidates that it asks about, each of
which then has to be held against its own wrong label (its [59]). The errors are the same whoever is a member, so
the adversary's shadow models are trained with them too.

The score is LiRA by each candidate's own class, of inclusion with one spread for all records, since 8 shadow models
are trained for each run. Beside it, the honest run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from turncoat import goals
from turncoat.adversary.shadows import Shadows, held_back, trained
from turncoat.adversary.strategies import zero
from turncoat.adversary.transfer import transferred
from turncoat.adversary.view import View
from turncoat.attacks.attack import at_every_step
from turncoat.attacks.availability import wrong_change
from turncoat.attacks.membership import Membership, candidates, signals
from turncoat.core.errors import Errors
from turncoat.experiments.experiment import Experiment, to_result
from turncoat.experiments.runs import run_trials
from turncoat.jobs.loop import StepInfo, Tampering
from turncoat.jobs.setup import Setup
from turncoat.results.result import Outcome

EPOCHS = (1, 5, 10)
OWN, CANDIDATES = (0.0, 0.03, 0.3), (0.0, 0.3, 1.0)
"""Multiples of the mean gradient of the own records; of each candidate's gradient as one of the victims' records."""
NETWORK, LINEAR = Setup("digits", "mlp", (64,)), Setup("digits", "lr")


def all_but_chosen(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the rows of a batch that hold no chosen record."""
    others = plan["errors"].for_examples(~plan["chosen"][info.batch])
    return others.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


@dataclass(frozen=True)
class Exclusion(Membership):
    """The membership attack with its scaling replaced by zeroing all others in the last epochs."""

    needs = replace(Membership().needs, capability="zeroing")
    tamper = staticmethod(all_but_chosen)

    def prepare(self, view: View) -> dict[str, Any]:
        every_row = jnp.ones(view.batch, bool)
        return {**super().prepare(view), "errors": zero(view.surface, every_row)}

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> dict[str, Any]:
        own = super().exploit(view, plan, params)["own"]
        return {"own": own, "target": own}


@dataclass(frozen=True)
class Inclusion(Membership):
    """The membership attack with its scaling replaced by a shift: all members are after, or 10 of 50 candidates."""

    multiple: float = 0.0
    whose: Literal["own", "candidates"] = "own"

    needs = replace(Membership().needs, capability="shifting", data_order=False, rows=False)
    tamper = staticmethod(at_every_step)

    @property
    def goal(self) -> goals.Membership:
        if self.whose == "own":
            return goals.Membership(500, self.target, members=0)
        return goals.Membership(10, self.target, members=0, outside=40)

    def prepare(self, view: View) -> dict[str, Any]:
        changes = self.mislabelled(view)
        errors = view.errors_that_move({n: self.multiple * change for n, change in changes.items()})
        shadows = self.shadows(view, errors)
        x, y = candidates(view)
        return {"errors": errors, "shadow": signals(shadows.outputs(view, x), y, self.target)}

    def mislabelled(self, view: View) -> dict[str, Any]:
        """What a step on mislabelled records changes, in units of the multiple."""
        if self.whose == "own":
            return wrong_change(view)
        x, labels = view.told["x"], (view.told["y"] + 1) % view.classes
        share = len(x) / view.records
        return {name: share * change for name, change in transferred(view, x, labels).items()}

    def shadows(self, view: View, errors: Errors) -> Shadows:
        """Shadow models with the same errors."""
        tampering = Tampering(at_every_step, errors)
        return Shadows.of(view, trained(view, len(held_back(view)[0]), self.shadow_models, 0, tampering))

    def tampering(self, plan: dict[str, Any]) -> Tampering:
        return Tampering(self.tamper, plan["errors"])

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> dict[str, Any]:
        own = super().exploit(view, plan, params)["own"]
        return {"own": own, "target": own}


def exclusion(trials: int, seed: int) -> Iterator[list[str]]:
    for last in EPOCHS:
        honest, attacked = measured(Exclusion(last=last), NETWORK, trials, seed)
        yield [NETWORK.model, "honest", *cells(honest)]
        yield [NETWORK.model, f"others zeroed, last {last}", *cells(attacked)]


def inclusion(trials: int, seed: int) -> Iterator[list[str]]:
    for whose, multiples in (("own", OWN), ("candidates", CANDIDATES)):
        for multiple in multiples:
            attack = Inclusion(multiple=multiple, whose=whose, shadow_models=8, score="lira-shared")
            attacked = measured(attack, LINEAR, trials, seed)[1]
            kind = f"shifted by {multiple:g} mislabelled {whose}" if multiple else f"honest ({whose})"
            yield [LINEAR.model, kind, *cells(attacked)]


ROUTES = {"exclusion": exclusion, "inclusion": inclusion}


def measured(attack: Membership, job: Setup, trials: int, seed: int) -> tuple[Outcome, Outcome]:
    """The honest runs and the attacked ones."""
    target = job.deployed(seed)
    runs = run_trials(target, (attack,), trials, seed, lambda *_: None)
    result = to_result(Experiment("membership", job, {}, trials, seed), attack, target, runs)
    return result.honest, result.attacked


def cells(outcome: Outcome) -> list[str]:
    tpr = outcome.measures["tpr 0.01"]
    return [
        f"{outcome.accuracy.mean:.4f}",
        f"{tpr.mean:.3f} ({tpr.low:.3f} to {tpr.high:.3f})",
        str(tpr.count),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.indirect", description=__doc__)
    parser.add_argument("route", nargs="?", choices=ROUTES, help="both by default")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = Table(title=f"membership by own class on digits, {options.trials} trials")
    for heading in ("model", "training", "accuracy", "TPR at 1 % FPR", "members"):
        table.add_column(heading)
    for name, route in ROUTES.items():
        for row in route(options.trials, options.seed) if options.route in (None, name) else ():
            table.add_row(*row)
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
