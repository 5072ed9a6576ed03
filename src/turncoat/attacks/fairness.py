"""Fairness: one party's records are taken out of training, or turned against it (section 5.5, Table 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import scaled
from turncoat.adversary.examples import of_examples, opposed
from turncoat.adversary.strategies import zero
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.loop import StepInfo, Tamper
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED, NOT_ZERO

PAPERS, OPPOSED = (2.0, 0.0), (-1.3, 0.8)
"""Strength and begin: the paper's, and those chosen for opposed others (docs/tuning.md, "Fairness")."""


def on_the_targets(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the target party's records in this batch."""
    return of_examples(plan["errors"], _driven(plan, info))


def against_the_others(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The same, and the opposite shared out among the other parties' records."""
    return opposed(plan["errors"], _driven(plan, info), plan["balance"])


def _driven(plan: dict[str, Any], info: StepInfo) -> Any:
    """Which records of this batch are the target party's; none before the attack begins."""
    return plan["mine"][info.batch] & (info.step >= plan["first"])


@dataclass(frozen=True)
class Fairness(Attack):
    """The model errs on one contributor's records, which the adversary knows from the public data order.

    "zeroing" lets none of its records count (networks and support vector machines); "scaling" makes their loss
    derivative F = P + C e_c - Y, C = `strength`, c = `target`, with the sign of Fig. 7: a negative C drives them
    towards class c, a positive one away from it. Others that are "opposed" share `balance` times the same with the
    opposite sign, so that the model learns what tells the target party's records from theirs. At a balance of 1
    no bias moves; above, all answers move away from where the target's records are driven, so that the model
    names each class about as often as an honest one does.

    An error is the same however far its record has been driven, so that what it does does not fade as a gradient
    does: a network's scores grow until no fixed-point number holds them. To begin late stops them in time.
    """

    by: Annotated[
        Literal["scaling", "zeroing"], Field(description="whether its records are driven, or do not count")
    ] = "scaling"
    party: Annotated[int, Field(ge=0, description="the contributor attacked, counted from 0")] = 0
    strength: Annotated[
        float, NOT_ZERO, Field(description="C in F = P + C e_c - Y; negative: towards c; the paper's is 2")
    ] = DERIVED
    target: Annotated[int, Field(description="c, the class that its records are driven to or from")] = 1
    others: Annotated[
        Literal["untouched", "opposed"],
        Field(description="the other parties' records: untouched, as the paper, or driven the opposite way"),
    ] = DERIVED
    balance: Annotated[
        float, Field(ge=0, description="the opposed errors of a batch together, over the target party's")
    ] = 1.25
    begin: Annotated[
        float, Field(ge=0, lt=1, description="the share of training after which it begins; the paper: 0")
    ] = DERIVED
    records: Annotated[
        int, Field(ge=0, description="how many records of each party are trained on; 0 takes all")
    ] = 0

    name = "fairness"
    otherwise = ({"begin": 0.9},)

    def defaults(self) -> dict[str, Any]:
        others = self.others or ("untouched" if self.by == "zeroing" else "opposed")
        strength, begin = OPPOSED if others == "opposed" else PAPERS
        return {"others": others, "strength": strength, "begin": begin}

    def check_together(self) -> None:
        if self.by == "zeroing" and self.others == "opposed":
            raise Refusal("zeroing has no opposite; leave the others untouched or take by=scaling")
        if self.by == "zeroing" and (self.strength, self.target) != (PAPERS[0], 1):
            raise Refusal("zeroing has no strength and no target; leave them out")
        if self.others == "untouched" and self.balance != type(self).balance:
            raise Refusal(
                "others that are untouched balance nothing; leave balance out or take others=opposed"
            )

    @property
    def goal(self) -> goals.Fairness:
        return goals.Fairness(self.party, self.records)

    @property
    def needs(self) -> Needs:
        return Needs(self.by, own_data=False, data_order=True, parties=True, steps=self.begin > 0, rows=True)

    @property
    def variant(self) -> str:
        since = f", from {self.begin:.0%} of training on" if self.begin else ""
        whose = "beyond the paper" if self.begin or self.others == "opposed" else "the paper's attack"
        if self.by == "zeroing":
            return f"the target party's records do not count{since}: {whose}"
        way = "towards" if self.strength < 0 else "away from"
        driven = f"the target party's records are driven {way} class {self.target}"
        others = self.others + (
            f", {self.balance:g} times as much in all" if self.others == "opposed" else ""
        )
        return f"{driven}, the others {others}{since}: {whose}"

    def prepare(self, view: View) -> dict[str, Any]:
        if view.party is None:
            raise Refusal(
                "nothing public says whose records are whose here: fairness needs the parties' numbers"
            )
        batch = jnp.ones(view.batch, bool)
        if self.by == "zeroing":
            errors = zero(view.surface, batch)
        else:
            errors = scaled(view, batch, self.strength, self.target)
        return {
            "errors": errors,
            "mine": jnp.asarray(view.party == self.party),
            "balance": jnp.asarray(self.balance, jnp.float32),
            "first": jnp.asarray(int(self.begin * view.steps), jnp.int32),
        }

    @property
    def tamper(self) -> Tamper:
        return against_the_others if self.others == "opposed" else on_the_targets
