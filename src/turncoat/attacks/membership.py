"""Membership inference, amplified by gradient scaling (section 5.3, Table 5).

Who knows what. The adversary picks places in the victims' data (record i of party B, say) and tampers with
the gradient of whatever record stands there; it never sees that record. Afterwards it asks of candidates
that it suspects whether they are among the records at those places. It must know in which batch, and in
which row of it, those places come up: the data order, which is public among the parties of most frameworks.
Without it the same scaling of some row still works, but whose record it is is left to chance ("untargeted",
Table 2). The harness draws the places, at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from pydantic import Field

from turncoat import goals
from turncoat.adversary.effects import moved_by_one, scaled
from turncoat.adversary.shadows import held_back, outputs, shadows
from turncoat.adversary.transfer import linear
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.jobs.loop import StepInfo, Tamper, Tampering
from turncoat.metrics.membership import FAMILIES, P_VALUES, Signals, log_odds
from turncoat.refusal import Refusal
from turncoat.settings import NOT_ZERO

PUSH = {"linear": 40.0, "layered": 20.0}  # docs/tuning.md, "Membership"
SHARE = 1 / 80  # of the victims' records: what the errors of one epoch may add up to by default

Score = Literal["lira", "lira-centred", "lira-shared", "lira-two-sided", "bavaria", "rmia", "loss"]
"""The families of `turncoat.metrics.membership`."""


def on_chosen_rows(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The errors on the chosen rows of a batch."""
    errors = plan["errors"].for_examples(plan["chosen"][info.batch])
    return errors.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


def against_other_rows(plan: dict[str, Any], info: StepInfo) -> Errors:
    """The same, and the other rows share them with the opposite sign."""
    chosen = plan["chosen"][info.batch]
    share = jnp.sum(chosen) / jnp.maximum(jnp.sum(~chosen), 1)
    others = plan["errors"].for_examples(~chosen).scale(-share)
    errors = plan["errors"].for_examples(chosen).combine(others)
    return errors.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)


