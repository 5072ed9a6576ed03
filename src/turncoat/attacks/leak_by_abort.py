"""Leak by abort: an error that counts just if a secret bit is set, and whether the run is aborted tells the bit.

In the first step an error is added to the gradient in front of one neuron's ReLU, for one record: it passes where
the neuron fires for that record, and nowhere else. Honest parties that compare results see it in the one case alone;
those that check messages see it in both. Source: selective failure, as delayed checks of three- and four-party
protocols have it (ePrint 2026/234).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.core.sites import Site
from turncoat.jobs.linear_map import LinearMap
from turncoat.jobs.loop import StepInfo, unequal
from turncoat.refusal import Refusal

DRAWS = 16
"""Batches on which a site is tried: by accident it follows the neuron in one of 65,536 cases."""


def in_the_first_step(plan: Errors, info: StepInfo) -> Errors:
    """The errors in the first step of training, none later."""
    return plan.at_steps(info.step, jnp.zeros((), jnp.int32))


@dataclass(frozen=True)
class LeakByAbort(Attack):
    """One error in the first step, in front of a ReLU: it counts where a secret neuron fires for a record."""

    strength: Annotated[float, Field(gt=0, description="the error")] = 1.0
    neuron: Annotated[int, Field(ge=0, description="the neuron of the first layer with ReLUs")] = 0
    position: Annotated[int, Field(ge=0, description="the record's place in the first batch")] = 0

    name = "leak-by-abort"
    needs = Needs(capability="shifting", steps=True, rows=True)
    variant = "one error that counts just if a secret neuron fires: not in the paper"
    tamper = staticmethod(in_the_first_step)

    @property
    def goal(self) -> goals.LeakByAbort:
        return goals.LeakByAbort(self.neuron, self.position)

    def prepare(self, view: View) -> Errors:
        at = next((m for m in view.anatomy.maps if m.relu), None)
        if at is None:
            raise Refusal(
                "this job has no layer with ReLUs, where an error counts or not: this attack has no way in here"
            )
        if self.position >= view.batch or self.neuron >= at.units:
            raise Refusal(
                f"there are {view.batch} records in a batch and {at.units} neurons in the first layer with ReLUs, "
                f"counted from 0: no place {self.position} with neuron {self.neuron}"
            )
        for site in view.surface:
            if site.full_shape == (view.batch, at.units) and jnp.issubdtype(site.dtype, jnp.inexact):
                error = (
                    jnp.zeros(site.full_shape, site.dtype).at[self.position, self.neuron].set(self.strength)
                )
                if follows(view, at, site, error, (self.position, self.neuron)):
                    return Errors({site.name: error})
        raise Refusal(
            f"no error counts just where neuron {self.neuron} fires: this attack has no way in here"
        )

    def exploit(self, view: View, plan: Errors, params: Any) -> bool:
        """Whether the neuron fires: whether nothing was opened."""
        return all(bool(np.isnan(leaf).all()) for leaf in jax.tree.leaves(params) if np.size(leaf))


def follows(view: View, at: LinearMap, site: Site, error: Any, of: tuple[int, int]) -> bool:
    """Whether the error changes a step just where the neuron fires, on batches of the adversary's own."""
    x, y, rng = jnp.asarray(view.x), view.encode(view.y), np.random.default_rng(0)
    _, more = view.example
    seen = set()
    for key in jax.random.split(view.key, DRAWS):
        state, batch = view.job.init(key), jnp.asarray(rng.integers(len(view.x), size=view.batch))
        step = (state, x, y, batch)
        changes = bool(
            unequal(view.program(*step, **more), view.program(*step, errors={site.name: error}, **more))
        )
        own = view.shaped(view.x[np.asarray(batch[of[0]])][None])
        fires = bool(view.anatomy.units(at, view.job.release(state), own)[0, of[1]] > 0)
        if changes != fires:
            return False
        seen.add(fires)
    return len(seen) == 2
