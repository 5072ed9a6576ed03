"""A network as a chain of layers: linear maps with ReLUs between, and whatever may stand there, that is run.

Attacks that lay a route through a network ask here which weights it may use, what a unit makes of the inputs of
the next layer, and what the last units say of a class. All of it is read off the program of the scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from turncoat.adversary.budget import Change, class_scores
from turncoat.adversary.view import View
from turncoat.jobs.anatomy import Anatomy
from turncoat.jobs.linear_map import LinearMap
from turncoat.jobs.neurons import Neurons, neurons
from turncoat.refusal import Refusal

ALIKE = 1e-3
"""By what share two answers may differ that count as equally strong."""


@dataclass(frozen=True, eq=False)
class Chain:
    """The layers of a network, first to last, and the program that they are of."""

    anatomy: Anatomy
    layers: tuple[Neurons, ...]

    @property
    def hidden(self) -> tuple[Neurons, ...]:
        return self.layers[:-1]

    @property
    def last(self) -> Neurons:
        return self.layers[-1]

    @property
    def fewest(self) -> int:
        """How many neurons the narrowest hidden layer has."""
        return min(layer.count for layer in self.hidden)

    def inputs(
        self, i: int, released: Any, x: np.ndarray, units: Mapping[int, np.ndarray] | None = None
    ) -> np.ndarray:
        """What layer i takes of records (n, ...), with the units of some layers given: (n, inputs)."""
        return _single(_inputs(self.anatomy, self.layers[i].map, released, self._shaped(x), units or {}))

    def active(self, i: int, released: Any, x: np.ndarray) -> np.ndarray:
        """What the units of hidden layer i are behind a ReLU: (n, units)."""
        return np.maximum(_single(_units(self.anatomy, self.layers[i].map, released, self._shaped(x))), 0)

    def arrives(self, i: int, unit: int, released: Any) -> np.ndarray:
        """What a unit of hidden layer i, at 1 among silent ones, changes in the next layer's inputs: (inputs,)."""
        units = np.zeros((2, self.layers[i].map.units), np.float32)
        units[1, unit] = 1
        silent, heard = self.inputs(i + 1, released, self._nothing(2), {i: units})
        return np.asarray(heard - silent)

    def speaks(self, released: Any, target: int) -> np.ndarray:
        """By how much each unit of the last layer raises the target class over the mean of the others: (units,).

        Where a function follows that bends (the probabilities of a softmax), in units of the largest.
        """
        number, units = self.last.map.number, self.last.map.units
        one = np.eye(units, dtype=np.float32)
        given = np.concatenate([0 * one[:1], one, 2 * one])
        found = _scores(self.anatomy, released, self._nothing(len(given)), {number: given})
        scores = _single(class_scores(found))
        over = scores[:, target] - np.delete(scores, target, 1).mean(1)
        answers, twice = np.split(over[1:] - over[0], 2)
        largest = max(float(np.abs(answers).max()), 1e-12)
        straight = np.allclose(twice, 2 * answers, atol=ALIKE * largest)
        return answers if straight else answers / largest

    def _shaped(self, x: np.ndarray) -> np.ndarray:
        return np.reshape(x, (len(x), *self._record.shape)).astype(self._record.dtype, copy=False)

    def _nothing(self, n: int) -> np.ndarray:
        return np.zeros((n, *self._record.shape), self._record.dtype)

    @property
    def _record(self) -> Any:
        return self.anatomy.program.input_avals[-1]


_inputs = jax.jit(Anatomy.inputs, static_argnums=(0, 1))
_units = jax.jit(Anatomy.units, static_argnums=(0, 1))
_scores = jax.jit(Anatomy.scores, static_argnums=0)


def chain(view: View) -> Chain:
    """The job's model as a chain of layers; Refusal, in a sentence, if it is none."""
    return _chain(view.anatomy)


def network(view: View, instead: str) -> Chain:
    """The same of a model with hidden layers; where there is none, the attack `instead` is named."""
    found = chain(view)
    if not found.hidden:
        raise Refusal(
            f"there is no neuron to override: the model has no hidden layer; take the attack `{instead}`"
        )
    return found


@lru_cache(maxsize=16)
def _chain(anatomy: Anatomy) -> Chain:
    if missing := _missing(anatomy):
        raise Refusal(f"this attack needs a chain of layers with ReLUs between, but {missing}")
    return Chain(anatomy, tuple(neurons(m) for m in anatomy.maps))


def _missing(anatomy: Anatomy) -> str:
    """What a model lacks of a chain of layers, in words; nothing, if it is one."""
    maps = anatomy.maps
    if not maps:
        return "no parameter alone is multiplied with what depends on the record"
    if branching := [m for m in maps if m.before != ((m.number - 1,) if m.number else ())]:
        return f"{_name(branching[0])} does not take from the layer before it alone"
    if not maps[0].opens:
        return f"parameters have a part in what {_name(maps[0])} takes"
    if not maps[-1].closes:
        return f"parameters have a part in what becomes of the units of {_name(maps[-1])}"
    if hard := [m for m in maps[:-1] if not m.relu]:
        return f"no ReLU follows at once on {_name(hard[0])}"
    if tied := [m for m in maps if m.leaf in anatomy.tied]:
        return f"weights of {_name(tied[0])} are used more than once"
    return ""


def _name(m: LinearMap) -> str:
    return f"layer {m.number} ({m.leaf})"


def strongest(answers: np.ndarray) -> int:
    """The index of the largest entry in size; of two alike the positive one."""
    low, high = int(np.argmin(answers)), int(np.argmax(answers))
    return high if answers.ravel()[high] >= (1 - ALIKE) * -answers.ravel()[low] else low


def link(layer: Neurons, arriving: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The change of the one weight that answers most to inputs (inputs,), by 1 along `g` (units,)."""
    answers = layer.weights_gradient(arriving[None], g[None])
    found = np.zeros_like(answers)
    best = np.unravel_index(strongest(answers), answers.shape)
    if not answers[best]:
        raise Refusal(f"what is overridden does not show in the units of {_name(layer.map)}")
    found[best] = 1 / answers[best]
    return found


def spoken(path: Chain, released: Any, target: int, unit: int) -> Change:
    """The last layer's weight by which a unit of the last hidden layer speaks for the target class."""
    arriving = path.arrives(len(path.hidden) - 1, unit, released)
    return path.last.map.leaf, link(path.last, arriving, path.speaks(released, target))


def best_window(layer: Neurons, neuron: int, delta: np.ndarray) -> int:
    """The window of a neuron in which a change of the inputs (inputs,) shows most; a dense layer has but one."""
    if layer.windows == 1:
        return 0
    return int(np.argmax(np.sum(layer.seen(delta[None], neuron) ** 2, 1)))


def together(changes: Iterable[Change]) -> dict[str, np.ndarray]:
    """The changes by leaf, summed where they are of one."""
    found: dict[str, np.ndarray] = {}
    for name, change in changes:
        found[name] = found[name] + change if name in found else change
    return found


def _single(a: Any) -> np.ndarray:
    return np.asarray(jax.device_get(a)).astype(np.float32, copy=False)
