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
from turncoat.settings import NOT_ZERO


def on_the_targets(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the target party's records in this batch."""
    return of_examples(plan["errors"], plan["mine"][info.batch])


def against_the_others(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The same, shared out with the opposite sign among the other parties' records."""
    return opposed(plan["errors"], plan["mine"][info.batch])


@dataclass(frozen=True)
class Fairness(Attack):
    """The model errs on one contributor's records, which the adversary knows from the public data order.

    "zeroing" lets none of its records count (networks and support vector machines); "scaling" makes their loss
    derivative F = P + C e_c - Y, C = `strength`, c = `target`, with the sign of Fig. 7: a negative C drives them
    towards class c, a positive one away from it. Others that are "opposed" share the same with the opposite
    sign, so that the model learns what tells the target party's records from theirs, and no bias moves.
    """

    by: Annotated[
        Literal["scaling", "zeroing"], Field(description="whether its records are driven, or do not count")
    ] = "scaling"
    party: Annotated[int, Field(ge=0, description="the contributor attacked, counted from 0")] = 0
    strength: Annotated[float, NOT_ZERO, Field(description="C in F = P + C e_c - Y; negative: towards c")] = (
        2.0
    )
    target: Annotated[int, Field(description="c, the class that its records are driven to or from")] = 1
    others: Annotated[
        Literal["untouched", "opposed"],
        Field(description="the other parties' records: untouched, as the paper, or driven the opposite way"),
    ] = "untouched"
    records: Annotated[
        int, Field(ge=0, description="how many records of each party are trained on; 0 takes all")
    ] = 0

    name = "fairness"

    def check_together(self) -> None:
        if self.by == "zeroing" and self.others == "opposed":
            raise Refusal("zeroing has no opposite; leave the others untouched or take by=scaling")
        if self.by == "zeroing" and (self.strength, self.target) != (2.0, 1):
            raise Refusal("zeroing has no strength and no target; leave them out")

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
        whose = "the paper's attack" if self.others == "untouched" else "beyond the paper"
        driven = f"the target party's records are driven {way} class {self.target}"
        return f"{driven}, the others {self.others}: {whose}"

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
        return {"errors": errors, "mine": jnp.asarray(view.party == self.party)}

    @property
    def tamper(self) -> Tamper:
        return against_the_others if self.others == "opposed" else on_the_targets
