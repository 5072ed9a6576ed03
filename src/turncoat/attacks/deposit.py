"""Dead-neuron deposit: one error stores a training record in a neuron's weights, and the model stays usable.

The error drives one neuron's derivative for one example: its bias falls by s and its weights by s x. On
records with nonnegative features the neuron is dead from then on, its gradient is zero, and it carries the
record to the end of training. Not in the paper, which thinks reconstruction cannot be stealthy (Table 2). In
a linear model the same error ruins the output of a class, unless that output is spare.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.readout import Prior, deposit_site, pooled
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Reconstruction, Taken
from turncoat.models import Params
from turncoat.refusal import Refusal
from turncoat.training import StepInfo

PRIORS = ("gaussian", "none")


def deposit(
    records: int = 10,
    strength: float = 30.0,
    copies: int = 1,
    at: float = 0.0,
    prior: str = "gaussian",
    unit: int = 0,
) -> Attack:
    """The attack: `records` records of the batch of one step, each stored in `copies` neurons of its own.

    `strength` is added to the neuron's derivative in the mean loss of the batch, so that the record enters
    the weights times strength x learning rate. `at` is the step as a share of training, `unit` the first
    neuron used. `prior`: "gaussian" reads each record as the most likely one among records like the
    adversary's own; "none" only rescales it by the bias.
    """
    if records < 1 or copies < 1 or unit < 0:
        raise Refusal("a deposit needs at least one record and one neuron for each, from neuron 0 on")
    if not (np.isfinite(strength) and strength != 0):
        raise Refusal(f"the strength must be a number other than 0, not {strength}")
    if not 0 <= at <= 1:
        raise Refusal(f"the step must be a share of training from 0 to 1, not {at}")
    if prior not in PRIORS:
        raise Refusal(f"prior must be 'gaussian' or 'none', not {prior!r}")
    units = unit + np.arange(records * copies).reshape(records, copies)

    def slots(view: View) -> tuple[np.ndarray, np.ndarray]:
        """The step and the position in its batch of each record."""
        number, batch = np.arange(records), view.training.batch
        first = min(round(at * (view.steps - 1)), view.steps - 1 - (records - 1) // batch)
        return first + number // batch, number % batch

    def prepare(view: View) -> dict[str, Any]:
        site = deposit_site(view)
        shape = view.surface[site].shape
        if units.max() >= shape[1]:
            raise Refusal(
                f"{records} records in {copies} neurons each need {units.max() + 1} of the first layer's "
                f"{shape[1]} neurons; deposit fewer, or train a wider model"
            )
        if records > view.training.batch * view.steps:
            raise Refusal("training ends before so many records can be deposited; deposit fewer")
        steps, positions = slots(view)
        errors = np.zeros((steps[-1] - steps[0] + 1, *shape), np.float32)
        errors[(steps - steps[0])[:, None], positions[:, None], units] = strength * view.training.batch
        return {"errors": Errors({site: errors}), "first": jnp.asarray(int(steps[0]))}

    def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
        (site,) = plan["errors"]
        errors, since = plan["errors"][site], info.step - plan["first"]
        now = errors[jnp.clip(since, 0, len(errors) - 1)]
        return Errors({site: now}).at_steps(since, 0, len(errors) - 1)

    def exploit(view: View, plan: dict[str, Any], params: Params) -> Taken:
        weights, bias = (np.asarray(params[n], np.float64) for n in ("w0", "b0"))
        found = [pooled(weights[:, mine], bias[mine]) for mine in units]
        seen, gains = np.stack([x for x, _ in found]), np.array([gain for _, gain in found])
        return Taken(_read(view, seen, gains), *slots(view))

    def _read(view: View, seen: np.ndarray, gains: np.ndarray) -> np.ndarray:
        known = Prior.of(view.x)
        if prior == "gaussian":
            seen = known.denoised(seen, gains * old_variance(view, at))
        return np.clip(seen, known.low, known.high)

    return Attack(
        name="deposit",
        goal=Reconstruction(records),
        needs=Needs(capability="shifting"),
        prepare=prepare,
        tamper=tamper,
        exploit=exploit,
        settings={
            "records": records,
            "strength": strength,
            "copies": copies,
            "at": at,
            "prior": prior,
            "unit": unit,
        },
        variant="one error per record and neuron in one step: beyond the paper",
    )


def old_variance(view: View, at: float) -> float:
    """The variance of the weights under the deposit: initial ones, or those of a trained model later on."""
    before = view.model.init(view.key) if at == 0 else view.reference
    return float(np.var(np.asarray(before["w0"], np.float64)))
