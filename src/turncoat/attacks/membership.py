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
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.shadows import held_back, outputs, shadows
from turncoat.adversary.strategies import scale
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs
from turncoat.core.errors import Errors
from turncoat.goals import Membership
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.models import Params
from turncoat.metrics.membership import FAMILIES, P_VALUES, Signals, log_odds
from turncoat.refusal import Refusal, nearest

OTHERS = ("opposed", "untouched")
PUSH = {"linear": 40.0, "layered": 20.0}  # docs/tuning.md, "Membership"
SHARE = 1 / 80  # of the victims' records: what the errors of one epoch may add up to by default


def membership(
    strength: float | None = None,
    records: int = 10,
    target: int = 0,
    others: str = "opposed",
    last: int | None = None,
    score: str = "lira",
    shadow_models: int = 64,
) -> Attack:
    """The attack: F = P + C e_c - Y for chosen records, C = `strength`, c = `target`.

    A negative strength drives a record towards the target class; see `default_strength` for the default.
    `records`: how many are scaled in one training run. `others`: the remaining rows of a batch that holds a
    chosen record are "untouched", which is the paper's attack, or "opposed": they share C with the opposite
    sign, which takes back what an average record would have done to the model. `last`: scale in so many last
    epochs only (default: all). `score`: a family of `turncoat.metrics.membership`.
    """
    check(strength, others, last, score, shadow_models)

    def prepare(view: View) -> dict[str, Any]:
        each = view.steps // view.training.epochs
        x, y = candidates(view)
        every_row = jnp.ones(view.training.batch, bool)
        strong = default_strength(view, last) if strength is None else strength
        return {
            "chosen": jnp.zeros(view.records, bool).at[view.told["positions"]].set(True),
            "errors": scale(view.surface, every_row, strong, target),
            "first": jnp.asarray(0 if last is None else view.steps - last * each, jnp.int32),
            "shadow": signals(shadows(view, shadow_models).outputs(view.model, x), y, target),
        }

    def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
        errors = on_rows(plan["errors"], plan["chosen"][info.batch], others)
        return errors.at_steps(info.step, plan["first"], jnp.iinfo(jnp.int32).max)

    def exploit(view: View, plan: dict[str, Any], params: Params) -> dict[str, np.ndarray]:
        x, y = candidates(view)
        return scored(signals(outputs(view.model, params, x), y, target), plan["shadow"], view, score)

    return Attack(
        name="membership",
        goal=Membership(records, target, p_values=score in P_VALUES),
        needs=Needs(capability="scaling", data_order=True),
        prepare=prepare,
        tamper=tamper,
        exploit=exploit,
        settings={
            "strength": strength,
            "records": records,
            "target": target,
            "others": others,
            "last": last,
            "score": score,
            "shadow_models": shadow_models,
        },
        variant=f"{records} records scaled per training run, the others {others}"
        + (": the paper's attack" if others == "untouched" else ": beyond the paper"),
    )


def check(strength: float | None, others: str, last: int | None, score: str, shadow_models: int) -> None:
    """Refuses settings that make no attack."""
    if others not in OTHERS:
        raise Refusal(f"others must be 'opposed' or 'untouched', not {others!r}")
    if score not in FAMILIES:
        raise Refusal(f"there is no membership score {score!r}; the nearest are {nearest(score, FAMILIES)}")
    if strength is not None and (not np.isfinite(strength) or strength == 0):
        raise Refusal(f"the strength must be a number other than 0, not {strength}")
    if last is not None and last < 1:
        raise Refusal(f"scaling takes place in at least the last epoch, not in {last}")
    if shadow_models < 2:
        raise Refusal(f"a spread needs at least two shadow models, not {shadow_models}")


def on_rows(errors: Errors, chosen: Any, others: str) -> Errors:
    """The errors on the chosen rows of a batch; opposed, the other rows share them with the opposite sign."""
    on_chosen = errors.for_examples(chosen)
    if others == "untouched":
        return on_chosen
    share = jnp.sum(chosen) / jnp.maximum(jnp.sum(~chosen), 1)
    return on_chosen.combine(errors.for_examples(~chosen).scale(-share))


def default_strength(view: View, last: int | None) -> float:
    """The strength whose steps, all together, move a linear model's score of an average record by PUSH.

    No more than SHARE allows, though: where the scaled records are many among the victims', what they do
    together would ruin the model.
    """
    epochs = view.training.epochs if last is None else min(last, view.training.epochs)
    moved = view.training.learning_rate / view.training.batch * float(np.mean(np.sum(view.x**2, 1)))
    wanted = PUSH["linear" if view.model.layers == 1 else "layered"] / (epochs * moved)
    return -min(wanted, SHARE * view.records / len(view.told["positions"]))


def signals(linear: np.ndarray, labels: np.ndarray, target: int) -> dict[str, np.ndarray]:
    """Log-odds of each record's own class, and of the target class, from a model's linear outputs."""
    both = {"own": log_odds(linear, labels), "target": log_odds(linear, target)}
    return {name: phi.astype(np.float32) for name, phi in both.items()}


def scored(
    seen: Mapping[str, Any], before: Mapping[str, Any], view: View, score: str
) -> dict[str, np.ndarray]:
    """A score for each candidate by either signal, under the model attacked (seen) and shadow models (before)."""
    asked = len(view.told["x"])
    found = {}
    for name, phi in seen.items():
        shadow = np.asarray(before[name])
        found[name] = FAMILIES[score](Signals(phi[:asked], shadow[:, :asked], phi[asked:], shadow[:, asked:]))
    return found


def candidates(view: View) -> tuple[np.ndarray, np.ndarray]:
    """The records that the adversary asks about, and after them its own that no shadow model trained on."""
    x, y = held_back(view)
    return np.concatenate([view.told["x"], x]), np.concatenate([view.told["y"], y])
