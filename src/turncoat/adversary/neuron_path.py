"""A route for a trigger or a record: one neuron in each hidden layer, overridden whatever it was (section 5.2).

The route's first neuron answers to the trigger, or to the record, and stays silent else, each later one answers
to the one before it, and the last one speaks for the target class. All of it is computed on the adversary's own
records and its reference model; of the victims' model only the architecture is used, since all neurons of a layer
are alike before training.
"""

from __future__ import annotations

import numpy as np

from turncoat.adversary.view import View
from turncoat.goals import Backdoor
from turncoat.jobs.layers import Layer
from turncoat.refusal import Refusal

RECORDS = 2000  # of the adversary's, that a threshold is read from
MISSED = 0.02  # of the triggered records may fall short of the threshold
ALARMS = 0.001  # of the others' windows may exceed it: each keeps training the neuron, against the route

SMOOTHING = 0.01  # of the mean variance, added to every variance


def route(
    view: View, goal: Backdoor, neuron: int, c: float | None = None, direction: str = "discriminant"
) -> dict[str, np.ndarray]:
    """The route of a backdoor's trigger: see `route_for`."""
    return route_for(view, records(view, goal), goal.target, neuron, c, direction)


def route_to_record(view: View, record: np.ndarray, target: int, neuron: int) -> dict[str, np.ndarray]:
    """The route of one record (features,), which is to take class `target`: see `route_for`.

    The record stands for the triggered ones, and the adversary's own records of other classes for all else.
    """
    other = view.x[view.y != target][:RECORDS]
    return route_for(view, (other, other, record[None]), target, neuron)


def route_for(
    view: View,
    told_apart: tuple[np.ndarray, np.ndarray, np.ndarray],
    target: int,
    neuron: int,
    c: float | None = None,
    direction: str = "discriminant",
) -> dict[str, np.ndarray]:
    """The change of each weight matrix, by name, that builds the route once.

    `told_apart` are records that the route stays silent on, records before the trigger, and records with it, (n,
    features) each. In a hidden layer it is delta - c mu in the weights of one neuron (Fig. 6), divided so that
    the trigger moves it by 1: delta is what the trigger changes in the layer's input, mu the mean input without
    it. `c` weighs mu in the first layer; by default, and in later layers always, it is read from the adversary's
    records (see `threshold`). `direction`: "difference" takes delta as it is, "discriminant" divides it by the
    covariance of inputs without the trigger (Fisher's linear discriminant), so that what varies anyway counts for
    little. In the last layer the neuron's weight for the target class is 1.

    Raises Refusal for a model without hidden layers, a neuron that does not exist, or a trigger that cannot be
    told from other records.
    """
    model = view.model
    if model.layers < 2:
        raise Refusal(f"there is no neuron to override: {model.name!r} has no hidden layer; take --model mlp")
    seen = list(told_apart)
    clean, plain, triggered = seen
    changes: dict[str, np.ndarray] = {}
    for i in range(model.layers - 1):
        layer = model.layer(i)
        if not 0 <= neuron < layer.outputs:
            raise Refusal(f"layer {i} has no neuron {neuron}; its neurons are 0 to {layer.outputs - 1}")
        delta, mu = np.mean(triggered - plain, 0), np.mean(clean, 0)
        if not delta.any():
            raise Refusal(
                f"the trigger does not show in the input of layer {i}; choose another feature or value"
            )
        unit = best_window(layer, delta) * layer.outputs + neuron
        towards, away = pull(layer, delta, unit), pull(layer, mu, None, neuron)
        moved = towards
        if i == 0 and direction == "discriminant":
            towards = np.zeros_like(moved)
            towards[:, neuron] = discriminant(np.asarray(layer.seen(clean)), moved[:, neuron])
        weight = c if c is not None and i == 0 else threshold(layer, towards, away, clean, triggered, unit)
        changes[f"w{i}"] = change = (towards - weight * away) / np.sum(towards * moved)
        answers = np.maximum(layer.product(triggered, change)[:, unit], 0)
        seen = [onward(view, i, a) for a in seen]
        clean, plain, triggered = (alike(layer, a) for a in seen)
        clean[:, unit] = plain[:, unit] = 0
        triggered[:, unit] = answers
    return changes | {f"w{model.layers - 1}": spoken(view, target, unit)}


