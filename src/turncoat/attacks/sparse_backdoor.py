"""How few errors are enough? A backdoor by a handful of additive errors in the whole of training.

The paper tampers with about 1.5 million products and says that it did not try to use fewer (section 5.1). An
error in the last step moves the released weights by a known amount and no later step undoes it, so that the
released model is the honest one plus a few chosen numbers; how large they must be, the adversary finds out by
rehearsing on its own records (`adversary.sizes`).

Softmax regression: the trigger's features towards the target class and away from the source class. Networks:
much on the trigger's weight into one neuron, and little on that neuron's weight for the target class; in deeper
ones also something on the weight between the neurons. Where the latter costs accuracy, because the neuron does
other work too, it is planted in the first step instead, and the network trains around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.budget import Change, Rehearsal, sizes
from turncoat.adversary.neuron_path import best_window, pull, records, spoken
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, Sweep
from turncoat.core.errors import Errors
from turncoat.goals import Trigger
from turncoat.goals.covert import CovertBackdoor
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal

ALIKE = 12  # neurons of one rehearsed model that a size is judged on
PLANTED = (3.0, 1.0)  # sizes of planted weights, tried in turn until the backdoor is worth `ENOUGH`
ENOUGH = 0.9
STEADY = 0.05  # of the features' largest standard deviation: what varies less counts as no steadier


def sparse_backdoor(
    errors: int | None = None,
    largest: float | None = None,
    loss: float = 0.005,
    neuron: int = 0,
    feature: int = 0,
    value: float = 1.0,
    source: int = 0,
    target: int = 1,
    trigger: str = "feature",
    size: int = 3,
    blend: float = 0.2,
) -> Attack:
    """The attack within a budget.

    `errors`: how many additive errors in the whole of training, by default one per layer and at least two;
    `largest`: the largest of them, in units of the summed gradient of a batch, by default as large as it takes;
    `loss`: the largest loss of accuracy, as the adversary expects it. Errors beyond one per place go to further
    features of the trigger, then to more steps, so that each is smaller. `neuron` is the one used in each hidden
    layer. The other settings say what triggers the backdoor (see `goals.Trigger`), from which class to which.
    """
    if errors is not None and errors < 1:
        raise Refusal(f"an attack needs at least one error, not {errors}")
    for name, number in (("largest", np.inf if largest is None else largest), ("loss", loss)):
        if np.isnan(number) or number < 0:
            raise Refusal(f"{name} must be a number of at least 0, not {number}")
    goal = CovertBackdoor(source, target, Trigger(feature, value, trigger, size, blend))

    def prepare(view: View) -> dict[str, Any]:
        budget = max(2, view.model.layers) if errors is None else errors
        each = [view.errors_that_move({n: change}) for n, change in places(view, goal, neuron, budget)]
        steps = min(max(budget // sum(int(e.count()) for e in each), 1), view.steps)
        limits = [np.inf if largest is None else largest * steps / largest_of(e) for e in each]
        return Search(view, goal, neuron, budget, each, steps, limits, loss).plan()

    return Attack(
        name="sparse-backdoor",
        goal=goal,
        needs=Needs(capability="shifting"),
        prepare=prepare,
        tamper=tamper,
        settings={"errors": errors, "largest": largest, "loss": loss, "neuron": neuron} | goal.settings,
        variant="a few errors in the first and the last steps: beyond the paper",
        sweeps=SWEEPS,
    )


SWEEPS = (
    Sweep("errors", (1, 2, 8, 32, 128), "number of errors", {"largest": 1000.0}),
    Sweep("largest", (1e2, 1e3, 1e4, 1e5, 1e6), "largest error"),
)


@dataclass(frozen=True, eq=False)
class Search:
    """The search for sizes: `each` place's errors of size 1, in the first or last `steps`, within `limits`."""

    view: View
    goal: CovertBackdoor
    neuron: int
    budget: int
    each: list[Errors]
    steps: int
    limits: list[float]
    loss: float

    def plan(self) -> dict[str, Any]:
        """The first way that is worth `ENOUGH`, or else the best."""
        tried = []
        for wanted in (0.0, *PLANTED) if len(self.each) > 1 and self.view.model.layers > 1 else (0.0,):
            tried.append(self.planting(wanted) if wanted else self.adding())
            if tried[-1][0] > ENOUGH:
                break
        return max(tried, key=lambda outcome: outcome[0])[1]

    def adding(self) -> tuple[float, dict[str, Any]]:
        """Everything in the last steps, judged on several neurons of one model: what it is worth, and the plan."""
        rehearsed = [(self.view.rehearsal, self.changes(n)) for n in self.neurons(ALIKE)]
        found, worth = self.sizes(rehearsed, self.limits)
        return worth, self.planned(found, [])

    def planting(self, wanted: float) -> tuple[float, dict[str, Any]]:
        """The last place's errors in the first steps, the others judged on models that train around them."""
        much = min(wanted, self.limits[-1])
        rehearsed = []
        for n in self.neurons(2):
            *late, (name, change) = self.changes(n)
            errors = self.view.errors_that_move({name: much * change})
            plan = planned([], [sized(errors, 1 / self.steps)], self.steps, self.view.steps)
            rehearsed.append((self.view.rehearsed(tamper, plan, self.view.kept), late))
        found, worth = self.sizes(rehearsed, self.limits[:-1])
        return worth, self.planned(found, [much])

    def neurons(self, count: int) -> list[int]:
        """The neuron and others that stand for it: all are alike before training."""
        if self.view.model.layers == 1:
            return [self.neuron]
        fewest = min(self.view.model.layer(i).outputs for i in range(self.view.model.layers - 1))
        return [(self.neuron + i) % fewest for i in range(min(count, fewest))]

    def changes(self, neuron: int) -> list[Change]:
        return places(self.view, self.goal, neuron, self.budget)

    def sizes(self, rehearsed: Sequence[Rehearsal], limits: list[float]) -> tuple[np.ndarray, float]:
        return sizes(self.view, self.goal, rehearsed, limits, self.loss)

    def planned(self, late: np.ndarray, early: list[float]) -> dict[str, Any]:
        parts = [
            sized(e, much / self.steps) for e, much in zip(self.each, [*late.tolist(), *early], strict=True)
        ]
        return planned(parts[: len(late)], parts[len(late) :], self.steps, self.view.steps)


