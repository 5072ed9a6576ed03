"""Neuron override: a backdoor in a network by gradient shifting (section 5.2, Fig. 6; Table 4).

Gradients of one network mean nothing to another, so the adversary takes one neuron of each hidden layer over:
its input weights are pushed towards the trigger and away from the mean record, step after step, until it
answers to the trigger alone, and its weight for the target class is pushed up. What the network had in that
neuron is overridden; the rest trains on around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from turncoat import goals
from turncoat.adversary.chain import together
from turncoat.adversary.neuron_path import route
from turncoat.adversary.restraint import restrained
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Trigger


@dataclass(frozen=True)
class NeuronOverride(Attack):
    """A trigger turns one class into another: a neuron of each hidden layer answers to it alone.

    `strength` and `output` are what each step adds to the weights along the route: in the hidden layers in
    units of weights that answer to the trigger by 1, and for the target class. The error that does it is the
    paper's shift of the gradient: the weight over the learning rate. `direction` "difference" with a `c` is
    the paper's formula; `c` is else read from the adversary's records (see `neuron_path.threshold`).
    """

    strength: Annotated[float, Field(ge=0, description="what a step adds to the hidden layers' weights")] = (
        0.1
    )
    output: Annotated[float, Field(ge=0, description="what it adds to the weight for the target class")] = (
        0.05
    )
    c: Annotated[
        float | None, Field(ge=0, description="weighs the mean record; by default read from own records")
    ] = None
    direction: Annotated[
        Literal["discriminant", "difference"],
        Field(description="features that vary little count most, or all alike, as the paper"),
    ] = "discriminant"
    restrain: Annotated[
        bool, Field(description="errors that leave the adversary's own model useless are made smaller")
    ] = True
    neuron: Annotated[int, Field(ge=0, description="the neuron overridden in each hidden layer")] = 0
    source: Annotated[int, Field(description="the class of the records that bear the trigger")] = 0
    target: Annotated[int, Field(description="the class that they are to take")] = 1
    trigger: Trigger = field(default_factory=Trigger)

    name = "neuron-override"
    needs = Needs(capability="shifting")
    variant = "one neuron of each hidden layer is overridden, in every step"

    @property
    def goal(self) -> goals.Backdoor:
        return goals.Backdoor(self.source, self.target, self.trigger)

    def prepare(self, view: View) -> Errors:
        *hidden, (last, spoken) = route(view, self.goal, self.neuron, self.c, self.direction)
        moved = [(name, self.strength * change) for name, change in hidden]
        errors = view.errors_that_move(together([*moved, (last, self.output * spoken)]))
        return restrained(view, errors, self.tamper) if self.restrain else errors
