"""An attack whose adversary keeps to some sites, as the others are checked: it plans as if there were no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.goals import Goal
from turncoat.jobs.loop import Tampering


@dataclass(frozen=True)
class Confined(Attack):
    """The same attack, planned by a view whose surface has these sites alone."""

    attack: Attack
    sites: frozenset[str]

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.attack.name

    @property
    def goal(self) -> Goal:
        return self.attack.goal

    @property
    def needs(self) -> Needs:
        return self.attack.needs

    @property
    def one_plan(self) -> bool:
        return self.attack.one_plan

    @property
    def variant(self) -> str:
        return self.attack.variant

    @property
    def tamper(self) -> Callable[..., Any]:
        return self.attack.tamper

    def prepare(self, view: View) -> Any:
        return self.attack.prepare(view.keeping_to(self.sites))

    def exploit(self, view: View, plan: Any, params: Any) -> Any:
        return self.attack.exploit(view.keeping_to(self.sites), plan, params)

    def contribute(self, view: View) -> tuple[Any, Any]:
        return self.attack.contribute(view.keeping_to(self.sites))

    def tampering(self, plan: Any) -> Tampering:
        return self.attack.tampering(plan)