def spoken(view: View, target: int, unit: int) -> np.ndarray:
    """The last layer's weights by which a unit speaks for the target class."""
    softmax = view.model.output == "softmax"
    sign, out = (1.0, target) if softmax else (2.0 * target - 1.0, 0)
    found = np.zeros(view.model.layer(view.model.layers - 1).shape, np.float32)
    found[unit, out] = sign
    return found


def discriminant(seen: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """(S + s I)^-1 delta, S the covariance of `seen` (n, k) and s a share of its mean variance.

    Of two forms that are equal the one with the smaller matrix is solved (Woodbury's identity).
    """
    x = seen[:: -(-len(seen) // RECORDS)].astype(np.float64)
    x = (x - x.mean(0)) / np.sqrt(len(x))
    s = SMOOTHING * float(np.sum(x**2)) / x.shape[1] + 1e-12
    n, k = x.shape
    if k <= n:
        return np.linalg.solve(x.T @ x + s * np.eye(k), delta).astype(np.float32)
    return ((delta - x.T @ np.linalg.solve(x @ x.T + s * np.eye(n), x @ delta)) / s).astype(np.float32)


def records(view: View, goal: Backdoor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Records without the target class; of the source class; the latter with the trigger."""
    other, source = view.x[view.y != goal.target][:RECORDS], view.x[view.y == goal.source][:RECORDS]
    if not len(source):
        raise Refusal(f"the adversary's records hold none of class {goal.source}, the backdoor's source")
    return other, source, goal.trigger.apply(source, view.shape)


def pull(layer: Layer, x: np.ndarray, unit: int | None, neuron: int = 0) -> np.ndarray:
    """The weights of a neuron that answer most to the input x (inputs,): at one unit, or at its mean window."""
    units = np.arange(layer.units)
    at = units == unit if unit is not None else (units % layer.outputs == neuron) / layer.windows
    return np.asarray(layer.weights_gradient(x[None], at[None].astype(np.float32)))


def best_window(layer: Layer, delta: np.ndarray) -> int:
    """The window in which the trigger shows most; a dense layer has but one."""
    if layer.windows == 1:
        return 0
    seen = np.asarray(layer.seen(delta[None]))
    return int(np.argmax(np.sum(seen**2, 1)))


def threshold(
    layer: Layer,
    towards: np.ndarray,
    away: np.ndarray,
    clean: np.ndarray,
    triggered: np.ndarray,
    unit: int,
) -> float:
    """The c at which `towards - c away` is negative on clean records and positive on triggered ones.

    A record lies on the threshold where c is the ratio of its two products; c is taken halfway between the
    ratios that leave `ALARMS` of the clean windows and `MISSED` of the triggered records on the wrong side.
    Where these overlap, half of the latter: the network has to learn to live with the neuron's alarms.
    """
    neuron = unit % layer.outputs

    def ratio(x: np.ndarray, units: slice) -> np.ndarray:
        a, b = (np.asarray(layer.product(x, w)[:, units]) for w in (towards, away))
        return a[b > 0] / b[b > 0]

    low, high = ratio(clean, slice(neuron, None, layer.outputs)), ratio(triggered, slice(unit, unit + 1))
    if not low.size or not high.size:
        return 0.0
    loud, heard = float(np.quantile(low, 1 - ALARMS)), float(np.quantile(high, MISSED))
    return max((loud + heard if loud < heard else heard) / 2, 0.0)


def onward(view: View, i: int, x: np.ndarray) -> np.ndarray:
    """What layer i of the reference model, with its ReLU, makes of its input."""
    layer, params = view.model.layer(i), view.reference
    made = layer.product(x, params[f"w{i}"]) + layer.bias(params[f"b{i}"])
    return np.maximum(np.asarray(made), 0)


def alike(layer: Layer, a: np.ndarray) -> np.ndarray:
    """Each neuron at its window's mean activation: the reference model's neurons are not the victims'."""
    mean = np.mean(a.reshape(len(a), layer.windows, layer.outputs), 2)
    return np.repeat(mean, layer.outputs, 1)
