"""Fairness: one party's records are taken out of training, or turned against it (section 5.5, Table 6)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.examples import of_examples, opposed
from turncoat.adversary.strategies import scale, zero
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Fairness
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal

MEANS = ("scaling", "zeroing")
OTHERS = ("untouched", "opposed")


def fairness(
    by: str = "scaling",
    party: int = 0,
    strength: float = 2.0,
    target: int = 1,
    others: str = "untouched",
    records: int = 0,
) -> Attack:
    """The attack on contributor number `party`, whose records the adversary knows from the public data order.

    `by`: "zeroing" lets none of its records count (networks and support vector machines); "scaling" makes their
    loss derivative F = P + C e_c - Y, C = `strength`, c = `target`, with the sign of Fig. 7: a negative C drives
    them towards class c, a positive one away from it. `others`: the other parties' records in a batch are
    "untouched", as in the paper, or "opposed": they share the same with the opposite sign, so that the model
    learns what tells the target party's records from theirs, and no bias moves. `records` of each party are
    trained on, drawn by the harness; 0 takes all.
    """
    if by not in MEANS:
        raise Refusal(f"by must be 'scaling' or 'zeroing', not {by!r}")
    if others not in OTHERS:
        raise Refusal(f"others must be 'untouched' or 'opposed', not {others!r}")
    if by == "zeroing" and others == "opposed":
        raise Refusal("zeroing has no opposite; leave the others untouched or take by=scaling")
    if not np.isfinite(strength) or strength == 0:
        raise Refusal(f"the strength must be a number other than 0, not {strength}")

    def prepare(view: View) -> dict[str, Any]:
        if view.party is None:
            raise Refusal(
                "nothing public says whose records are whose here: fairness needs the parties' numbers"
            )
        batch = jnp.ones(view.training.batch, bool)
        errors = (
            zero(view.surface, batch) if by == "zeroing" else scale(view.surface, batch, strength, target)
        )
        return {"errors": errors, "mine": jnp.asarray(view.party == party)}

    def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
        mine = plan["mine"][info.batch]
        return (opposed if others == "opposed" else of_examples)(plan["errors"], mine)

    return Attack(
        name="fairness",
        goal=Fairness(party, records),
        needs=Needs(capability=by, own_data=False, data_order=True),
        prepare=prepare,
        tamper=tamper,
        settings={
            "by": by,
            "party": party,
            "strength": strength,
            "target": target,
            "others": others,
            "records": records,
        },
        variant="the target party's records do not count: the paper's attack"
        if by == "zeroing"
        else f"the target party's records are driven {'towards' if strength < 0 else 'away from'} class {target}, "
        f"the others {others}" + (": the paper's attack" if others == "untouched" else ": beyond the paper"),
    )