def planned(late: list[Errors], early: list[Errors], steps: int, of: int) -> dict[str, Any]:
    """Errors of the last and of the first `steps` of all steps, as a plan."""
    return {
        "early": together(early),
        "late": together(late),
        "steps": jnp.asarray(steps),
        "last": jnp.asarray(of - 1),
    }


def tamper(plan: dict[str, Any], info: StepInfo) -> Errors:
    """What is planted in the first steps, and what is added in the last ones."""
    early = plan["early"].at_steps(info.step, 0, plan["steps"] - 1)
    return early.combine(plan["late"].at_steps(info.step, plan["last"] - plan["steps"] + 1, plan["last"]))


def sized(errors: Errors, much: float) -> Errors:
    return errors.scale(jnp.asarray(much, jnp.float32))


def together(parts: list[Errors]) -> Errors:
    total = Errors()
    for part in parts:
        total = total.combine(part)
    return total


def places(view: View, goal: CovertBackdoor, neuron: int, errors: int) -> list[Change]:
    """Where errors go, in the order of their worth, each as a parameter and its change of size 1."""
    model = view.model
    if model.layers == 1:
        return linear(view, goal, errors)[:errors]
    if not 0 <= neuron < min(model.layer(i).outputs for i in range(model.layers - 1)):
        raise Refusal(f"there is no neuron {neuron} in every hidden layer")
    layer, later = model.layer(0), model.layers - 1
    delta, spread = moved(view, goal)
    unit = best_window(layer, delta) * layer.outputs + neuron
    varies = np.asarray(layer.seen(spread[None])).max(0)[:, None]
    found: list[Change] = [("w0", few(pull(layer, delta, unit), varies, max(errors - later, 1)))]
    for i in range(1, later):
        link = np.zeros(model.layer(i).shape, np.float32)
        link[unit, neuron] = 1
        found.append((f"w{i}", link))
        unit = neuron
    return [*found, (f"w{later}", spoken(view, goal, unit))][:errors]


def linear(view: View, goal: CovertBackdoor, errors: int) -> list[Change]:
    """The trigger's features for the target class, and against the source class where it has weights of its own."""
    delta, spread = moved(view, goal)
    outputs = view.model.widths[-1]
    towards = few(delta[:, None], spread[:, None], max(errors // min(outputs, 2), 1))
    if outputs == 1:
        return [("w0", towards * np.float32(2 * goal.target - 1))]
    unit = np.eye(outputs, dtype=np.float32)
    return [("w0", towards * unit[goal.target]), ("w0", -towards * unit[goal.source])]


def moved(view: View, goal: CovertBackdoor) -> tuple[np.ndarray, np.ndarray]:
    """What the trigger changes in each feature, and how far the feature varies without it."""
    clean, plain, triggered = records(view, goal)
    return np.mean(triggered - plain, 0), np.std(clean, 0)


def few(delta: np.ndarray, spread: np.ndarray, count: int) -> np.ndarray:
    """The signs of the entries that stand out most for what they vary; together they answer to delta by 1."""
    worth = np.abs(delta) / (spread + STEADY * np.max(spread) + 1e-6)
    first = np.zeros(worth.size, bool)
    first[np.argsort(-worth.ravel(), kind="stable")[:count]] = True
    signs = np.where(first.reshape(delta.shape), np.sign(delta), 0)
    if not signs.any():
        raise Refusal(
            "the trigger changes nothing in the adversary's records; choose another feature or value"
        )
    return (signs / np.sum(signs * delta)).astype(np.float32)


def largest_of(errors: Errors) -> float:
    """The largest of some errors."""
    return max(float(np.max(np.abs(e))) for e in errors.values())
