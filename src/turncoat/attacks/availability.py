"""Availability: the model is made useless (section 5.7; Table 8 by parameter transfer).

"shifting" adds, in every step, the gradient that the adversary's own records with wrong labels have on its
reference model; gradients of one network mean nothing to another, so that of a network all weights into one
output are pushed up instead, which outgrows the other outputs because no neuron is below 0. "scaling" drives
all records of every batch towards one class. "zeroing" takes all records out of every batch, so that a network
stays what it was at the start, but for its last bias.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.strategies import scale, zero
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, at_every_step
from turncoat.core.errors import Errors
from turncoat.goals import Availability
from turncoat.refusal import Refusal

STRENGTH = {"shifting": 3.0, "scaling": -2.0, "zeroing": 1.0}


def availability(by: str = "shifting", strength: float | None = None, target: int = 0) -> Attack:
    """The availability attack.

    `by`: "shifting" (the paper's Table 8), "scaling" or "zeroing". `strength`: of a shift, what multiple of
    the wrongly labelled records' mean gradient (of a network: of 1 for each weight into class `target`) is
    added to the mean gradient of each step (default 3); of a scaling, C in F = P + C e_c - Y, c = `target`, of
    which a negative one drives records towards c (default -2); zeroing has none.
    """
    if by not in STRENGTH:
        raise Refusal(f"by must be 'shifting', 'scaling' or 'zeroing', not {by!r}")
    if by == "zeroing" and strength is not None:
        raise Refusal("zeroing has no strength; leave it out")
    strength = STRENGTH[by] if strength is None else strength
    if not np.isfinite(strength) or strength == 0:
        raise Refusal(f"the strength must be a number other than 0, not {strength}")

    def prepare(view: View) -> Errors:
        everyone = jnp.ones(view.training.batch, bool)
        if by == "zeroing":
            return zero(view.surface, everyone)
        if by == "scaling":
            return scale(view.surface, everyone, strength, target)
        gradient = wrong_gradient(view) if view.model.layers == 1 else one_output(view, target)
        rate = view.training.learning_rate
        return view.errors_that_move({n: -rate * strength * g for n, g in gradient.items()})

    return Attack(
        name="availability",
        goal=Availability(),
        needs=Needs(capability=by, own_data=by == "shifting"),
        prepare=prepare,
        tamper=at_every_step,
        settings={"by": by, "strength": strength, "target": target},
        variant={
            "shifting": "a large shift: parameter transfer of wrong labels to linear models, as in the paper",
            "scaling": f"all records are driven {'towards' if strength < 0 else 'away from'} class {target}",
            "zeroing": "no record of any batch counts",
        }[by],
    )


def wrong_gradient(view: View) -> dict[str, Any]:
    """The mean gradient in the weights of the adversary's records, each with the next class as its label (Fig. 5)."""
    labels = view.model.encode((view.y + 1) % view.model.classes)
    return {"w0": view.model.gradient(view.reference, jnp.asarray(view.x), labels)["w0"] / len(view.x)}


def one_output(view: View, target: int) -> dict[str, Any]:
    """-1 for each weight into the output of class `target`; one output is that of class 1, and 0 its opposite."""
    last = f"w{view.model.layers - 1}"
    like = jnp.zeros_like(view.reference[last])
    if like.shape[1] == 1:
        return {last: like + (-1.0 if target else 1.0)}
    if not 0 <= target < like.shape[1]:
        raise Refusal(f"class {target} does not exist; the classes are 0 to {like.shape[1] - 1}")
    return {last: like.at[:, target].set(-1.0)}
