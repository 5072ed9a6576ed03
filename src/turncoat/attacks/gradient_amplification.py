"""Gradient amplification: a contributor's records count many times as much as others'; not in the paper.

A contributor of data adds copies of the chosen records with the wanted class as their label. The corrupt party
knows where they stand in each batch, and adds e to the product that turns their ReLU bits into numbers: their
gradients in the hidden layers become ([active] - 2 e) G. Unlike a scaled loss derivative, an amplified gradient
fades as its record is learned. The adversary needs no records of its own, and no label or gradient of anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.examples import of_examples
from turncoat.adversary.strategies import amplify
from turncoat.adversary.view import View
from turncoat.attacks.amplified_poisoning import AmplifiedPoisoning
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.loop import StepInfo


def errors_of_mine(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the contributed records in this batch."""
    return of_examples(plan["errors"], plan["mine"][info.batch])


@dataclass(frozen=True)
class GradientAmplification(Attack):
    """A few test records take a wanted class: a contributor's mislabelled copies, their gradients amplified.

    By default there is one copy for each 2,500 of the victims' records, from 2 to 10.
    """

    copies: Annotated[
        int | None,
        Field(ge=1, description="copies of each chosen record; by default 2 to 10, as the data grow"),
    ] = None
    strength: Annotated[
        int, Field(lt=0, ge=-(2**30), description="e: their gradients count 1 - 2 e times, in hidden layers")
    ] = -3
    records: Annotated[int, Field(ge=1, description="how many test records are to change their class")] = 5

    name = "gradient-amplification"
    otherwise = ({"records": 1, "copies": 1},)
    tamper = staticmethod(errors_of_mine)
    needs = Needs(
        "amplification",
        own_data=False,
        data_order=True,
        chosen_records=True,
        rows=True,
        colluding_contributor=True,
    )
    variant = "the contributor's gradients in hidden layers are amplified: not in the paper"

    @property
    def goal(self) -> goals.Targeted:
        return goals.Targeted(self.records)

    def prepare(self, view: View) -> dict[str, Any]:
        """The errors of a whole batch, and which of the victims' records are the contributor's."""
        errors = amplify(view.surface, jnp.ones(view.batch, bool), self.strength)
        mine = np.arange(view.records) >= view.records - len(self.contribute(view)[0])
        return {"errors": errors, "mine": jnp.asarray(mine)}

    def contribute(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """The colluding contributor's records: the chosen ones with the wanted labels."""
        return AmplifiedPoisoning(copies=self.copies, records=self.records).contribute(view)
