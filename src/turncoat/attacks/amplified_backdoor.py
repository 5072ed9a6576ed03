"""Amplified backdoor poisoning: scaled gradients of a colluding contributor's triggered records (section 5.6).

A contributor of data adds records of the source class that bear the trigger and the target class as their label. The
corrupt party scales their gradients towards this label wherever they stand in a batch, as in amplified data
poisoning. The paper leaves this out of Table 7, since it found that it "leads to inaccurate models, likely due to the
relatively large amount of poisoning data". Scaling a record pushes all that it holds, not its trigger alone, towards
the target class; with `against` "rival" it is also pushed out of the class that it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import scaled
from turncoat.adversary.view import View
from turncoat.attacks.amplified_poisoning import directions, errors_of_copies, scaling
from turncoat.attacks.attack import Attack, Needs, Sweep
from turncoat.goals import Trigger
from turncoat.refusal import Refusal

SHARE = 0.003  # of the victims' records; docs/tuning.md, "Amplified backdoor"


@dataclass(frozen=True)
class AmplifiedBackdoor(Attack):
    """A trigger turns one class into another: a contributor's triggered, mislabelled records, their gradients scaled.

    The records are the adversary's own of class `source`, with the trigger, in the place of as many of the
    victims'; where it has too few, they are repeated.
    """

    records: Annotated[
        int | None, Field(ge=1, description="how many records are contributed; by default 0.3 %, at least 5")
    ] = None
    strength: Annotated[float, Field(lt=0, description="C in F = P + C e_c - Y, c the target class")] = -3.0
    against: Annotated[
        Literal["rival", "nothing"],
        Field(description="what is pushed down: the class that a record has, or nothing, as the paper"),
    ] = "rival"
    begin: Annotated[float, Field(ge=0, lt=1, description="the share of training after which it begins")] = (
        0.0
    )
    source: Annotated[int, Field(description="the class of the records that bear the trigger")] = 0
    target: Annotated[int, Field(description="the class that they are to take")] = 1
    trigger: Trigger = field(default_factory=Trigger)

    name = "amplified-backdoor"
    otherwise = ({"begin": 0.9, "strength": -20.0}, {"records": 1, "begin": 0.9, "strength": -20.0})
    tamper = staticmethod(errors_of_copies)
    sweeps = (Sweep("strength", (-1.0, -2.0, -3.0, -5.0, -10.0), "strength of the scaling"),)

    @property
    def goal(self) -> goals.Backdoor:
        return goals.Backdoor(self.source, self.target, self.trigger)

    @property
    def needs(self) -> Needs:
        timed = self.begin > 0
        return Needs("scaling", data_order=True, steps=timed, rows=True, colluding_contributor=True)

    @property
    def variant(self) -> str:
        way = (
            "the paper's, of which it prints no numbers" if self.against == "nothing" else "beyond the paper"
        )
        return f"triggered records scaled towards the target class and against {self.against}: {way}"

    def prepare(self, view: View) -> dict[str, Any]:
        """The error of one scaled example, each contributed record's direction, and where it stands."""
        x, labels = self.contribute(view)
        unit = scaled(view, jnp.ones(view.batch, bool), self.strength)
        push = directions(view, x, labels, self.against)
        return scaling(view, unit, self.begin, push, np.arange(len(x)))

    def contribute(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Triggered records of the source class with the target class as their label."""
        own = view.x[view.y == self.source]
        if not len(own):
            raise Refusal(f"the adversary's records hold none of class {self.source}, the backdoor's source")
        number = self.number_in(view)
        chosen = own[np.arange(number) % len(own)]
        return self.trigger.apply(chosen, view.shape), np.full(number, self.target)

    def number_in(self, view: View) -> int:
        """How many records the contributor adds."""
        number = max(5, round(SHARE * view.records)) if self.records is None else self.records
        if number > view.records:
            raise Refusal(
                f"{number} contributed records do not fit into the victims' {view.records}; take fewer"
            )
        return number
