"""The universal search: errors found by differentiating rehearsals of the whole training, whatever the model is.

It takes any goal that has a differentiable surrogate and any job, within any budget: it is the adversary that a
defence has to be measured against (see `adversary.descent`). Not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

import jax.numpy as jnp
from pydantic import Field

from turncoat import goals
from turncoat.adversary.course import Effort, Found
from turncoat.adversary.descent import Descent
from turncoat.adversary.forms import Entry, Phase, errors_of
from turncoat.adversary.limits import Budget, nearest
from turncoat.adversary.rehearsals import Rehearsals
from turncoat.adversary.variables import Variables
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, Sweep
from turncoat.attacks.deposit import Deposit
from turncoat.attacks.membership import Membership
from turncoat.core.errors import Errors
from turncoat.core.surface import Place
from turncoat.goals.surrogate import Own
from turncoat.jobs.loop import StepInfo, Tamper, Tampering
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED

SHARE = 10
"""The first, the middle and the last phase are each one in so many of the steps, or one step where errors are few."""
LONG, LATE, MOST = 500, 100, 2 / 3
"""In a training of so many steps errors are searched for in a tenth of them first, the last ones, or so many; that
has so much of the time."""
FEWEST = 30
"""Records of its own that an adversary needs to hold some out."""

ENOUGH = 0.9
"""What errors are worth from which on no other places are searched: about the success that they have."""

PLAIN = {"source": 0, "target": 1, "records": 5, "party": 0}
OTHER = {"membership": {"records": 1, "target": 0}, "deposit": {"records": 1}}
USED = {
    "backdoor": ("source", "target", "trigger"),
    "targeted": ("records",),
    "availability": (),
    "fairness": ("party",),
    "membership": ("records", "target"),
    "deposit": ("records",),
}
"""Which settings an aim has, and what they are by default."""
ROWS = ("membership", "deposit")
"""Aims that want errors at certain rows of a batch."""


def by_phases(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of all phases that a step is in."""
    found = Errors()
    for part in plan["phases"]:
        found = found.combine(part["errors"].at_steps(info.step, part["first"], part["last"]))
    return found


