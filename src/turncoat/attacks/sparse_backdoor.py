"""How few errors are enough? A backdoor by a handful of additive errors in the whole of training.

The paper tampers with about 1.5 million products and says that it did not try to use fewer (section 5.1). Here
each error moves one weight that counts (see `adversary.places`), by as much as a rehearsal shows to be needed
(see `adversary.search`). Errors beyond one per place go to further features of the trigger, then to more steps,
so that each is smaller.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from turncoat.adversary.budget import SLACK
from turncoat.adversary.chain import chain
from turncoat.adversary.search import ALIKE, Search, early_and_late
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, Sweep
from turncoat.goals import CovertBackdoor, Trigger


@dataclass(frozen=True)
class SparseBackdoor(Attack):
    """A trigger turns one class into another, by a handful of errors in the whole of training.

    `largest` is in units of the summed gradient of a batch; `loss` is what the adversary expects.
    """

    errors: Annotated[
        int | None, Field(ge=1, description="errors in all of training; by default one a layer, at least two")
    ] = None
    largest: Annotated[
        float | None, Field(gt=0, description="the largest error; by default as large as it takes")
    ] = None
    loss: Annotated[float, Field(ge=0, le=1, description="the accuracy that it may cost, as expected")] = (
        0.005
    )
    slack: Annotated[
        float, Field(ge=1, description="how many times larger errors are than a rehearsal shows to be needed")
    ] = SLACK
    rehearsed: Annotated[
        int, Field(ge=1, description="how many neurons of a rehearsed network a size is judged on")
    ] = ALIKE
    neuron: Annotated[int, Field(ge=0, description="the neuron used in each hidden layer")] = 0
    source: Annotated[int, Field(description="the class of the records that bear the trigger")] = 0
    target: Annotated[int, Field(description="the class that they are to take")] = 1
    trigger: Trigger = field(default_factory=Trigger)

    name = "sparse-backdoor"
    needs = Needs(capability="shifting", steps=True)
    variant = "a few errors in the first and the last steps: beyond the paper"
    sweeps = (
        Sweep("errors", (1, 2, 8, 32, 128), "number of errors", {"largest": 1000.0}),
        Sweep("largest", (1e2, 1e3, 1e4, 1e5, 1e6), "largest error"),
    )
    tamper = staticmethod(early_and_late)

    @property
    def goal(self) -> CovertBackdoor:
        return CovertBackdoor(self.source, self.target, self.trigger)

    def prepare(self, view: View) -> dict[str, Any]:
        number = max(2, len(chain(view).layers)) if self.errors is None else self.errors
        known = self.neuron, number, self.largest, self.loss
        return Search(view, self.goal, *known, slack=self.slack, alike=self.rehearsed).plan()
