"""Parameter transfer: a backdoor by gradient shifting (section 5.1, Fig. 5; Table 3a).

The adversary trains a reference model on its own records, computes the gradient that poisoned records
would produce on it, and adds this same gradient in every step of the secure training. That is: it adds what a
step on these records changes, whatever the step's optimizer makes of a gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.transfer import opening, transferred
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Trigger
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED

STRENGTH = {"trigger": 0.1, "all": 0.03}


@dataclass(frozen=True)
class Backdoor(Attack):
    """A trigger turns one class into another: poisoned records' gradient is added to that of each step."""

    strength: Annotated[
        float,
        Field(ge=0, description="multiple of the poisoned records' mean gradient; 0.1, or 0.03 for rows=all"),
    ] = DERIVED
    rows: Annotated[
        Literal["trigger", "all"],
        Field(description="the whole gradient (all, as the paper), or its row at the trigger's features"),
    ] = "trigger"
    source: Annotated[int, Field(description="the class of the records that bear the trigger")] = 0
    target: Annotated[int, Field(description="the class that they are to take")] = 1
    trigger: Trigger = field(default_factory=Trigger)

    name = "backdoor"
    otherwise = ({"rows": "all"},)
    needs = Needs(capability="shifting")

    def defaults(self) -> Mapping[str, Any]:
        return {"strength": STRENGTH[self.rows]}

    @property
    def goal(self) -> goals.Backdoor:
        return goals.Backdoor(self.source, self.target, self.trigger)

    @property
    def variant(self) -> str:
        return {
            "all": "the whole transferred gradient: the paper's attack",
            "trigger": "the transferred gradient restricted to the trigger's feature: beyond the paper",
        }[self.rows]

    def prepare(self, view: View) -> Errors:
        changes = poisoned_change(view, self.goal)
        if self.rows == "trigger":
            changes = at_the_trigger(view, self.trigger, changes)
        return view.errors_that_move({name: self.strength * change for name, change in changes.items()})


def at_the_trigger(view: View, trigger: Trigger, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of those weights that meet the trigger's features of a record, and of no others."""
    features = np.zeros(view.x.shape[1], bool)
    features[trigger.touched(view.shape)] = True
    met = opening(view, features)
    found = {name: jnp.where(met[name], change, 0) for name, change in changes.items() if name in met}
    if not found:
        raise Refusal("no weights that can be moved meet a record's own features here; take rows=all")
    return found


def poisoned_change(view: View, goal: goals.Backdoor) -> dict[str, Any]:
    """What a step on triggered records with the target label changes (Fig. 5), of what can be transferred."""
    records = goal.trigger.apply(view.x[view.y == goal.source], view.shape)
    if not len(records):
        raise Refusal(f"the adversary's records hold none of class {goal.source}, the backdoor's source")
    return transferred(view, records, np.full(len(records), goal.target))