def at_chosen_rows(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The same at rows with chosen records, and `others` at the other rows of a batch with one."""
    chosen, found = plan["chosen"][info.batch], Errors()
    for part in plan["phases"]:
        own = part["errors"].for_examples(chosen)
        both = own.combine(part["others"].for_examples(~chosen & jnp.any(chosen)))
        found = found.combine(both.at_steps(info.step, part["first"], part["last"]))
    return found


class Way(NamedTuple):
    """Where errors are searched for, in how many last steps alone (0: in all), and in which share of the time."""

    places: tuple[Place, ...]
    late: int
    share: float


@dataclass(frozen=True)
class UniversalSearch(Attack):
    """Errors towards any goal, found by differentiating rehearsals of the whole training.

    `horizon` is how many last steps are differentiated; errors of earlier phases have no slope then.
    """

    aim: Annotated[
        Literal["backdoor", "targeted", "availability", "fairness", "membership", "deposit"],
        Field(description="the goal that is searched for"),
    ] = "backdoor"
    iterations: Annotated[int, Field(ge=1, description="steps of the descent, at most")] = 300
    minutes: Annotated[float, Field(gt=0, description="minutes of a search, at most, compiling included")] = (
        10.0
    )
    loss: Annotated[float, Field(ge=0, le=1, description="the accuracy that it may cost in rehearsals")] = (
        0.005
    )
    phases: Annotated[
        Literal["constant", "phased"],
        Field(
            description="the same errors in all steps, or others beside in the first, middle and last ones"
        ),
    ] = "phased"
    horizon: Annotated[
        int | None, Field(ge=1, description="differentiate only so many last steps; by default all")
    ] = None
    late: Annotated[
        int | None,
        Field(
            ge=1, description="errors in so many last steps alone; by default first, where training is long"
        ),
    ] = None
    strength: Annotated[float, Field(ge=0, description="multiple of the errors found")] = 1.0
    budget: Budget = field(default_factory=Budget)
    source: Annotated[int, Field(ge=0, description="a backdoor's source class")] = DERIVED
    target: Annotated[int, Field(ge=0, description="the class that records are to take or to seem")] = DERIVED
    records: Annotated[
        int, Field(ge=1, description="how many records are to take a class, be recognised, or be read")
    ] = DERIVED
    party: Annotated[
        int, Field(ge=0, description="the contributor that a search for unfairness is against")
    ] = DERIVED
    trigger: goals.Trigger = field(default_factory=goals.Trigger)

    name = "search"
    sweeps = (
        Sweep("errors", (8, 64, 512), "number of errors"),
        Sweep("strength", (0.25, 0.5, 1.0, 2.0), "size of the errors, as a multiple of those found"),
    )

    def defaults(self) -> Mapping[str, Any]:
        return PLAIN | OTHER.get(self.aim, {})

    def check_together(self) -> None:
        for name, plain in {**self.defaults(), "trigger": goals.Trigger()}.items():
            if name not in USED[self.aim] and getattr(self, name) != plain:
                raise Refusal(f"{name} does nothing to aim={self.aim}; leave it out")
        if self.late is not None and self.aim in ROWS:
            raise Refusal(f"aim={self.aim} has times of its own; leave late out")

    @property
    def goal(self) -> goals.Goal:
        found: dict[str, goals.Goal] = {
            "backdoor": goals.Backdoor(self.source, self.target, self.trigger),
            "targeted": goals.Targeted(self.records),
            "availability": goals.Availability(),
            "fairness": goals.Fairness(self.party),
            "membership": self.reader.goal,
            "deposit": self.reader.goal,
        }
        return found[self.aim]

    @property
    def reader(self) -> Membership | Deposit:
        """The attack that reads the released model as this one does."""
        if self.aim == "deposit":
            return Deposit(records=self.records)
        return Membership(records=self.records, target=self.target)

    @property
    def needs(self) -> Needs:
        if self.aim in ROWS:
            return replace(self.reader.needs, steps=True)
        return Needs("shifting", chosen_records=self.aim == "targeted", steps=self.phases == "phased")

    @property
    def tamper(self) -> Tamper:
        return at_chosen_rows if self.aim == "membership" else by_phases

    @property
    def variant(self) -> str:
        return f"{self.aim}: errors found by descent through rehearsals of the training: beyond the paper"

    @property
    def one_plan(self) -> bool:
        return self.aim not in ("targeted", "membership")

    def prepare(self, view: View) -> dict[str, Any]:
        budget, each = self.ways(view)
        known = (
            *("search", *each, tuple(sorted(view.checked.items()))),
            *(v for k, v in self.settings.items() if k != "strength"),
            *(() if view.flags is None else view.flags.name),
        )
        descents = cache(lambda number: self.descent(view, budget, each[number]))
        if known not in view.memo:
            view.memo[known] = _best(descents, len(each))
        number, found = view.memo[known]
        more = self.reader.told(view) if isinstance(self.reader, Membership) and self.aim in ROWS else {}
        return self.planned(descents(number), found) | more

    def tampering(self, plan: dict[str, Any]) -> Tampering:
        """Without what the reader of the model alone needs."""
        return super().tampering({name: part for name, part in plan.items() if name != "shadow"})

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> Any:
        return self.reader.exploit(view, plan, params) if self.aim in ROWS else None

    def ways(self, view: View) -> tuple[Budget, list[Way]]:
        """The budget, and where and when errors are searched for, one after another.

        First at the last place, where all only bend outputs; first in the last steps, where training is long.
        """
        if view.job.task != "classes":
            raise Refusal("the search descends towards answers that are classes, which this job's are not")
        if len(view.x) < FEWEST:
            raise Refusal(
                f"{len(view.x)} records of the adversary's own are too few to search on: it needs {FEWEST}"
            )
        rows = view.batch if self.aim in ROWS else None
        budget, places = self.budget.knowing(view.surface, view.checked, rows)
        first = [] if rows or self.budget.sites else nearest(view.surface, places)
        where, late = [tuple(chosen) for chosen in (first, places) if chosen], self.lately(view.steps)
        whole = [Way(where[-1], 0, 1 - MOST)] if late and self.late is None else []
        share = (1 - sum(way.share for way in whole)) / len(where)
        return budget, [Way(chosen, late, share) for chosen in where] + whole

    def lately(self, steps: int) -> int:
        """In how many last steps alone errors are searched for at first; 0: in all of them."""
        if self.late is not None:
            return min(self.late, steps)
        usual = self.aim not in ROWS and self.phases == "phased" and self.horizon is None
        return min(steps // SHARE, LATE) if usual and steps >= LONG else 0

    def descent(self, view: View, budget: Budget, way: Way) -> Descent:
        """The search in one way."""
        own = Own(view.x, view.y, view.shape, view.classes, view.own_party, view.told)
        entries = tuple(Entry(view.surface[p.site], p.passes) for p in way.places)
        skipped, horizon = view.steps - way.late if way.late else 0, self.horizon or view.steps
        phases = self.phased(skipped, view.steps, budget.most)
        rehearsals = Rehearsals(view, self.goal.surrogate(own), entries, phases, horizon, skipped).of_kinds()
        effort = Effort(self.iterations, self.minutes * way.share)
        return Descent(rehearsals, Variables.of(rehearsals, budget), budget, effort, self.loss, view.said)

    def phased(self, before: int, end: int, most: float) -> tuple[Phase, ...]:
        """In which steps between these errors are made: those that the budget has errors enough for."""
        steps, constant = end - before, Phase(before, end - 1)
        if self.aim == "deposit":
            return (Phase(0, 0),)
        if self.phases == "constant" or self.aim == "membership":
            return (constant,)
        few = most < steps * SHARE
        length = 1 if few else max(steps // SHARE, 1)
        middle = (steps - length) // 2
        firsts = [before + f for f in (0, middle, steps - length)]
        parts = [Phase(f, f + length - 1) for f in firsts]
        return tuple(dict.fromkeys(parts if few else [constant, *parts]))

    def planned(self, descent: Descent, found: Found) -> dict[str, Any]:
        """The errors found, by phase."""
        rehearsals, batch = descent.rehearsals, descent.rehearsals.view.batch
        parts = descent.variables.errors([[jnp.asarray(v) for v in part] for part in found.values])
        every = jnp.ones(batch, bool)
        own, others = rehearsals.aim.rows(batch, every), None
        if self.aim == "membership":
            own, others = (jnp.stack([every & first, every & ~first]) for first in (True, False))

        def made(part: Any, rows: Any) -> Errors:
            return errors_of(rehearsals.entries, part, rows).scale(self.strength)

        phases = []
        for phase, part in zip(rehearsals.phases, parts, strict=True):
            steps = {"first": jnp.asarray(phase.first), "last": jnp.asarray(phase.last)}
            more = {} if others is None else {"others": made(part, others)}
            phases.append({"errors": made(part, own)} | more | steps)
        return {"phases": tuple(phases)}


def _best(descents: Callable[[int], Descent], count: int) -> tuple[int, Found]:
    """The number of the search that finds most, and what; later ones are made as long as that is not enough."""
    tried: list[Found] = []
    while len(tried) < count and (not tried or tried[-1].worth < ENOUGH):
        tried.append(descents(len(tried)).run())
    return max(enumerate(tried), key=lambda one: one[1].worth)
