"""Targeted neuron override: a few chosen records take a wanted class in a network (section 5.2).

The paper implements neuron override for backdoors and believes that it can be used for targeted attacks too.
Here each chosen record has a neuron of its own in every hidden layer. The first one is pushed towards the record
and away from the mean record, so that it answers to this record alone, and its weight for the wanted class is
pushed up. That needs no gradient of the model, so it works where parameter transfer does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.chain import network, together
from turncoat.adversary.neuron_path import route_to_record
from turncoat.adversary.restraint import restrained
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class TargetedOverride(Attack):
    """A few test records take a wanted class in a network: a neuron of each hidden layer answers to each of them.

    `strength` and `output` are what all steps together add to the weights along a record's route: in the hidden
    layers in units of weights by which the record differs from the mean one by 1, and for the wanted class.
    """

    strength: Annotated[float, Field(ge=0, description="what is added to the hidden layers' weights")] = 100.0
    output: Annotated[float, Field(ge=0, description="what is added to the weight for the wanted class")] = (
        2.0
    )
    restrain: Annotated[
        bool, Field(description="errors that leave the adversary's own model useless are made smaller")
    ] = True
    neuron: Annotated[int, Field(ge=0, description="the first neuron overridden in each hidden layer")] = 0
    records: Annotated[int, Field(ge=1, description="how many test records are to change their class")] = 5

    name = "targeted-override"
    needs = Needs(capability="shifting", chosen_records=True)
    variant = (
        "a neuron of each hidden layer is overridden for each chosen record, in every step: the paper believes it "
        "possible"
    )

    @property
    def goal(self) -> goals.Targeted:
        return goals.Targeted(self.records)

    def prepare(self, view: View) -> Errors:
        """The routes of all chosen records: no two of them share a neuron."""
        self.check_neurons(view)
        chosen = zip(view.told["records"], view.told["labels"], strict=True)
        routes = [route_to_record(view, x, int(c), self.neuron + i) for i, (x, c) in enumerate(chosen)]
        each = [(leaf, np.sum([r[i][1] for r in routes], 0)) for i, (leaf, _) in enumerate(routes[0])]
        *hidden, (last, spoken) = each
        moved = [(name, self.strength / view.steps * change) for name, change in hidden]
        errors = view.errors_that_move(together([*moved, (last, self.output / view.steps * spoken)]))
        return restrained(view, errors, self.tamper) if self.restrain else errors

    def check_neurons(self, view: View) -> None:
        """Refuses a model that has not a neuron for each record in every hidden layer."""
        fewest, needed = network(view, "targeted").fewest, self.neuron + self.records
        if needed > fewest:
            raise Refusal(
                f"{self.records} records from neuron {self.neuron} on need {needed} neurons in every hidden layer, "
                f"but one has {fewest}; aim at fewer records, or train a wider model"
            )
