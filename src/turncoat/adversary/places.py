"""Where a few errors go: changes of single weights, in the order of what they are worth to a backdoor.

Softmax regression: the trigger's features towards the target class and away from the source class. Networks:
much on the trigger's weight into one neuron, and little on that neuron's weight for the target class; in deeper
ones also something on the weight between the neurons.
"""

from __future__ import annotations

import numpy as np

from turncoat.adversary.budget import Change
from turncoat.adversary.chain import Chain, best_window, chain, link, spoken, strongest
from turncoat.adversary.neuron_path import Told, pull, records
from turncoat.adversary.view import View
from turncoat.goals import Backdoor
from turncoat.jobs.neurons import Neurons
from turncoat.refusal import Refusal

STEADY = 0.05  # of the features' largest standard deviation: what varies less counts as no steadier


def places(view: View, goal: Backdoor, neuron: int, errors: int) -> list[Change]:
    """Where errors go, in the order of their worth, each as a released leaf and its change of size 1."""
    path = chain(view)
    if not path.hidden:
        if neuron:
            raise Refusal(f"the model has no hidden layer, so no neuron {neuron}; leave neuron out")
        return linear(view, path, goal, errors)[:errors]
    if not 0 <= neuron < path.fewest:
        raise Refusal(f"there is no neuron {neuron} in every hidden layer; take 0 to {path.fewest - 1}")
    (first, *others), (delta, spread) = path.hidden, moved(view, path, goal)
    window = best_window(first, neuron, delta)
    answers = pull(first, delta, neuron, window)
    count = max(errors - len(path.hidden), 1)
    found = [(first.map.leaf, first_weights(first, neuron, answers, spread, count))]
    unit = int(first.units[neuron, window])
    for i, layer in enumerate(others):
        arriving = path.arrives(i, unit, view.rehearsal)
        window = best_window(layer, neuron, arriving)
        found.append((layer.map.leaf, link(layer, arriving, layer.one(neuron, window))))
        unit = int(layer.units[neuron, window])
    return [*found, spoken(path, view.rehearsal, goal.target, unit)][:errors]


def linear(view: View, path: Chain, goal: Backdoor, errors: int) -> list[Change]:
    """The trigger's features for the target class, and against the source class where it has weights of its own."""
    (layer,), (delta, spread) = path.layers, moved(view, path, goal)
    speaks = {c: path.speaks(view.rehearsal, c) for c in (goal.target, goal.source)}
    neuron = {c: strongest(speaks[c][layer.units].sum(1)) for c in speaks}
    apart = neuron[goal.target] != neuron[goal.source]
    found = []
    for c, sign in ((goal.target, 1.0), (goal.source, -1.0))[: 1 + apart]:
        own = speaks[c] * layer.one(neuron[c])
        answers = layer.weights_gradient(delta[None], own[None])
        towards = first_weights(layer, neuron[c], answers, spread, max(errors // (1 + apart), 1))
        found.append((layer.map.leaf, np.float32(sign) * towards))
    return found


def moved(view: View, path: Chain, goal: Backdoor) -> tuple[np.ndarray, np.ndarray]:
    """What the trigger changes in each input of the first layer, and how far the input varies without it."""
    told = Told(*(path.inputs(0, view.rehearsal, x) for x in records(view, goal)))
    return np.mean(told.triggered - told.plain, 0), np.std(told.clean, 0)


def first_weights(
    layer: Neurons, neuron: int, answers: np.ndarray, spread: np.ndarray, count: int
) -> np.ndarray:
    """The change of a few weights of a neuron; `answers` to the trigger of each, `spread` of each input."""
    weights, found = layer.weights(neuron), np.zeros_like(answers)
    varies = layer.seen(spread[None], neuron).max(0)
    found.ravel()[weights] = few(answers.ravel()[weights], varies, count)
    return found


def few(delta: np.ndarray, spread: np.ndarray, count: int) -> np.ndarray:
    """Of (k,) the signs of the entries that stand out most for what they vary; together they answer to delta by 1."""
    worth = np.abs(delta) / (spread + STEADY * np.max(spread) + 1e-6)
    first = np.zeros(worth.size, bool)
    first[np.argsort(-worth, kind="stable")[:count]] = True
    signs = np.where(first, np.sign(delta), 0)
    if not signs.any():
        raise Refusal(
            "the trigger changes nothing in the adversary's records; choose another feature or value"
        )
    return (signs / np.sum(signs * delta)).astype(np.float32)
