"""The form of an attack: four pure functions and a declaration of what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turncoat.adversary.view import View
from turncoat.core.errors import Errors
from turncoat.goals import Goal
from turncoat.models import Params
from turncoat.training import StepInfo


@dataclass(frozen=True)
class Needs:
    """What an attack uses: its capability (section 4), and what its adversary must know or own."""

    capability: str  # "shifting", "zeroing" or "scaling"
    own_data: bool = True
    data_order: bool = False  # without it the attack is oblivious (Table 2)
    colluding_contributor: bool = False

    def threat(self) -> dict[str, bool | str]:
        """The same, in words."""
        return {
            "records of the adversary's own, from the same population": self.own_data,
            "order of the training data": self.data_order,
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


@dataclass(frozen=True, eq=False)
class Attack:
    """A configured attack.

    `prepare(view) -> plan` sees the adversary's view only; `tamper(plan, info) -> Errors` sees public step
    information only (so that the errors cannot depend on secrets); `exploit(view, plan, params)` sees the
    released model only. A plan is a pytree of arrays. The harness measures success by `goal`.
    `contribute(view) -> (x, labels)`, where a contributor of data colludes, gives the records that it puts in
    the place of the victims' last ones; the harness then also runs the training on them without errors.
    `sweeps` are the curves that a report of this attack shows.
    """

    name: str
    goal: Goal
    needs: Needs
    prepare: Callable[[View], Any]
    tamper: Callable[[Any, StepInfo], Errors]
    exploit: Callable[[View, Any, Params], Any] | None = None
    contribute: Callable[[View], tuple[Any, Any]] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    variant: str = ""
    sweeps: tuple[Sweep, ...] = ()


def at_every_step(plan: Errors, info: StepInfo) -> Errors:
    """The same errors in every step."""
    return plan
