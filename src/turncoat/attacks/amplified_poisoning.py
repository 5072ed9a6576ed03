"""Amplified data poisoning: scaled gradients of a colluding contributor's records (section 5.6, Table 7).

A contributor of data adds copies of the chosen records with the wanted class as their label. The corrupt party
knows where they stand in each batch and which labels they have, and scales their gradients towards these:
F = P + C e_c - Y, C negative. With `against` "rival" it is F = P + C (e_c - e_r) - Y, r the class that the
adversary's reference model gives the record, so that the same errors also push the record out of the class
that it has. An error is the same however often the record has been seen, so the push does not fade as a
gradient does: to begin late keeps a network from being pushed further than needed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.strategies import scale
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Targeted
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal

AGAINST = ("rival", "nothing")
RECORDS_A_COPY = 2_500  # so that a small data set is not poisoned by the copies alone; docs/tuning.md


def amplified_poisoning(
    copies: int | None = None,
    strength: float = -5.0,
    against: str = "rival",
    begin: float = 0.5,
    records: int = 5,
) -> Attack:
    """The attack: `copies` of each of `records` chosen records with the wanted label, scaled with C = `strength`.

    By default there is one copy for each 2,500 of the victims' records, from 2 to 10, as the paper has.
    `against`: "nothing" moves the wanted class alone, which is the paper's attack, "rival" also the class that
    the record has. `begin`: the share of training after which the scaling begins (the paper: 0).
    """
    if copies is not None and copies < 1:
        raise Refusal(f"the contributor adds at least one copy of each record, not {copies}")
    if not np.isfinite(strength) or strength >= 0:
        raise Refusal(
            f"the strength must be a negative number, which drives records to their label, not {strength}"
        )
    if against not in AGAINST:
        raise Refusal(f"against must be 'rival' or 'nothing', not {against!r}")
    if not 0 <= begin < 1:
        raise Refusal(f"scaling begins after a share of training from 0 to below 1, not {begin}")

    return Attack(
        name="amplified-poisoning",
        goal=Targeted(records),
        needs=Needs(
            capability="scaling", own_data=against == "rival", data_order=True, colluding_contributor=True
        ),
        prepare=partial(prepare, copies, records, strength, against, begin),
        tamper=tamper,
        contribute=partial(contribute, copies),
        settings={
            "copies": copies,
            "strength": strength,
            "against": against,
            "begin": begin,
            "records": records,
        },
        variant="scaled towards the label, from the first step on: the paper's attack"
        if against == "nothing" and begin == 0
        else f"scaled towards the label and against {against}, from {begin:.0%} of training on: beyond the paper",
    )


def copies_in(view: View, copies: int | None) -> int:
    """How many copies of each chosen record the contributor adds."""
    return min(10, max(2, view.records // RECORDS_A_COPY)) if copies is None else copies


def contribute(copies: int | None, view: View) -> tuple[np.ndarray, np.ndarray]:
    """The colluding contributor's records: the chosen ones with the wanted labels."""
    x, y = (np.repeat(view.told[name], copies_in(view, copies), axis=0) for name in ("records", "labels"))
    return x, y


def prepare(
    copies: int | None, records: int, strength: float, against: str, begin: float, view: View
) -> dict[str, Any]:
    """The error of one scaled example, each chosen record's direction, and where its copies stand."""
    whose = np.full(view.records, -1, np.int32)  # which chosen record each of the victims' is a copy of
    added = np.repeat(np.arange(records, dtype=np.int32), copies_in(view, copies))
    whose[max(0, view.records - len(added)) :] = added[: view.records]
    return {
        "unit": scale(view.surface, jnp.ones(view.training.batch, bool), strength),
        "push": directions(view, against),
        "whose": jnp.asarray(whose),
        "first": jnp.asarray(int(begin * view.steps), jnp.int32),
    }


def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the contributed records in this batch."""
    whose = plan["whose"][info.batch]
    push = jnp.where((whose >= 0)[:, None], plan["push"][jnp.maximum(whose, 0)], 0.0)
    errors = Errors({n: v * push for n, v in plan["unit"].items()})
    return errors.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


def directions(view: View, against: str) -> Any:
    """e_c, or e_c - e_r against the rival r, of each chosen record: (records, outputs).

    Of one output, which is that of class 1, class 0 is the opposite direction, and there is no rival.
    """
    labels = np.asarray(view.told["labels"])
    if view.model.widths[-1] == 1:
        return jnp.asarray(2.0 * labels[:, None] - 1.0, jnp.float32)
    classes = np.arange(view.model.classes)
    wanted = labels[:, None] == classes
    push = wanted.astype(np.float32)
    if against == "rival":
        scores = np.asarray(view.model.scores(view.reference, jnp.asarray(view.told["records"])))
        push -= np.where(wanted, -np.inf, scores).argmax(1)[:, None] == classes
    return jnp.asarray(push)
