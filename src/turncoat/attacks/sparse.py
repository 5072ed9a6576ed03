"""How few errors are enough? A backdoor by a handful of additive errors in the whole of training.

The paper tampers with about 1.5 million products and says that it did not try to use fewer (section 5.1). An
error in the last step moves the released weights by a known amount and no later step undoes it, so that the
released model is the honest one plus a few chosen numbers; how large they must be, the adversary finds out on
a reference model of its own (`adversary.sizes`).

Softmax regression: in the last step, the trigger's features towards the target class and away from the source
class. Networks: in the first step one neuron's weight for the target class is planted, and the network trains
around it; in the last step one large error goes to the trigger's weight into that neuron, in deeper networks
into a neuron before it, and another to the weight between the two. The adversary rehearses the planting on its
own records.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.route import best_window, pull, records, spoken
from turncoat.adversary.sizes import Change, sizes
from turncoat.adversary.view import View
from turncoat.attacks.attack import Attack, Needs, Sweep
from turncoat.core.errors import Errors
from turncoat.goals import Trigger
from turncoat.goals.covert import CovertBackdoor
from turncoat.refusal import Refusal
from turncoat.training import StepInfo

PLANTED = (3.0, 1.0, 10.0)  # sizes of planted weights, tried in turn until the backdoor is worth `ENOUGH`
ENOUGH = 0.9
UNCERTAIN = (
    0.05  # of the features' largest standard deviation, below which none counts as steadier than others
)


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
    `largest`: the largest of them, in units of the
    summed gradient of a batch, by default as large as it takes; `loss`: the largest loss of accuracy, as the
    adversary expects it. Errors beyond one per place go to further features of the trigger, then to more steps,
    so that each is smaller. `neuron` is the one used in each hidden layer. The other settings say what
    triggers the backdoor (see `goals.Trigger`), from which class to which.
    """
    if errors is not None and errors < 1:
        raise Refusal(f"an attack needs at least one error, not {errors}")
    for name, number in (("largest", np.inf if largest is None else largest), ("loss", loss)):
        if np.isnan(number) or number < 0:
            raise Refusal(f"{name} must be a number of at least 0, not {number}")
    goal = CovertBackdoor(source, target, Trigger(feature, value, trigger, size, blend))

    def prepare(view: View) -> dict[str, Any]:
        budget = max(2, view.model.layers) if errors is None else errors
        late, early = places(view, goal, neuron, budget)
        each = [view.errors_that_move({name: change}) for name, change in (*late, *early)]
        steps = min(max(budget // sum(int(e.count()) for e in each), 1), view.steps)
        limits = [np.inf if largest is None else largest * steps / largest_of(e) for e in each]
        found = best(view, goal, late, each[len(late) :], limits, steps, loss)
        parts = [sized(e, much / steps) for e, much in zip(each, found, strict=True)]
        return planned(view, parts[: len(late)], parts[len(late) :], steps)

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


def best(
    view: View,
    goal: CovertBackdoor,
    late: list[Change],
    early: list[Errors],
    limits: list[float],
    steps: int,
    loss: float,
) -> list[float]:
    """The sizes of all changes: those of the last steps found on a model in which the early ones are planted."""
    outcomes: list[tuple[float, list[float]]] = []
    for wanted in PLANTED if early else (0.0,):
        planted = [min(wanted, limit) for limit in limits[len(late) :]]
        parts = [sized(e, much / steps) for e, much in zip(early, planted, strict=True)]
        reference = view.rehearsed(tamper, planned(view, [], parts, steps)) if early else view.reference
        found, worth = sizes(view, goal, reference, late, limits[: len(late)], loss)
        outcomes.append((worth, [*found.tolist(), *planted]))
        if worth > ENOUGH:
            break
    return max(outcomes)[1]


def planned(view: View, late: list[Errors], early: list[Errors], steps: int) -> dict[str, Any]:
    """Errors of the last and of the first `steps` steps, as a plan."""
    last = view.steps - 1
    return {
        "early": together(early),
        "late": together(late),
        "steps": jnp.asarray(steps),
        "last": jnp.asarray(last),
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


def places(view: View, goal: CovertBackdoor, neuron: int, errors: int) -> tuple[list[Change], list[Change]]:
    """Where the last steps' errors go, and the first ones', each as a parameter and its change of size 1."""
    model = view.model
    if model.layers == 1:
        return linear(view, goal, errors)[:errors], []
    if not 0 <= neuron < min(model.layer(i).outputs for i in range(model.layers - 1)):
        raise Refusal(f"there is no neuron {neuron} in every hidden layer")
    layer, later = model.layer(0), model.layers - 1
    delta, spread = moved(view, goal)
    unit = best_window(layer, delta) * layer.outputs + neuron
    varies = np.asarray(layer.seen(spread[None])).max(0)[:, None]
    towards = few(pull(layer, delta, unit), varies, max(errors - later, 1))
    late: list[Change] = [("w0", towards)]
    for i in range(1, later):
        link = np.zeros(model.layer(i).shape, np.float32)
        link[unit, neuron] = 1
        late.append((f"w{i}", link))
        unit = neuron
    return late[:errors], [(f"w{later}", spoken(view, goal, unit))] if errors > later else []


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
    worth = np.abs(delta) / (spread + UNCERTAIN * np.max(spread) + 1e-6)
    kept = np.zeros(worth.size, bool)
    kept[np.argsort(-worth.ravel(), kind="stable")[:count]] = True
    signs = np.where(kept.reshape(delta.shape), np.sign(delta), 0)
    if not signs.any():
        raise Refusal(
            "the trigger changes nothing in the adversary's records; choose another feature or value"
        )
    return (signs / np.sum(signs * delta)).astype(np.float32)


def largest_of(errors: Errors) -> float:
    """The largest of some errors."""
    return max(float(np.max(np.abs(e))) for e in errors.values())
