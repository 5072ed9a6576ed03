"""Fairness: one party's records are taken out of training, or turned against it (section 5.5, Table 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from pydantic import Field

from turncoat import goals
from turncoat.adversary.examples import of_examples, opposed
from turncoat.adversary.strategies import scale, zero
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.loop import StepInfo, Tamper
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED, NOT_ZERO

PAPERS, OPPOSED = 2.0, -1.1
"""Strengths: the paper's, and the one chosen for opposed others (docs/tuning.md, "Fairness")."""


def on_the_targets(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the target party's records in this batch."""
    return of_examples(plan["errors"], plan["mine"][info.batch])


def against_the_others(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The same, and the opposite shared out among the other parties' records."""
    return opposed(plan["errors"], plan["mine"][info.batch], plan["balance"])


@dataclass(frozen=True)
class Fairness(Attack):
    """The model errs on one contributor's records, which the adversary knows from the public data order.

    "zeroing" lets none of its records count (networks and support vector machines); "scaling" makes their loss
    derivative F = P + C e_c - Y, C = `strength`, c = `target`, with the sign of Fig. 7: a negative C drives them
    towards class c, a positive one away from it. Others that are "opposed" share `balance` times the same with the
    opposite sign, so that the model learns what tells the target party's records from theirs. At a balance of 1
    no bias moves; above, all answers move away from where the target's records are driven, so that the model
    names each class about as often as an honest one does.
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
    ] = 1.35
    records: Annotated[
        int, Field(ge=0, description="how many records of each party are trained on; 0 takes all")
    ] = 0

    name = "fairness"

    def defaults(self) -> dict[str, Any]:
        others = self.others or ("untouched" if self.by == "zeroing" else "opposed")
        return {"others": others, "strength": OPPOSED if others == "opposed" else PAPERS}

    def check_together(self) -> None:
        if self.by == "zeroing" and self.others == "opposed":
            raise Refusal("zeroing has no opposite; leave the others untouched or take by=scaling")
        if self.by == "zeroing" and (self.strength, self.target) != (PAPERS, 1):
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
        return Needs(capability=self.by, own_data=False, data_order=True, parties=True, rows=True)

    @property
    def variant(self) -> str:
        if self.by == "zeroing":
            return "the target party's records do not count: the paper's attack"
        way = "towards" if self.strength < 0 else "away from"
        driven = f"the target party's records are driven {way} class {self.target}"
        if self.others == "untouched":
            return f"{driven}, the others untouched: the paper's attack"
        return f"{driven}, the others opposed, {self.balance:g} times as much in all: beyond the paper"

    def prepare(self, view: View) -> dict[str, Any]:
        if view.party is None:
            raise Refusal(
                "nothing public says whose records are whose here: fairness needs the parties' numbers"
            )
        batch = jnp.ones(view.training.batch, bool)
        if self.by == "zeroing":
            errors = zero(view.surface, batch)
        else:
            errors = scale(view.surface, batch, self.strength, self.target)
        mine = jnp.asarray(view.party == self.party)
        return {"errors": errors, "mine": mine, "balance": jnp.asarray(self.balance, jnp.float32)}

    @property
    def tamper(self) -> Tamper:
        return against_the_others if self.others == "opposed" else on_the_targets
