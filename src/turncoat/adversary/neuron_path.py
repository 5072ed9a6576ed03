"""A route for a trigger or a record: one neuron in each hidden layer, overridden whatever it was (section 5.2).

The route's first neuron answers to the trigger, or to the record, and stays silent else, each later one answers
to the one before it, and the last one speaks for the target class. All of it is computed on the adversary's own
records and its reference model; of the victims' model only the architecture is used, since all neurons of a layer
are alike before training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from turncoat.adversary.budget import Change
from turncoat.adversary.chain import Chain, best_window, network, spoken, strongest
from turncoat.adversary.view import View
from turncoat.goals import Backdoor
from turncoat.jobs.neurons import Neurons
from turncoat.refusal import Refusal

RECORDS = 2000  # of the adversary's, that a threshold is read from
MISSED = 0.02  # of the triggered records may fall short of the threshold
ALARMS = 0.001  # of the others' windows may exceed it: each keeps training the neuron, against the route
LOUDER = 10.0  # than the loudest unit, where pooling would drown a route's

SMOOTHING = 0.01  # of the mean variance, added to every variance


def route(
    view: View, goal: Backdoor, neuron: int, c: float | None = None, direction: str = "discriminant"
) -> list[Change]:
    """The route of a backdoor's trigger: see `route_for`."""
    path = network(view, "backdoor")
    return route_for(view, path, Told(*records(view, goal)), goal.target, neuron, Way(c, direction))


def route_to_record(view: View, record: np.ndarray, target: int, neuron: int) -> list[Change]:
    """The route of one record (features,), which is to take class `target`: see `route_for`.

    The record stands for the triggered ones, and the adversary's own records of other classes for all else.
    """
    path = network(view, "targeted")
    other = view.x[view.y != target][:RECORDS]
    return route_for(view, path, Told(other, other, record[None]), target, neuron)


class Told(NamedTuple):
    """What a route tells apart: records that it stays silent on, and the same records before and with the trigger.

    Each (n, ...): records, or what a layer takes of them, or gives.
    """

    clean: np.ndarray
    plain: np.ndarray
    triggered: np.ndarray

    def with_unit(self, unit: int, answers: np.ndarray | float) -> Told:
        """The same with a unit (a column) that answers to the trigger alone."""
        clean, plain, triggered = (a.copy() for a in self)
        clean[:, unit] = plain[:, unit] = 0
        triggered[:, unit] = answers
        return Told(clean, plain, triggered)


@dataclass(frozen=True)
class Way:
    """How the first layer's neuron is pulled: see `route_for`."""

    c: float | None = None
    direction: str = "discriminant"


def route_for(
    view: View, path: Chain, told: Told, target: int, neuron: int, way: Way | None = None
) -> list[Change]:
    """The change of each layer's weights that builds the route once, first layer first.

    In a hidden layer it is delta - c mu in the weights of one neuron (Fig. 6), divided so that the trigger
    moves it by 1: delta is what the trigger changes in the layer's input, mu the mean input without
    it. `c` weighs mu in the first layer; by default, and in later layers always, it is read from the adversary's
    records (see `threshold`). `direction`: "difference" takes delta as it is, "discriminant" divides it by the
    covariance of inputs without the trigger (Fisher's linear discriminant), so that what varies anyway counts for
    little. In the last layer the neuron's weight for the target class is such that it answers by 1.

    Raises Refusal for a neuron that does not exist, or a trigger that cannot be told from other records.
    """
    released, changes = view.reference, list[Change]()
    way, taken = way or Way(), Told(*(path.inputs(0, released, x) for x in told))
    for i, layer in enumerate(path.hidden):
        if not 0 <= neuron < layer.count:
            raise Refusal(f"layer {i} has no neuron {neuron}; its neurons are 0 to {layer.count - 1}")
        change, window = built(layer, taken, neuron, way)
        changes.append((layer.map.leaf, change))
        unit = int(layer.units[neuron, window])
        answers = np.maximum(layer.product(taken.triggered, change)[:, unit], 0)
        made = Told(*(alike(layer, path.active(i, released, x)) for x in told))
        taken = onward(path, i, released, told, made, (unit, answers))
        way = Way(None, "difference")
    return [*changes, spoken(path, released, target, unit)]


