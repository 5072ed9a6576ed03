"""The form of an attack: a frozen value that plans, tampers and exploits, and declares what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp

from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.goals import Goal
from turncoat.jobs.job import Job
from turncoat.jobs.loop import StepInfo, Tamper, Tampering
from turncoat.refusal import Refusal
from turncoat.settings import Settings

READABLE = ("weights", "scores", "labels")
"""What a job can open of its result: each says what those after it say."""


@dataclass(frozen=True)
class Needs:
    """What an attack uses: its capability (section 4), and what its adversary must know or own.

    That an attack reads no more of its view, and that its errors depend on no more, is tested for every attack of
    the catalogue (`tests/attacks/test_needs.py`); the harness itself tells the data order to those alone that
    declare it. The number of the victims' records, the program and the hyper-parameters are public.
    """

    capability: str  # "shifting", "zeroing", "scaling", or "amplification", which the paper lacks
    own_data: bool = True
    data_order: bool = False  # without it the attack is oblivious (Table 2)
    parties: bool = False
    candidates: bool = False
    chosen_records: bool = False
    steps: bool = False
    rows: bool = False
    colluding_contributor: bool = False
    reads: Literal["nothing", "scores", "weights"] = "nothing"  # of the released model

    def check(self, job: Job) -> None:
        """Refuses a job that does not give the adversary what it needs, in one sentence."""
        if self.data_order and job.order == "secret":
            raise Refusal(
                "the order of the data is secret in this job, and this attack must know which records are in a batch"
            )
        if self.reads != "nothing" and READABLE.index(job.opened) > READABLE.index(self.reads):
            raise Refusal(
                f"of this job's result only {job.opened} are opened, and this attack reads the released {self.reads}"
            )

    def threat(self) -> dict[str, bool | str]:
        """The same, in words."""
        return {
            "records of the adversary's own, from the same population": self.own_data,
            "order of the training data": self.data_order,
            "whose records are whose": self.parties,
            "candidates and their labels, and places that some of them stand at": self.candidates,
            "the records that are to change their class": self.chosen_records,
            "which step of training it is": self.steps,
            "which row of a batch a product belongs to": self.rows,
            "a contributor of data who colludes": self.colluding_contributor,
        }


@dataclass(frozen=True, eq=False)
class Sweep:
    """A setting of an attack at several values, others at fixed ones: the points of a curve.

    `label` says what the setting is, on the axis of a figure.
    """

    setting: str
    values: tuple[float, ...]
    label: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


def at_every_step(plan: Errors, info: StepInfo) -> Errors:
    """The same errors in every step."""
    return plan


@dataclass(frozen=True)
class Attack(Settings):
    """A configured attack: its fields are its settings.

    `prepare(view) -> plan` sees the adversary's view only; `tamper(plan, info) -> Errors` is a plain function
    of the plan and of public step information (so that the errors cannot depend on secrets, and attacks that
    share it share a compiled program); `exploit(view, plan, params)` sees the released model only. A plan is
    a pytree of arrays. The harness measures success by `goal`. `sweeps` are the curves that a report shows;
    `otherwise` are settings that a defence may call for: fewer errors, or more and smaller ones.
    """

    name: ClassVar[str]
    sweeps: ClassVar[tuple[Sweep, ...]] = ()
    otherwise: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    @property
    def goal(self) -> Goal:
        """What success is."""
        raise NotImplementedError

    @property
    def needs(self) -> Needs:
        """What the adversary must know or own."""
        raise NotImplementedError

    @property
    def one_plan(self) -> bool:
        """Whether what is planned in the first trial serves all of them, which then share its split."""
        return False

    @property
    def variant(self) -> str:
        """What these settings make of the attack, in a few words, and whether the paper has it."""
        return ""

    def check(self, job: Job) -> None:
        """Refusal for a job that lacks what the attack needs, or on whose data its goal means nothing."""
        self.needs.check(job)
        self.goal.check_task(job.data)
        self.goal.check(job.data)

    def prepare(self, view: View) -> Any:
        """What is computed before training: a pytree of arrays."""
        raise NotImplementedError

    @property
    def tamper(self) -> Tamper:
        """The errors of a step: one function of its module for all attacks of these settings, never a closure."""
        return at_every_step

    def exploit(self, view: View, plan: Any, params: Any) -> Any:
        """What is read off the released model, for attacks that read."""
        return None

    def contribute(self, view: View) -> tuple[Any, Any]:
        """The records (x, labels) of a colluding contributor, in the place of the victims' last ones.

        The harness asks for them where the attack needs such a contributor, and then also runs the training
        on them without errors.
        """
        raise NotImplementedError

    def tampering(self, plan: Any) -> Tampering:
        """What it does in a training run, by its plan; Refusal for errors that no number can hold."""
        parts = jax.tree.leaves(plan, is_leaf=lambda part: isinstance(part, Errors))
        for value in (v for part in parts if isinstance(part, Errors) for v in part.add.values()):
            if not bool(jnp.all(jnp.isfinite(value))):
                raise Refusal(
                    f"the errors that {self.name} plans here are too large for single precision, or not a number; "
                    "lower its strength, or the learning rate"
                )
        return Tampering(self.tamper, plan, self.needs.data_order)
