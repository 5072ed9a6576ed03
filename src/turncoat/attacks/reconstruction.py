"""Reconstruction by one large scaling in the last batch (section 5.4, Fig. 7; Figs. 2 and 3)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.reading import Prior, deposit_site, pooled, rescaled
from turncoat.adversary.strategies import scale
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Reconstruction, Taken
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.models import Params
from turncoat.refusal import Refusal

READ = ("neuron", "all")


def reconstruction(
    strength: float = 10_000.0, target: int = 0, position: int = 0, read: str = "all"
) -> Attack:
    """The attack: the loss derivative of one example of the last batch is C = `strength` at class `target`.

    `position` is the example's place in its batch: without the data order the adversary cannot choose whose
    record that is. `read`: "neuron" rescales the weights of the one neuron that holds the most coherent
    record, as the paper does by eye; "all" fits one record to all neurons.
    """
    if read not in READ:
        raise Refusal(f"read must be 'neuron' or 'all', not {read!r}")
    if not np.isfinite(strength) or strength == 0:
        raise Refusal(f"the strength must be a number other than 0, not {strength}")

    def prepare(view: View) -> dict[str, Any]:
        if not 0 <= position < view.training.batch:
            raise Refusal(f"position {position} is not in a batch of {view.training.batch}")
        deposit_site(view)
        chosen = jnp.arange(view.training.batch) == position
        return {"errors": scale(view.surface, chosen, strength, target), "last": jnp.asarray(view.steps - 1)}

    def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
        return plan["errors"].at_steps(info.step, plan["last"])

    def exploit(view: View, plan: dict[str, Any], params: Params) -> Taken:
        weights, bias = (np.asarray(params[n], np.float64) for n in ("w0", "b0"))
        record = most_coherent(view, weights, bias) if read == "neuron" else everything(view, weights, bias)
        return Taken(record[None], np.array([view.steps - 1]), np.array([position]))

    return Attack(
        name="reconstruction",
        goal=Reconstruction(),
        needs=Needs(capability="scaling"),
        prepare=prepare,
        tamper=tamper,
        exploit=exploit,
        settings={"strength": strength, "target": target, "position": position, "read": read},
        variant={
            "neuron": "one neuron's weights, rescaled by its bias: the paper's reading, chosen by a coherence score",
            "all": "one record fitted to all neurons: beyond the paper's reading of one",
        }[read],
    )


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
    return prior.power(np.asarray(view.reference["w0"], np.float64))