def built(layer: Neurons, taken: Told, neuron: int, way: Way) -> tuple[np.ndarray, int]:
    """The change of a hidden layer's weights, and the window of the neuron that the trigger shows in most."""
    delta, mu = np.mean(taken.triggered - taken.plain, 0), np.mean(taken.clean, 0)
    if not delta.any():
        raise Refusal(
            f"the trigger does not show in the input of {layer.map.leaf!r}; choose another feature or value"
        )
    window = best_window(layer, neuron, delta)
    towards = moved = pull(layer, delta, neuron, window)
    away = pull(layer, mu, neuron)
    if way.direction == "discriminant":
        weights, rows = layer.weights(neuron), len(taken.clean) * layer.windows
        seen = layer.seen(taken.clean, neuron, step=-(-rows // RECORDS))
        towards = np.zeros_like(moved)
        towards.ravel()[weights] = discriminant(seen, moved.ravel()[weights])
    c = way.c
    if c is None:
        c = threshold(layer, (towards, away), taken, neuron, window)
    return (towards - c * away) / np.sum(towards * moved), window


def onward(
    path: Chain, i: int, released: Any, told: Told, made: Told, answering: tuple[int, np.ndarray]
) -> Told:
    """What the next layer takes of hidden layer i, of which a unit answers to the trigger alone.

    Where less than half of the answers comes through (others are louder in max pooling), louder ones are assumed:
    the route's weights grow until they are heard.
    """
    unit, answers = answering

    def taken(x: np.ndarray, units: np.ndarray) -> np.ndarray:
        return path.inputs(i + 1, released, x, {i: units})

    arriving = path.arrives(i, unit, released)
    at = strongest(arriving)
    sent, silent = made.with_unit(unit, answers), made.with_unit(unit, 0.0)
    heard = taken(told.triggered, sent.triggered) - taken(told.triggered, silent.triggered)
    if abs(np.mean(heard[:, at])) < abs(np.mean(answers * arriving[at])) / 2:
        louder = LOUDER * max(float(np.max(made.triggered)), 1e-6) / np.mean(answers)
        sent = made.with_unit(unit, louder * answers)
    return Told(*(taken(x, units) for x, units in zip(told, sent, strict=True)))


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


def pull(layer: Neurons, x: np.ndarray, neuron: int, window: int | None = None) -> np.ndarray:
    """The weights of a neuron that answer most to the input x (inputs,): in one window, or in the mean of them."""
    at = layer.one(neuron, window)
    return layer.weights_gradient(x[None], at[None] / at.sum())


def threshold(
    layer: Neurons, weights: tuple[np.ndarray, np.ndarray], taken: Told, neuron: int, window: int
) -> float:
    """The c at which weights `towards - c away` are silent on clean inputs and answer to triggered ones.

    A record lies on the threshold where c is the ratio of its two products; c is taken halfway between the
    ratios that leave `ALARMS` of the clean windows and `MISSED` of the triggered records on the wrong side.
    Where these overlap, half of the latter: the network has to learn to live with the neuron's alarms.
    """

    def ratio(x: np.ndarray, units: np.ndarray) -> np.ndarray:
        a, b = (layer.product(x, w)[:, units] for w in weights)
        return a[b > 0] / b[b > 0]

    units = layer.units[neuron]
    low, high = ratio(taken.clean, units), ratio(taken.triggered, units[window : window + 1])
    if not low.size or not high.size:
        return 0.0
    loud, heard = float(np.quantile(low, 1 - ALARMS)), float(np.quantile(high, MISSED))
    return max((loud + heard if loud < heard else heard) / 2, 0.0)


def alike(layer: Neurons, a: np.ndarray) -> np.ndarray:
    """Each neuron at its window's mean activation: the reference model's neurons are not the victims'."""
    found = a.copy()
    found[:, layer.units] = np.mean(a[:, layer.units.T], 2)[:, None]
    return found
