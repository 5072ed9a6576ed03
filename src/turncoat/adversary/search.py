"""A plan of few errors: what goes into the first steps of training, what into the last, and how much of each.

An error in the last step moves the released weights by a known amount and no later step undoes it, so that the
released model is the honest one plus a few chosen numbers; how large they must be, the adversary finds out by
rehearsing on its own records (see `budget`). Where a change of the last layer costs accuracy, because the neuron
does other work too, it is planted in the first steps instead, and the network trains around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.budget import SLACK, Change, Rehearsal, sizes
from turncoat.adversary.chain import Chain, chain
from turncoat.adversary.places import places
from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.goals import Backdoor
from turncoat.jobs.loop import StepInfo, Tampering

ALIKE = 12  # neurons of one rehearsed model that a size is judged on; docs/tuning.md
PLANTED = (3.0, 1.0)  # sizes of planted weights, tried in turn until the backdoor is worth `ENOUGH`
ENOUGH = 0.9


@dataclass(frozen=True, eq=False)
class Search:
    """A search for a plan within a `budget` of errors, none above `largest`, that costs the accuracy `loss` at most.

    `neuron` is the one used in each hidden layer, `alike` how many others a size is judged on in one rehearsed
    network; the backdoor must work there at sizes `slack` times smaller.
    """

    view: View
    goal: Backdoor
    neuron: int
    budget: int
    largest: float | None
    loss: float
    slack: float = SLACK
    alike: int = ALIKE

    @property
    def path(self) -> Chain:
        return chain(self.view)

    @cached_property
    def each(self) -> list[Errors]:
        """The errors of size 1 of each place."""
        return [self.view.errors_that_move({n: change}) for n, change in self.changes(self.neuron)]

    @cached_property
    def steps(self) -> int:
        """In how many of the first or last steps they are made."""
        return min(max(self.budget // sum(int(e.count()) for e in self.each), 1), self.view.steps)

    @cached_property
    def limits(self) -> list[float]:
        """How large each place's change may become."""
        largest = np.inf if self.largest is None else self.largest
        return [largest * self.steps / largest_of(e) for e in self.each]

    def plan(self) -> dict[str, Any]:
        """The first way that is worth `ENOUGH`, or else the best."""
        tried = []
        for wanted in (0.0, *PLANTED) if len(self.each) > 1 and self.path.hidden else (0.0,):
            tried.append(self.planting(wanted) if wanted else self.adding())
            if tried[-1][0] > ENOUGH:
                break
        return max(tried, key=lambda outcome: outcome[0])[1]

    def adding(self) -> tuple[float, dict[str, Any]]:
        """Everything in the last steps, judged on several neurons of one model: what it is worth, and the plan."""
        rehearsed = [(self.view.rehearsal, self.changes(n)) for n in self.neurons(self.alike)]
        found, worth = self.sizes(rehearsed, self.limits)
        return worth, self.planned(found, [])

    def planting(self, wanted: float) -> tuple[float, dict[str, Any]]:
        """The last place's errors in the first steps, the others judged on models that train around them."""
        much = min(wanted, self.limits[-1])
        rehearsed = []
        for n in self.neurons(2):
            *late, (name, change) = self.changes(n)
            errors = self.view.errors_that_move({name: much * change})
            plan = planned([], [sized(errors, 1 / self.steps)], self.steps, self.view.steps)
            model = self.view.rehearsed(Tampering(early_and_late, plan), self.view.kept)
            rehearsed.append((model, late))
        found, worth = self.sizes(rehearsed, self.limits[:-1])
        return worth, self.planned(found, [much])

    def neurons(self, count: int) -> list[int]:
        """The neuron and others that stand for it: all are alike before training."""
        if not self.path.hidden:
            return [self.neuron]
        fewest = self.path.fewest
        return [(self.neuron + i) % fewest for i in range(min(count, fewest))]

    def changes(self, neuron: int) -> list[Change]:
        return places(self.view, self.goal, neuron, self.budget)

    def sizes(self, rehearsed: Sequence[Rehearsal], limits: list[float]) -> tuple[np.ndarray, float]:
        return sizes(self.view, self.goal, rehearsed, limits, self.loss, self.slack)

    def planned(self, late: np.ndarray, early: list[float]) -> dict[str, Any]:
        parts = [
            sized(e, much / self.steps) for e, much in zip(self.each, [*late.tolist(), *early], strict=True)
        ]
        return planned(parts[: len(late)], parts[len(late) :], self.steps, self.view.steps)


def planned(late: list[Errors], early: list[Errors], steps: int, of: int) -> dict[str, Any]:
    """Errors of the last and of the first `steps` of all steps, as a plan."""
    return {
        "early": together(early),
        "late": together(late),
        "steps": jnp.asarray(steps),
        "last": jnp.asarray(of - 1),
    }


def early_and_late(plan: dict[str, Any], info: StepInfo) -> Errors:
    """What is planted in the first steps, and what is added in the last ones."""
    early = plan["early"].at_steps(info.step, 0, plan["steps"] - 1)
    return early.combine(plan["late"].at_steps(info.step, plan["last"] - plan["steps"] + 1, plan["last"]))


def sized(errors: Errors, much: float) -> Errors:
    return errors.scale(jnp.asarray(much, jnp.float32))


def together(parts: list[Errors]) -> Errors:
    total = Errors()
    for part in parts:
        total = total.combine(part)
    return total


def largest_of(errors: Errors) -> float:
    """The largest of some errors."""
    return max(float(np.max(np.abs(e))) for e in errors.values())
