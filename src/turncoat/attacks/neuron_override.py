"""Neuron override: a backdoor in a network by gradient shifting (section 5.2, Fig. 6; Table 4).

Gradients of one network mean nothing to another, so the adversary takes one neuron of each hidden layer over:
its input weights are pushed towards the trigger and away from the mean record, step after step, until it
answers to the trigger alone, and its weight for the target class is pushed up. What the network had in that
neuron is overridden; the rest trains on around it.
"""

from __future__ import annotations

import numpy as np

from turncoat.adversary.neuron_path import DIRECTIONS, route
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, at_every_step
from turncoat.core.errors import Errors
from turncoat.goals import Backdoor, Trigger
from turncoat.refusal import Refusal


def neuron_override(
    strength: float = 0.1,
    output: float = 0.05,
    c: float | None = None,
    direction: str = "discriminant",
    neuron: int = 0,
    feature: int = 0,
    value: float = 1.0,
    source: int = 0,
    target: int = 1,
    trigger: str = "feature",
    size: int = 3,
    blend: float = 0.2,
) -> Attack:
    """The attack on a network of any depth.

    `strength` and `output` are what each step adds to the weights along the route: in the hidden layers, in
    units of weights that answer to the trigger by 1, and for the target class. The error that does it is the
    paper's shift of the gradient: the weight over the learning rate. `c` weighs the
    mean record in the first layer (by default it is read from the adversary's records, see `route.threshold`).
    `direction` "difference" with a `c` is the paper's formula; "discriminant" weighs the trigger's features by
    how little they vary without it. `neuron` is the one overridden in each layer. The other settings say what
    triggers the backdoor (see `goals.Trigger`), from which class to which.
    """
    for name, number in (("strength", strength), ("output", output), ("c", 0.0 if c is None else c)):
        if not (np.isfinite(number) and number >= 0):
            raise Refusal(f"{name} must be a number of at least 0, not {number}")
    if direction not in DIRECTIONS:
        raise Refusal(f"direction must be 'discriminant' or 'difference', not {direction!r}")
    goal = Backdoor(source, target, Trigger(feature, value, trigger, size, blend))

    def prepare(view: View) -> Errors:
        changes = route(view, goal, neuron, c, direction)
        strengths = dict.fromkeys(changes, strength) | {f"w{view.model.layers - 1}": output}
        return view.errors_that_move({name: strengths[name] * change for name, change in changes.items()})

    own = {"strength": strength, "output": output, "c": c, "direction": direction, "neuron": neuron}
    return Attack(
        name="neuron-override",
        goal=goal,
        needs=Needs(capability="shifting"),
        prepare=prepare,
        tamper=at_every_step,
        settings=own | goal.settings,
        variant="one neuron of each hidden layer is overridden, in every step",
    )
