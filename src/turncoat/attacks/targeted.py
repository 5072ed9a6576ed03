"""Parameter transfer: a few chosen records take a wanted class, by gradient shifting (section 5.1; Table 3b).

"gradient" is the paper's attack (Fig. 5): the gradient of the chosen records with the wanted class, computed on
a reference model, is added in every step. It moves the chosen records, and all others that resemble them.
"change" goes further. The adversary first attacks its own reference model until the chosen records are
classified as wanted, each by the same margin, and moves the weights only as its own records feel least: of
all changes D with given scores x D on the chosen records x, the one with the smallest mean square of x' D over
its own records x' is S^-1 x^T a, S the second moments of its records. It transfers this change, an equal part
in every step. Of a network from a public start it changes the first dense layer so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.transfer import the_linear, transferred
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.anatomy import Anatomy
from turncoat.jobs.linear_map import LinearMap
from turncoat.refusal import Refusal
from turncoat.settings import DERIVED

STRENGTH = {"gradient": 0.015, "change": 1.0}  # docs/tuning.md, "Targeted"
MARGIN = 6.0  # docs/tuning.md, "Targeted"
RIDGE = 0.01  # of the mean second moment, so that S can be inverted
MOST = 20_000  # steps of the attack on the reference model


@dataclass(frozen=True)
class Targeted(Attack):
    """A few test records take a wanted class, by a gradient or a change transferred to the model.

    `strength`: what multiple of the chosen records' mean gradient is added to the mean gradient of each step,
    or what multiple of the change is added in all.
    """

    transfer: Annotated[
        Literal["change", "gradient"],
        Field(description="the paper's gradient, or a change that keeps the accuracy"),
    ] = "change"
    strength: Annotated[
        float, Field(ge=0, description="multiple of the gradient in each step (0.015) or of the change (1)")
    ] = DERIVED
    margin: Annotated[
        float,
        Field(
            gt=0, le=88, description="by how much a change makes the wanted class's score exceed all others"
        ),
    ] = MARGIN
    records: Annotated[int, Field(ge=1, description="how many test records are to change their class")] = 5

    name = "targeted"
    needs = Needs(capability="shifting", chosen_records=True)

    def defaults(self) -> Mapping[str, Any]:
        return {"strength": STRENGTH[self.transfer]}

    def check_together(self) -> None:
        if self.transfer == "gradient" and self.margin != MARGIN:
            raise Refusal("a transferred gradient has no margin; leave it out or take transfer=change")

    @property
    def goal(self) -> goals.Targeted:
        return goals.Targeted(self.records)

    @property
    def variant(self) -> str:
        return {
            "gradient": "the transferred gradient of the chosen records: the paper's attack",
            "change": "a transferred change of the model that other records feel least: beyond the paper",
        }[self.transfer]

    def prepare(self, view: View) -> Errors:
        if self.transfer == "gradient":
            changes, parts = transferred(view, view.told["records"], view.told["labels"]), 1
        else:
            changes, parts = least_felt_change(view, self.margin), view.steps
        return view.errors_that_move({n: self.strength * change / parts for n, change in changes.items()})


def least_felt_change(view: View, margin: float) -> dict[str, Any]:
    """The change of weights that gives the chosen records the wanted class by `margin` in the reference model.

    Of a linear model it is one of its weights, from a public start one of the first dense layer's: x S^-1 x^T a on
    what its units take of the chosen records, by gradient descent on a, which is descent in the weights
    preconditioned by S^-1. Records that have their class pull no more.
    """
    at, records = moved_layer(view), view.shaped(view.told["records"])
    own, x = view.inputs(at, view.x), view.inputs(at, view.told["records"])
    moments = own.T @ own / len(own)
    ridge = RIDGE * jnp.trace(moments) / len(moments)
    basis = jnp.linalg.solve(moments + ridge * jnp.eye(len(moments)), x.T)
    units = view.anatomy.units(at, view.reference, records)

    whole = at.last or not at.closes  # behind a closing layer is a function without parameters: left out
    onward = Onward(view.anatomy, at.number if whole else None)
    moved = _descend(onward, (view.reference, records), units, _signs(view), x @ basis, margin)
    return {at.leaf: at.weights_gradient(basis.T, moved)}


@dataclass(frozen=True)
class Onward:
    """From the units of a layer to the scores, or no further than the units if no layer is numbered."""

    anatomy: Anatomy
    number: int | None

    def __call__(self, given: tuple[Any, Any], units: Any) -> Any:
        """By a released model, of records: (records, units) to (records, outputs)."""
        return units if self.number is None else self.anatomy.scores(*given, {self.number: units})


def moved_layer(view: View) -> LinearMap:
    """The layer whose weights are changed, the first that can be; Refusal where there is none."""
    if not view.public_start:
        the_linear(view)
    for at in view.anatomy.maps:
        if at.dense and (view.is_shifted(at.leaf) or not view.public_start):
            return at
    raise Refusal(
        "a change that others feel least needs a layer whose units share no weight; take transfer=gradient"
    )


def _signs(view: View) -> Any:
    """+1 at the wanted class and -1 elsewhere: (records, classes), or (records, 1) for one output."""
    labels = np.asarray(view.told["labels"])
    classes = np.ones(1, int) if view.outputs == 1 else np.arange(view.classes)
    return jnp.asarray(np.where(labels[:, None] == classes, 1.0, -1.0), jnp.float32)


def _lead(scores: Any, wanted: Any) -> Any:
    """By how much the wanted class's score exceeds all others: (records,)."""
    if scores.shape[1] == 1:
        return (wanted * scores)[:, 0]
    best = jnp.max(jnp.where(wanted > 0, scores, -jnp.inf), 1)
    return best - jnp.max(jnp.where(wanted > 0, -jnp.inf, scores), 1)


@partial(jax.jit, static_argnums=0)
def _descend(
    onward: Onward, given: tuple[Any, Any], units: Any, wanted: Any, kernel: Any, margin: float
) -> Any:
    """a such that the scores of units + kernel a lead as wanted: as large as the units."""
    rate, scores = 1.0 / jnp.linalg.eigvalsh(kernel)[-1], partial(onward, given)

    def pull(moved: Any) -> Any:
        z, back = jax.vjp(scores, units + kernel @ moved)
        likely = jax.nn.sigmoid(z) if z.shape[1] == 1 else jax.nn.softmax(z)
        return back(jnp.where(_lead(z, wanted)[:, None] < margin, likely - jnp.maximum(wanted, 0.0), 0.0))[0]

    def going(state: tuple) -> Any:
        moved, step = state
        return (jnp.min(_lead(scores(units + kernel @ moved), wanted)) < margin) & (step < MOST)

    def step(state: tuple) -> tuple:
        moved, i = state
        return moved - rate * pull(moved), i + 1

    return jax.lax.while_loop(going, step, (jnp.zeros_like(units), 0))[0]
