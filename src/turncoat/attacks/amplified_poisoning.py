"""Amplified data poisoning: scaled gradients of a colluding contributor's records (section 5.6, Table 7).

A contributor of data adds copies of the chosen records with the wanted class as their label. The corrupt party
knows where they stand in each batch and which labels they have, and scales their gradients towards these:
F = P + C e_c - Y, C negative. With `against` "rival" it is F = P + C (e_c - e_r) - Y, r the class that the
adversary's reference model gives the record, so that the same errors also push the record out of the class
that it has. An error is the same however often the record has been seen, so the push does not fade as a
gradient does: to begin late keeps a network from being pushed further than needed.

A support vector machine can also be scaled through its hinge (section 4.3): `through` "margin" adds |C| to P, so that
F = -y max(0, P + |C|) drives the copies towards their label until they are |C| beyond the margin; "flip" subtracts
|C| and flips the comparison, which negates F where P < |C|, so that copies with the label that they have already are
driven to the other one. (Where the hinge is not squared, F is -y or 0, and there is nothing to scale: a margin keeps
copies counting for longer, and a flip makes them count once they are right.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import scaled, squared_hinge
from turncoat.adversary.strategies import scale_margin
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal

RECORDS_A_COPY = 2_500  # so that a small data set is not poisoned by the copies alone; docs/tuning.md


def errors_of_copies(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors of the contributed records in this batch."""
    whose = plan["whose"][info.batch]
    push = plan["push"][jnp.maximum(whose, 0)]
    chosen = plan["unit"].for_examples(whose >= 0)
    errors = Errors({n: v if v.dtype == bool else v * _as(push, v) for n, v in chosen.items()})
    return errors.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


def _as(push: Any, value: Any) -> Any:
    """The rows of `push` (batch, outputs) as a site holds them: (batch,) where a step keeps its one output so."""
    return push[:, 0] if jnp.ndim(value) == 1 else push


@dataclass(frozen=True)
class AmplifiedPoisoning(Attack):
    """A few test records take a wanted class: a contributor's mislabelled copies of them, their gradients scaled.

    By default there is one copy for each 2,500 of the victims' records, from 2 to 10, as the paper has.
    """

    copies: Annotated[
        int | None,
        Field(ge=1, description="copies of each chosen record; by default 2 to 10, as the data grow"),
    ] = None
    strength: Annotated[float, Field(lt=0, description="C in F = P + C e_c - Y, c the wanted class")] = -5.0
    against: Annotated[
        Literal["rival", "nothing"],
        Field(description="what is pushed down: the class that a record has, or nothing, as the paper"),
    ] = "rival"
    through: Annotated[
        Literal["derivative", "margin", "flip"],
        Field(
            description="C is added to F, or in a hinge to the margin, or that with its comparison flipped"
        ),
    ] = "derivative"
    begin: Annotated[
        float, Field(ge=0, lt=1, description="the share of training after which it begins; the paper: 0")
    ] = 0.5
    records: Annotated[int, Field(ge=1, description="how many test records are to change their class")] = 5

    name = "amplified-poisoning"
    otherwise = ({"records": 1, "copies": 1, "begin": 0.9, "strength": -20.0},)
    tamper = staticmethod(errors_of_copies)

    @property
    def goal(self) -> goals.Targeted:
        return goals.Targeted(self.records)

    @property
    def needs(self) -> Needs:
        return Needs(
            capability="scaling",
            own_data=self.against == "rival" and self.through == "derivative",
            data_order=True,
            chosen_records=True,
            steps=self.begin > 0,
            rows=True,
            colluding_contributor=True,
        )

    @property
    def variant(self) -> str:
        if self.through != "derivative":
            said = {"margin": "moved beyond it", "flip": "their comparison flipped"}[self.through]
            return f"copies scaled through the hinge's margin, {said}: section 4.3, which the paper does not measure"
        if self.against == "nothing" and self.begin == 0:
            return "scaled towards the label, from the first step on: the paper's attack"
        since = f"from {self.begin:.0%} of training on"
        return f"scaled towards the label and against {self.against}, {since}: beyond the paper"

    def prepare(self, view: View) -> dict[str, Any]:
        """The error of one scaled example, each chosen record's direction, and where its copies stand."""
        added = np.repeat(np.arange(self.records), self.copies_in(view))
        if self.through == "derivative":
            push = directions(view, view.told["records"], view.told["labels"], self.against)
            return scaling(view, self.errors(view), self.begin, push, added)
        return scaling(view, self.errors(view), self.begin, jnp.ones((self.records, 1), jnp.float32), added)

    def errors(self, view: View) -> Errors:
        """The error of a scaled example, in every row of a batch."""
        every_row = jnp.ones(view.batch, bool)
        if self.through == "derivative":
            return scaled(view, every_row, self.strength)
        errors = scale_margin(
            view.surface, every_row, self.strength if self.through == "flip" else -self.strength
        )
        if self.through == "flip" and not squared_hinge(view):
            raise Refusal(
                "where the hinge is not squared F is -y or 0, so that a flipped comparison negates nothing; "
                "take --model svm-squared, or through=margin"
            )
        return errors

    def contribute(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """The colluding contributor's records: the chosen ones with the wanted labels, of a flip with the others."""
        copies, labels = self.copies_in(view), np.asarray(view.told["labels"])
        given = 1 - labels if self.through == "flip" else labels
        return np.repeat(view.told["records"], copies, 0), np.repeat(given, copies, 0)

    def copies_in(self, view: View) -> int:
        """How many copies of each chosen record the contributor adds."""
        copies = min(10, max(2, view.records // RECORDS_A_COPY)) if self.copies is None else self.copies
        if self.records * copies > view.records:
            raise Refusal(
                f"{copies} copies of {self.records} records do not fit into the victims' {view.records}; take "
                "fewer copies or records"
            )
        return copies


def scaling(view: View, unit: Errors, begin: float, push: Any, added: np.ndarray) -> dict[str, Any]:
    """The plan of `errors_of_copies`: contributed records, in the last places, get their rows of `push` times `unit`.

    `added` (contributed,) says which row of `push` (rows, outputs) is whose.
    """
    whose = np.full(view.records, -1, np.int32)
    whose[view.records - len(added) :] = added
    return {
        "unit": unit,
        "push": push,
        "whose": jnp.asarray(whose),
        "first": jnp.asarray(int(begin * view.steps), jnp.int32),
    }


def directions(view: View, records: np.ndarray, labels: np.ndarray, against: str) -> Any:
    """e_c, or e_c - e_r against the rival r, of each record with its wanted class: (records, outputs).

    Of one output, which is that of class 1, class 0 is the opposite direction, and there is no rival.
    """
    labels = np.asarray(labels)
    if view.outputs == 1:
        return jnp.asarray(2.0 * labels[:, None] - 1.0, jnp.float32)
    classes = np.arange(view.classes)
    wanted = labels[:, None] == classes
    push = wanted.astype(np.float32)
    if against == "rival":
        scores = np.asarray(view.scores(view.reference, records))
        push -= np.where(wanted, -np.inf, scores).argmax(1)[:, None] == classes
    return jnp.asarray(push)