@dataclass(frozen=True)
class Membership(Attack):
    """Chosen training records become recognisable among candidates, by scaling their gradients.

    F = P + C e_c - Y for chosen records, C = `strength`, c = `target`. `others` that are "opposed" share C with
    the opposite sign, which takes back what an average record would have done to the model. See
    `default_strength` for the default strength.
    """

    strength: Annotated[
        float | None, NOT_ZERO, Field(description="C; negative: towards c; by default fitted to the job")
    ] = None
    records: Annotated[int, Field(ge=1, description="how many records are scaled in one training run")] = 10
    target: Annotated[int, Field(description="c, the class that they are driven to or from")] = 0
    others: Annotated[
        Literal["opposed", "untouched"],
        Field(description="the other rows of a batch with a chosen one; untouched is the paper's attack"),
    ] = "opposed"
    last: Annotated[
        int | None, Field(ge=1, description="scale in so many last epochs only; by default in all")
    ] = None
    score: Annotated[Score, Field(description="how candidates are scored")] = "lira"
    shadow_models: Annotated[
        int, Field(ge=2, le=4096, description="how many models the adversary trains to compare with")
    ] = 64

    name = "membership"
    otherwise = ({"records": 1, "others": "untouched"}, {"records": 1, "others": "untouched", "last": 1})

    @property
    def needs(self) -> Needs:
        timed = self.last is not None
        return Needs(
            capability="scaling",
            data_order=True,
            candidates=True,
            steps=timed,
            rows=True,
            reads="scores",
        )

    @property
    def goal(self) -> goals.Membership:
        return goals.Membership(self.records, self.target, p_values=self.score in P_VALUES)

    @property
    def variant(self) -> str:
        whose = "the paper's attack" if self.others == "untouched" else "beyond the paper"
        return f"{self.records} records scaled per training run, the others {self.others}: {whose}"

    def prepare(self, view: View) -> dict[str, Any]:
        epochs, every_row = view.epochs, jnp.ones(view.batch, bool)
        if self.last is not None and self.last > epochs:
            raise Refusal(
                f"training has {epochs} epochs, so there are no last {self.last}; take at most {epochs}"
            )
        first = 0 if self.last is None else view.steps - self.last * (view.steps // epochs)
        strength = default_strength(view, self.last) if self.strength is None else self.strength
        return self.told(view) | {
            "errors": scaled(view, every_row, strength, self.target),
            "first": jnp.asarray(first, jnp.int32),
        }

    def told(self, view: View) -> dict[str, Any]:
        """Which of the victims' records stand at the chosen places, and what shadow models say of candidates."""
        x, y = candidates(view)
        said = shadows(view, self.shadow_models).outputs(view, x)
        return {
            "chosen": jnp.zeros(view.records, bool).at[view.told["positions"]].set(True),
            "shadow": signals(said, y, self.target, view.job.task),
        }

    @property
    def tamper(self) -> Tamper:
        return on_chosen_rows if self.others == "untouched" else against_other_rows

    def tampering(self, plan: dict[str, Any]) -> Tampering:
        """Without what the shadow models say, which `exploit` alone needs."""
        return super().tampering({name: plan[name] for name in ("chosen", "errors", "first")})

    def exploit(self, view: View, plan: dict[str, Any], params: Any) -> dict[str, np.ndarray]:
        x, y = candidates(view)
        seen = signals(outputs(view, params, x), y, self.target, view.job.task)
        return scored(seen, plan["shadow"], view, self.score)


def default_strength(view: View, last: int | None) -> float:
    """The strength whose steps, all together, move a linear model's score of an average record by PUSH.

    No more than SHARE allows, though: where the scaled records are many among the victims', what they do
    together would ruin the model. SHARE alone decides where no error moves the last layer as far as it is large.
    """
    most = SHARE * view.records / len(view.told["positions"])
    last_map = next((at for at in reversed(view.anatomy.maps) if at.closes), None)
    one = None if last_map is None else moved_by_one(view, last_map)
    if one is None:
        return -most
    epochs = view.epochs if last is None else last
    moved = one * float(np.mean(np.sum(view.x**2, 1)))
    return -min(PUSH["layered" if linear(view) is None else "linear"] / (epochs * moved), most)


def signals(linear: np.ndarray, labels: Any, target: int, task: str = "classes") -> dict[str, np.ndarray]:
    """How well a model knows each record, and what the scaling moves, from its linear outputs (..., n, outputs).

    Of classes, the log-odds of the record's own and of the target class; of several labels at once and of numbers,
    minus the record's loss, and the output at `target`.
    """
    if task == "classes":
        both = {"own": log_odds(linear, labels), "target": log_odds(linear, target)}
    else:
        d, y = np.asarray(linear, np.float64), np.asarray(labels, np.float64)
        loss = (d - y) ** 2 if task == "numbers" else np.logaddexp(0, (1 - 2 * y) * d)
        both = {"own": -np.sum(loss, -1), "target": d[..., target]}
    return {name: phi.astype(np.float32) for name, phi in both.items()}


def scored(
    seen: Mapping[str, Any], before: Mapping[str, Any], view: View, score: str
) -> dict[str, np.ndarray]:
    """A score for each candidate by either signal, under the model attacked (seen) and shadow models (before).

    Beside them, as `own_held` and `target_held`, what the adversary's own held-back records would score.
    """
    asked = len(view.told["x"])
    found = {}
    for name, phi in seen.items():
        shadow = np.asarray(before[name])
        own = phi[asked:], shadow[:, asked:]
        found[name] = FAMILIES[score](Signals(phi[:asked], shadow[:, :asked], *own))
        found[f"{name}_held"] = FAMILIES[score](Signals(*own, *own))
    return found


def candidates(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The records that the adversary asks about, and after them its own that no shadow model trained on."""
    x, y = held_back(view)
    return np.concatenate([view.told["x"], x]), np.concatenate([view.told["y"], y])
