"""An attack planned again by an adversary that knows the defence: where nobody looks, in other steps, with less.

What it does with errors that are the same for all records is to add them up: what moves the model by so much in all
of training may come in the last step alone, as few messages, or in all steps, each of them small enough for a bound
on updates. An attack that aims at rows of a batch keeps its own times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.limits import kept
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Goal
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import StepInfo, Tamper, Tampering
from turncoat.refusal import Refusal

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""Those of sites, by their names."""

WORDS = {"planned": "", "last": "all in the last step", "all": "spread over all steps"}


def within(plan: Mapping[str, Any], info: StepInfo) -> Errors:
    """The errors in these steps."""
    return plan["errors"].at_steps(info.step, plan["first"], plan["last"])


@dataclass(frozen=True)
class Scaled:
    """Another attack's errors times a number, `plan` being that attack's plan and the number."""

    tamper: Tamper

    def __call__(self, plan: tuple[Any, Any], info: StepInfo) -> Errors:
        return self.tamper(plan[0], info).scale(plan[1])


@dataclass(frozen=True)
class Fitted:
    """Another attack's errors, planned for a batch, where each record has a step of its own: see `by_record`."""

    tamper: Tamper
    shapes: Shapes

    def __call__(self, plan: Any, info: StepInfo) -> Errors:
        return by_record(self.tamper(plan, info), self.shapes)


@dataclass(frozen=True)
class Knowing(Attack):
    """`attack`, planned again where messages are looked at with probabilities `checked`; `when`: in which steps.

    At sites that are looked at more often than `level` it makes no errors. Of errors that are gathered the `most`
    largest are made, all of them times `share`. `unbounded`: it is planned for the step without the measures around
    it, so that errors enter before a bound. Raises Refusal for gathering what an attack aims at rows of a batch, or
    flips.
    """

    attack: Attack
    checked: tuple[tuple[str, float], ...] = ()
    level: float = 1.0
    when: Literal["planned", "last", "all"] = "planned"
    most: float | None = None
    share: float = 1.0
    unbounded: bool = False

    name = "knowing"

    def __post_init__(self) -> None:
        if self.when != "planned" and not gathers(self.attack):
            raise Refusal(f"{self.attack.name} aims at rows of a batch, so that its errors do not add up")

    @property
    def settings(self) -> dict[str, Any]:
        """Its own, and those of the attack by the attack's name."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "attack"}
        return own | {self.attack.name: self.attack.settings}

    @property
    def goal(self) -> Goal:
        return self.attack.goal

    @property
    def needs(self) -> Needs:
        return replace(self.attack.needs, steps=True) if self.when != "planned" else self.attack.needs

    @property
    def one_plan(self) -> bool:
        return self.attack.one_plan

    @property
    def variant(self) -> str:
        """How it differs from the attack as it was planned first."""
        plain = type(self.attack)().settings
        parts = [
            *(f"{n}={v}" for n, v in self.attack.settings.items() if v is not None and v != plain[n]),
            f"{len(self.avoid)} sites avoided" if self.avoid else "",
            "before the bound" if self.unbounded else "",
            WORDS[self.when],
            f"the {self.most:g} largest errors" if self.most is not None else "",
            f"{self.share:g} times as large" if self.share != 1 else "",
        ]
        return ", ".join(filter(None, parts)) or "as planned"

    @property
    def avoid(self) -> frozenset[str]:
        """The sites that it leaves alone."""
        return frozenset(name for name, share in self.checked if share > self.level)

    def left(self, view: View) -> View:
        """The view, of the sites that are left."""
        if self.unbounded:
            plain = Deployed.of(view.job, view.program.protocol, "reals")
            apart = view.memo.setdefault("unbounded", {})
            whole = plain.surface(view.records)
            view = replace(view, program=plain.program, surface=whole, whole=whole, memo=apart)
        return replace(view, surface=view.surface.without(self.avoid), checked=dict(self.checked))

    def prepare(self, view: View) -> dict[str, Any]:
        left = self.left(view)
        planned_for = {name: site.shape for name, site in left.surface.sites.items()}
        other = {n: s.shape for n, s in view.surface.sites.items() if planned_for.get(n, s.shape) != s.shape}
        plan = {"inner": self.attack.prepare(left), "shapes": tuple(other.items())}
        return plan if self.when == "planned" else plan | self.gathered(plan["inner"], view.steps)

    def gathered(self, plan: Any, steps: int) -> dict[str, Any]:
        """The errors of all steps together, in those in which they are made, as few as may be."""
        whole = total(self.attack.tamper, plan, steps)
        if whole.flip:
            raise Refusal(f"{self.attack.name} flips bits, which do not add up")
        first = steps - 1 if self.when == "last" else 0
        each = steps - first
        most = None if self.most is None else self.most / each
        made = Errors(fewest(whole.add, most)).scale(jnp.float32(self.share / each))
        return {"errors": made, "first": jnp.asarray(first), "last": jnp.asarray(steps - 1)}

    def contribute(self, view: View) -> tuple[Any, Any]:
        return self.attack.contribute(self.left(view))

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> Any:
        return self.attack.exploit(self.left(view), plan["inner"], params)

    @property
    def tamper(self) -> Tamper:
        return within if self.when != "planned" else self.attack.tamper

    def tampering(self, plan: dict[str, Any]) -> Tampering:
        inner = self.attack.tampering(plan["inner"])
        if self.when != "planned":
            inner = super().tampering({name: plan[name] for name in ("errors", "first", "last")})
        elif self.share != 1:
            inner = replace(inner, tamper=Scaled(inner.tamper), plan=(inner.plan, jnp.float32(self.share)))
        return replace(inner, tamper=Fitted(inner.tamper, plan["shapes"])) if plan["shapes"] else inner


def gathers(attack: Attack) -> bool:
    """Whether its errors are the same for all records, so that those of several steps add up."""
    return not (attack.needs.rows or attack.needs.data_order)


def by_record(errors: Errors, shapes: Shapes) -> Errors:
    """Errors that were planned for a batch, at sites that hold each record's own numbers, as under `clip-records`.

    A row of the batch goes to its record; what is one error for the whole batch is made for each of its records.
    """
    found = dict(errors)
    for name, shape in shapes:
        if name in found:
            value = found[name]
            if shape == (*value.shape[:1], 1, *value.shape[1:]):
                found[name] = value[:, None]
            elif shape[1:] == value.shape:
                found[name] = jnp.broadcast_to(value, shape)
    return Errors(found)


def total(tamper: Tamper, plan: Any, steps: int) -> Errors:
    """The sum of an attack's errors over all steps."""

    def at(step: Any) -> Errors:
        return tamper(plan, StepInfo(step))

    def add(step: Any, found: Errors) -> Errors:
        return found.combine(at(step))

    first = at(jnp.asarray(0))
    return jax.jit(lambda start: jax.lax.fori_loop(1, steps, add, start))(first)


def fewest(errors: Mapping[str, Any], most: float | None) -> dict[str, Any]:
    """The largest of them, so many at most; all of them where there is no limit."""
    if most is None:
        return dict(errors)
    arrays = kept([np.asarray(v) for v in errors.values()], [1] * len(errors), most)
    return {name: jnp.asarray(v) for name, v in zip(errors, arrays, strict=True)}
