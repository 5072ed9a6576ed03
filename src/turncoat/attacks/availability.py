"""Availability: the model is made useless (section 5.7; Table 8 by parameter transfer).

"shifting" adds, in every step, what the adversary's own records with wrong labels change in its reference model.
Gradients of one network mean nothing to another that started elsewhere: unless the start is public, all weights
into one output of a network are pushed up instead, which outgrows the other outputs because no neuron is below 0.
"scaling" drives all records of every batch towards one class. "zeroing" takes all records out of every batch, so
that a network stays what it was at the start, but for its last bias. "negation", which the paper lacks, turns
around the gradient of all records in a network's hidden layers, which then climb the loss. "breaking", which needs
no capability, adds large numbers (flips all bits) at one site, the first at which the adversary's own training does
not survive it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from pydantic import Field

from turncoat import goals
from turncoat.adversary.activations import LARGE
from turncoat.adversary.breaking import broken
from turncoat.adversary.effects import rate, scaled
from turncoat.adversary.strategies import amplify, zero
from turncoat.adversary.transfer import linear, to_scores, transferred
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.task import wrong
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED, NOT_ZERO

STRENGTH = {"shifting": 3.0, "scaling": -2.0, "zeroing": 1.0, "negation": 1.0, "breaking": LARGE}


@dataclass(frozen=True)
class Availability(Attack):
    """The model is made useless, by shifting, scaling, zeroing or negating gradients, or by large errors anywhere.

    `strength`: of a shift, what multiple of the wrongly labelled records' mean gradient (of a network: of 1 for
    each weight into class `target`) is added to the mean gradient of each step; of a scaling, C in
    F = P + C e_c - Y, c = `target`, of which a negative one drives records towards c; of breaking, the errors' size.
    """

    by: Annotated[
        Literal["shifting", "scaling", "zeroing", "negation", "breaking"],
        Field(description="the capability that is used; shifting is the paper's Table 8"),
    ] = "shifting"
    strength: Annotated[
        float,
        NOT_ZERO,
        Field(description="of the shift (3), the scaling (-2), the breaking (256); the others have none"),
    ] = DERIVED
    target: Annotated[
        int, Field(description="the class that a scaling, or a shift of a network, drives records to")
    ] = 0

    name = "availability"
    goal = goals.Availability()

    def defaults(self) -> Mapping[str, Any]:
        return {"strength": STRENGTH[self.by]}

    def check_together(self) -> None:
        if self.by in ("zeroing", "negation") and (self.strength, self.target) != (STRENGTH[self.by], 0):
            raise Refusal(f"{self.by} has no strength and no target; leave them out")
        if self.by == "breaking" and self.target:
            raise Refusal("breaking has no target; leave it out")

    @property
    def needs(self) -> Needs:
        capability = {"negation": "amplification", "breaking": "bending"}.get(self.by, self.by)
        return Needs(capability=capability, own_data=self.by in ("shifting", "breaking"))

    @property
    def one_plan(self) -> bool:
        return self.by == "breaking"

    @property
    def variant(self) -> str:
        way = "towards" if self.strength < 0 else "away from"
        return {
            "shifting": "a large shift: parameter transfer of wrong labels to linear models, as in the paper",
            "scaling": f"all records are driven {way} class {self.target}",
            "zeroing": "no record of any batch counts",
            "negation": "hidden layers climb the loss of all records: not in the paper",
            "breaking": "large errors at one site, whatever it is: not in the paper",
        }[self.by]

    def prepare(self, view: View) -> Errors:
        everyone = jnp.ones(view.batch, bool)
        view.check_class(self.target)
        if self.by == "breaking":
            return broken(view, self.strength)
        if self.by == "zeroing":
            return zero(view.surface, everyone)
        if self.by == "negation":
            return amplify(view.surface, everyone, 1)
        if self.by == "scaling":
            return scaled(view, everyone, self.strength, self.target)
        changes = self.shifted(view)
        return view.errors_that_move({n: self.strength * change for n, change in changes.items()})

    def shifted(self, view: View) -> dict[str, Any]:
        """The changes of a step at strength 1."""
        if linear(view) is None and not view.public_start:
            return one_output(view, self.target)
        if self.target:
            raise Refusal(
                "a shift of a linear model, or from a public start, is towards wrong labels and has no target; leave "
                "it out"
            )
        return wrong_change(view)


def wrong_change(view: View) -> dict[str, Any]:
    """What a step on the adversary's records changes, each with the next class as its label (Fig. 5)."""
    return transferred(view, view.x, wrong(view.job.task, view.y, view.classes))


def one_output(view: View, target: int) -> dict[str, Any]:
    """The learning rate, for each weight into the output of class `target`.

    One output is that of class 1, and class 0 is its opposite.
    """
    last = next((at for at in reversed(view.anatomy.maps) if at.closes), None)
    if last is None:
        raise Refusal(
            f"job {view.job.name!r} has parameters between its last layer and the scores, so that no weights lead "
            "into one output: this shift has no way in here; take by=scaling"
        )
    outputs = to_scores(view, last)
    into = outputs[:, target] if view.outputs > 1 else (2 * target - 1) * outputs[:, 0]
    weights = jnp.sign(last.weights_gradient(jnp.ones((1, last.inputs)), into[None]))
    return {last.leaf: rate(view, last.leaf) * weights}
