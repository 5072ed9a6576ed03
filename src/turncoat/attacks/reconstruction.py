"""Reconstruction by one large scaling in the last batch (section 5.4, Fig. 7; Figs. 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import scaled
from turncoat.adversary.inside import inside
from turncoat.adversary.reading import Prior, holder, pooled, reader, rescaled
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Taken
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal
from turncoat.settings import NOT_ZERO


def in_the_last_step(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors in the last step of training, none before."""
    return plan["errors"].at_steps(info.step, plan["last"])


@dataclass(frozen=True)
class Reconstruction(Attack):
    """One training record is written into the model, by one large scaling in the last batch.

    The loss derivative of the example is C = `strength` at class `target`. `read`: "neuron" rescales the weights
    of the one neuron that holds the most coherent record, as the paper does by eye; "all" fits one record to all
    neurons. `through` "activation" does not touch the loss derivative, but a product inside its activation, by as
    much as serves in a rehearsal (see `adversary.inside`), for where the derivative is checked.
    """

    strength: Annotated[float, NOT_ZERO, Field(description="C in F = P + C e_c - Y of one example")] = (
        10_000.0
    )
    target: Annotated[int, Field(description="c, the class at which it is scaled")] = 0
    position: Annotated[int, Field(ge=0, description="the example's place in the last batch")] = 0
    read: Annotated[
        Literal["all", "neuron"],
        Field(description="the record is read off all neurons, or off one, as the paper"),
    ] = "all"

    through: Annotated[
        Literal["derivative", "activation"],
        Field(
            description="what is made large: the loss derivative itself, or a product inside its activation"
        ),
    ] = "derivative"

    name = "reconstruction"
    goal = goals.Reconstruction()
    needs = Needs(capability="scaling", steps=True, rows=True, reads="weights")
    tamper = staticmethod(in_the_last_step)

    def check_together(self) -> None:
        if self.through == "activation" and (self.strength, self.target) != (10_000.0, 0):
            raise Refusal("through=activation finds its own strength and has no target; leave them out")

    @property
    def one_plan(self) -> bool:
        return self.through == "activation"

    @property
    def variant(self) -> str:
        if self.through == "activation":
            return "from inside the activation, as large as a rehearsal shows to serve: beyond the paper"
        return {
            "neuron": "one neuron's weights, rescaled by its bias: the paper's reading, chosen by a coherence score",
            "all": "one record fitted to all neurons: beyond the paper's reading of one",
        }[self.read]

    def prepare(self, view: View) -> dict[str, Any]:
        batch = view.batch
        if self.position >= batch:
            raise Refusal(f"position {self.position} is not in a batch of {batch}; take 0 to {batch - 1}")
        if self.through == "activation":
            read = partial(self.record, view)
            return inside(view, reader(view).layer, self.position, in_the_last_step, read)
        holder(view)
        errors = scaled(view, jnp.arange(batch) == self.position, self.strength, self.target)
        return {"errors": errors, "last": jnp.asarray(view.steps - 1)}

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> Taken:
        return Taken(self.record(view, params), np.array([view.steps - 1]), np.array([self.position]))

    def record(self, view: View, params: Any) -> np.ndarray:
        """What is read off a released model: (1, features)."""
        weights, bias = reader(view).read(view, params)
        return (most_coherent if self.read == "neuron" else everything)(view, weights, bias)[None]


def most_coherent(view: View, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The weights over the bias of the neuron that looks most like a record of the adversary's own population."""
    prior = Prior.of(view.x)
    best = int(np.argmax(prior.coherence(weights, bias, weights_before(view, prior))))
    return np.clip(rescaled(weights, bias)[best], prior.low, prior.high)


def everything(view: View, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The record that explains all neurons at once, denoised by what records look like."""
    prior = Prior.of(view.x)
    seen, gain = pooled(weights, bias)
    noise = weights_before(view, prior)[None] * gain
    return np.clip(prior.denoised(seen[None], noise)[0], prior.low, prior.high)


def weights_before(view: View, prior: Prior) -> np.ndarray:
    """How large the first layer's weights are in the adversary's reference model, along each axis: squares (d,)."""
    return prior.power(reader(view).read(view, view.reference)[0])
