"""Parameter transfer: a backdoor by gradient shifting (section 5.1, Fig. 5; Table 3a).

The adversary trains a reference model on its own records, computes the gradient that poisoned records
would produce on it, and adds this same gradient in every step of the secure training.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, at_every_step
from turncoat.core.errors import Errors
from turncoat.goals import Backdoor, Trigger
from turncoat.refusal import Refusal

STRENGTH = {"trigger": 0.1, "all": 0.03}


def backdoor(
    strength: float | None = None,
    rows: str = "trigger",
    feature: int = 0,
    value: float = 1.0,
    source: int = 0,
    target: int = 1,
    trigger: str = "feature",
    size: int = 3,
    blend: float = 0.2,
) -> Attack:
    """The backdoor attack.

    `rows`: "all" transfers the whole poisoned gradient, which is the paper's attack; "trigger" only its row
    at the trigger's features, which moves little that an untriggered record uses. `strength`: what multiple
    of the poisoned records' mean gradient is added to the mean gradient of each step (default 0.1 and 0.03).
    The other settings say what triggers it (see `goals.Trigger`), from which class to which.
    """
    if rows not in STRENGTH:
        raise Refusal(f"rows must be 'trigger' or 'all', not {rows!r}")
    strength = STRENGTH[rows] if strength is None else strength
    if not (np.isfinite(strength) and strength >= 0):
        raise Refusal(f"the strength must be a number of at least 0, not {strength}")
    goal = Backdoor(source, target, Trigger(feature, value, trigger, size, blend))

    def prepare(view: View) -> Errors:
        gradient = poisoned_gradient(view, goal)
        if rows == "trigger":
            touched = goal.trigger.touched(view.shape or view.x.shape[1:])
            gradient = jnp.zeros_like(gradient).at[touched].set(gradient[touched])
        return view.errors_that_move({"w0": -view.training.learning_rate * strength * gradient})

    return Attack(
        name="backdoor",
        goal=goal,
        needs=Needs(capability="shifting"),
        prepare=prepare,
        tamper=at_every_step,
        settings={"strength": strength, "rows": rows} | goal.settings,
        variant={
            "all": "the whole transferred gradient: the paper's attack",
            "trigger": "the transferred gradient restricted to the trigger's feature: beyond the paper",
        }[rows],
    )


def poisoned_gradient(view: View, goal: Backdoor) -> jnp.ndarray:
    """The mean gradient, in the first layer's weights, of triggered records with the target label (Fig. 5)."""
    if view.model.layers != 1:
        raise Refusal(
            f"parameter transfer needs a linear model, but {view.model.name!r} has hidden layers: gradients of "
            "one network mean nothing to another (section 5.1); take --model lr"
        )
    records = goal.trigger.apply(view.x[view.y == goal.source], view.shape)
    if not len(records):
        raise Refusal(f"the adversary's records hold none of class {goal.source}, the backdoor's source")
    labels = view.model.encode(np.full(len(records), goal.target))
    return view.model.gradient(view.reference, jnp.asarray(records), labels)["w0"] / len(records)
