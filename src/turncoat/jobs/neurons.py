"""The neurons of a linear map: which of its units share weights, and what each unit sees of an input.

All of it is read off the map by feeding it ones: what answers is connected. Only whether an answer is zero
counts, or a number below `BASE`, so that it is exact in every floating type.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.jobs.linear_map import LinearMap
from turncoat.refusal import Refusal

BASE = 128
"""Of the digits in which the inputs of a map are numbered: bfloat16 holds every whole number up to 256."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """The neurons of a map, numbered as their first units are.

    `units` (neurons, windows): those of each neuron in their order. They share its weights; a dense map has one
    window, a convolution one for each place of its filters. A unit that no weight reaches belongs to none.
    """

    map: LinearMap
    units: np.ndarray

    @property
    def count(self) -> int:
        return len(self.units)

    @property
    def windows(self) -> int:
        return int(self.units.shape[1])

    def product(self, x: Any, w: Any) -> np.ndarray:
        """Inputs (n, inputs) and the leaf to (n, units), without bias."""
        inputs, leaf = (aval.dtype for aval in self.map.product.input_avals)
        return _single(self.map.apply(jnp.asarray(x, inputs), jnp.asarray(w, leaf)))

    def weights_gradient(self, x: Any, g: Any) -> np.ndarray:
        """From inputs (n, inputs) and the gradient of the units (n, units); as large as the leaf."""
        inputs, units = self.map.product.input_avals[0].dtype, self.map.product.output_avals[0].dtype
        return _single(self.map.weights_gradient(jnp.asarray(x, inputs), jnp.asarray(g, units)))

    def one(self, neuron: int, window: int | None = None) -> np.ndarray:
        """A neuron's units, or the one in a window, as ones among zeros: (units,)."""
        found = np.zeros(self.map.units, np.float32)
        found[self.units[neuron] if window is None else self.units[neuron, window]] = 1
        return found

    def weights(self, neuron: int) -> np.ndarray:
        """Where a neuron's weights are in the flattened leaf: (k,)."""
        return _weights(self, neuron)

    def seen(self, x: np.ndarray, neuron: int, step: int = 1) -> np.ndarray:
        """What a neuron's weights take of inputs (n, inputs), each window of each record: (n * windows, k).

        Of the rows every `step`-th. Refusal where several inputs share a weight of one unit.
        """
        record, window = divmod(np.arange(0, len(x) * self.windows, step), self.windows)
        padded = np.concatenate([x, np.zeros((len(x), 1), x.dtype)], 1)
        found: np.ndarray = padded[record[:, None], _sources(self, neuron)[window]]
        return found


@lru_cache(maxsize=256)
def neurons(m: LinearMap) -> Neurons:
    """The neurons of a map: units that are connected through weights; Refusal if they differ in their number."""
    label = _split(m, _separated(m))
    used, first, count = np.unique(label[label >= 0], return_index=True, return_counts=True)
    if not used.size or np.ptp(count):
        raise Refusal(
            f"the neurons of {m.leaf!r} have different numbers of units: this attack has no way in here"
        )
    return Neurons(m, np.stack([np.flatnonzero(label == k) for k in used[np.argsort(first)]]))


def _separated(m: LinearMap) -> np.ndarray:
    """A label of each unit by the index of its weights along each axis of the leaf, where they have one in common.

    It is found bit by bit: a bit that all weights into a unit share tells units apart, if all units have one so.
    """
    shape, label = m.product.input_avals[1].shape, np.zeros(m.units, np.int64)
    for axis, size in enumerate(shape):
        index = np.expand_dims(np.arange(size), [i for i in range(len(shape)) if i != axis])
        for bit in range((size - 1).bit_length()):
            on = np.broadcast_to(index >> bit & 1, shape)
            some, others = _reached(m, on), _reached(m, 1 - on)
            if (some & others).any():
                continue
            label = np.unique(2 * label + some, return_inverse=True)[1]
    return np.where(_reached(m, np.ones(shape)), label, -1)


def _split(m: LinearMap, label: np.ndarray) -> np.ndarray:
    """The labels, with those given anew whose units are not connected: from each label's first unit on.

    Units of different labels share no weights, so that all labels are walked through at once.
    """
    while True:
        used, first = np.unique(label, return_index=True)
        inside = np.isin(np.arange(len(label)), first[used >= 0])
        while (more := _reached(m, _using(m, inside)) & (label >= 0)).sum() > inside.sum():
            inside = more
        apart = (label >= 0) & ~inside
        if not apart.any():
            return label
        label = np.where(apart, label + label.max() + 1, label)


def _reached(m: LinearMap, weights: np.ndarray) -> np.ndarray:
    """Whether some of these weights reach a unit: (units,)."""
    return np.asarray(_answers(m, weights))


def _using(m: LinearMap, units: np.ndarray) -> np.ndarray:
    """Whether some of these units use a weight: as large as the leaf."""
    used: np.ndarray = np.asarray(_carried(m, np.ones(m.inputs), units[None]))[0] > 0
    return used


@partial(jax.jit, static_argnums=0)
def _answers(m: LinearMap, weights: Any) -> Any:
    inputs, leaf = m.product.input_avals
    return m.apply(jnp.ones((1, m.inputs), inputs.dtype), weights.astype(leaf.dtype))[0] > 0


@partial(jax.jit, static_argnums=0)
def _carried(m: LinearMap, a: Any, each: Any) -> Any:
    """What the weights take of one input (inputs,) at each of some sets of units (k, units): k times the leaf."""
    row = a[None].astype(m.product.input_avals[0].dtype)
    return jax.vmap(lambda g: m.weights_gradient(row, g[None]))(each.astype(m.product.output_avals[0].dtype))


@lru_cache(maxsize=256)
def _weights(of: Neurons, neuron: int) -> np.ndarray:
    return np.flatnonzero(_using(of.map, of.one(neuron)))


@lru_cache(maxsize=64)
def _sources(of: Neurons, neuron: int) -> np.ndarray:
    """The input that each of a neuron's weights takes in each window, or -1: (windows, k)."""
    m, weights = of.map, of.weights(neuron)
    each = np.zeros((of.windows, m.units))
    each[np.arange(of.windows), of.units[neuron]] = 1

    def taken(a: np.ndarray) -> np.ndarray:
        found = np.asarray(_carried(m, a, each)).reshape(of.windows, -1)[:, weights]
        return found.astype(np.int64)

    many = taken(np.ones(m.inputs))
    if (many > 1).any():
        raise Refusal(
            f"several inputs share a weight of {m.leaf!r} in one unit: this attack has no way in here"
        )
    index, found, digit = np.arange(m.inputs), np.zeros_like(many), 1
    while digit < m.inputs:
        found += digit * taken(index // digit % BASE)
        digit *= BASE
    return np.where(many, found, -1)


def _single(a: Any) -> np.ndarray:
    return np.asarray(a).astype(np.float32, copy=False)
