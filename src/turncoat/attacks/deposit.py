"""Dead-neuron deposit: one error stores a training record in a neuron's weights, and the model stays usable.

The error drives one neuron's derivative for one example: its bias falls by s and its weights by s x. On
records with nonnegative features the neuron is dead from then on, its gradient is zero, and it carries the
record to the end of training. Not in the paper, which thinks reconstruction cannot be stealthy (Table 2). In
a linear model the same error ruins the output of a class, unless that output is spare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import unit
from turncoat.adversary.reading import Holder, Prior, holder, pooled, reader
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Taken
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal
from turncoat.settings import NOT_ZERO

AWAKE = 0.01  # share of pairs of records up to which a neuron counts as dead


def step_by_step(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of this step, none outside of the deposit's."""
    (site,) = plan["errors"]
    errors, since = plan["errors"][site], info.step - plan["first"]
    now = errors[jnp.clip(since, 0, len(errors) - 1)]
    return Errors({site: now}).at_steps(since, 0, len(errors) - 1)


@dataclass(frozen=True)
class Deposit(Attack):
    """Training records are stored in dead neurons, by one error each, and the model stays usable.

    `strength` is added to the neuron's derivative in the mean loss of the batch, so that the record enters
    the weights times strength x learning rate. `prior`: "gaussian" reads each record as the most likely one
    among records like the adversary's own; "none" only rescales it by the bias.
    """

    records: Annotated[int, Field(ge=1, description="how many records of the batch are stored")] = 10
    strength: Annotated[float, NOT_ZERO, Field(description="what is added to a neuron's derivative")] = 30.0
    copies: Annotated[int, Field(ge=1, description="how many neurons hold each record")] = 1
    at: Annotated[float, Field(ge=0, le=1, description="the step, as a share of training")] = 0.0
    prior: Annotated[
        Literal["gaussian", "none"],
        Field(description="a record is read as the most likely one, or only rescaled"),
    ] = "gaussian"
    unit: Annotated[int, Field(ge=0, description="the first neuron used")] = 0

    name = "deposit"
    otherwise = ({"records": 1},)
    needs = Needs(capability="shifting", steps=True, rows=True, reads="weights")
    variant = "one error per record and neuron in one step: beyond the paper"
    tamper = staticmethod(step_by_step)

    @property
    def goal(self) -> goals.Reconstruction:
        return goals.Reconstruction(self.records)

    @property
    def units(self) -> np.ndarray:
        """The neurons of each record: (records, copies)."""
        return self.unit + np.arange(self.records * self.copies).reshape(self.records, self.copies)

    def slots(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """The step and the position in its batch of each record."""
        number, batch = np.arange(self.records), view.batch
        latest = view.steps - 1 - (self.records - 1) // batch
        if latest < 0:
            raise Refusal("training ends before so many records can be deposited; deposit fewer")
        return min(round(self.at * (view.steps - 1)), latest) + number // batch, number % batch

    def prepare(self, view: View) -> dict[str, Any]:
        """The errors of the first step and those after it, one array for all of them."""
        held = holder(view)
        self.check_units(view, held)
        steps, positions = self.slots(view)
        errors = np.zeros((steps[-1] - steps[0] + 1, view.batch, held.layer.units), np.float32)
        places = (steps - steps[0])[:, None], positions[:, None], self.units
        errors[places] = self.strength * view.batch * unit(view)
        shaped = errors.reshape(len(errors), *view.surface[held.site].shape)
        return {"errors": Errors({held.site: shaped}), "first": jnp.asarray(int(steps[0]))}

    def check_units(self, view: View, held: Holder) -> None:
        """Refuses neurons that do not exist, or that would not hold a record."""
        there = held.layer.units
        if not (held.layer.relu or held.layer.closes):
            raise Refusal(
                "the first layer's neurons are not silent below zero, as those of a ReLU are, so that one that holds "
                "a record would go on learning: this attack has no way in here"
            )
        if awake(view.x) > AWAKE:
            raise Refusal(
                "records here point in opposite directions (features of both signs), so a neuron that holds one of "
                "them would wake up on others and grow; scale the features to be nonnegative for a deposit"
            )
        needed = self.unit + self.records * self.copies
        if needed > there:
            raise Refusal(
                f"{self.records} records in {self.copies} neurons each, from neuron {self.unit} on, need {needed} "
                f"of the first layer's {there}; deposit fewer, or train a wider model"
            )
        ruined = sorted(set(self.units.ravel().tolist()) & set(view.y.tolist()))
        if held.layer.closes and ruined:
            raise Refusal(
                f"in a linear model a deposit takes the output of a class, here of class {ruined[0]}, which stops "
                "being predicted and goes on learning; deposit in a network's neurons, or in a spare output"
            )

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> Taken:
        """Each record read from its neurons."""
        weights, bias = reader(view).read(view, params)
        found = [pooled(weights[:, mine], bias[mine]) for mine in self.units]
        seen, gains = np.stack([x for x, _ in found]), np.array([gain for _, gain in found])
        known = Prior.of(view.x)
        if self.prior == "gaussian":
            seen = known.denoised(seen, gains[:, None] * old_variance(view, self.at))
        return Taken(np.clip(seen, known.low, known.high), *self.slots(view))


def awake(x: np.ndarray, sample: int = 300) -> float:
    """The share of pairs of records x, z with x z + 1 < 0: z would wake a neuron that holds x."""
    some = x[:sample].astype(np.float64)
    return float(np.mean(some @ some.T < -1))


def old_variance(view: View, at: float) -> float:
    """The variance of the weights under the deposit: initial ones, or those of a trained model later on."""
    before = view.job.release(view.job.init(view.key)) if at == 0 else view.reference
    return float(np.var(reader(view).read(view, before)[0]))
