"""Where a few errors go: changes of single weights, in the order of what they are worth to a backdoor.

Softmax regression: the trigger's features towards the target class and away from the source class. Networks:
much on the trigger's weight into one neuron, and little on that neuron's weight for the target class; in deeper
ones also something on the weight between the neurons.
"""

from __future__ import annotations

import numpy as np

from turncoat.adversary.budget import Change
from turncoat.adversary.neuron_path import best_window, pull, records, spoken
from turncoat.adversary.view import View
from turncoat.goals import Backdoor
from turncoat.refusal import Refusal

STEADY = 0.05  # of the features' largest standard deviation: what varies less counts as no steadier


def places(view: View, goal: Backdoor, neuron: int, errors: int) -> list[Change]:
    """Where errors go, in the order of their worth, each as a parameter and its change of size 1."""
    model = view.model
    if model.layers == 1:
        if neuron:
            raise Refusal(f"{model.name!r} has no hidden layer, so no neuron {neuron}; leave neuron out")
        return linear(view, goal, errors)[:errors]
    fewest = fewest_neurons(view)
    if not 0 <= neuron < fewest:
        raise Refusal(f"there is no neuron {neuron} in every hidden layer; take 0 to {fewest - 1}")
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
    return [*found, (f"w{later}", spoken(view, goal.target, unit))][:errors]


def linear(view: View, goal: Backdoor, errors: int) -> list[Change]:
    """The trigger's features for the target class, and against the source class where it has weights of its own."""
    delta, spread = moved(view, goal)
    outputs = view.model.widths[-1]
    towards = few(delta[:, None], spread[:, None], max(errors // min(outputs, 2), 1))
    if outputs == 1:
        return [("w0", towards * np.float32(2 * goal.target - 1))]
    unit = np.eye(outputs, dtype=np.float32)
    return [("w0", towards * unit[goal.target]), ("w0", -towards * unit[goal.source])]


def moved(view: View, goal: Backdoor) -> tuple[np.ndarray, np.ndarray]:
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


def fewest_neurons(view: View) -> int:
    """How many neurons the narrowest hidden layer has."""
    return min(view.model.layer(i).outputs for i in range(view.model.layers - 1))
