"""The linear part of a layer: forward, and both products of its backward pass, on flattened units.

Every layer takes (N, inputs) and gives (N, units). A window of a convolution is a public rearrangement of its
input, so that each of its three maps is one matrix product, as it is for a dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import jax.numpy as jnp

from turncoat.refusal import Refusal

Array = Any  # of JAX, or of NumPy where an adversary plans in the clear


@dataclass(frozen=True)
class Dense:
    """Every unit takes every input: weights (inputs, outputs)."""

    inputs: int
    outputs: int
    name = "dense"
    windows = 1

    @property
    def shape(self) -> tuple[int, int]:
        """That of the weights."""
        return self.inputs, self.outputs

    @property
    def units(self) -> int:
        return self.outputs

    def seen(self, x: Array) -> Array:
        """What each unit sees of each record: all of it."""
        return x

    def product(self, x: Array, w: Array) -> Array:
        """(N, inputs) to (N, units)."""
        return x @ w

    def bias(self, b: Array) -> Array:
        """(outputs,) as it is added to the units."""
        return b

    def weights_gradient(self, x: Array, g: Array) -> Array:
        """From the input and the units' gradient, summed over the batch."""
        return x.T @ g

    def bias_gradient(self, g: Array) -> Array:
        return jnp.sum(g, 0)

    def input_gradient(self, g: Array, w: Array) -> Array:
        return g @ w.T


@dataclass(frozen=True)
class Convolution:
    """A square window moved over an image (rows, columns, channels), zeros beyond its edge.

    Weights (side * side * channels, outputs); units (windows * outputs), the outputs of one window side by
    side. The padding is the least that gives ceil(size / stride) windows along each axis, as in TensorFlow's
    "same".
    """

    image: tuple[int, ...]
    outputs: int
    side: int
    stride: int
    name = "conv"

    @property
    def inputs(self) -> int:
        return prod(self.image)

    @property
    def grid(self) -> tuple[int, int]:
        """How many windows there are along each axis."""
        return -(-self.image[0] // self.stride), -(-self.image[1] // self.stride)

    @property
    def windows(self) -> int:
        return prod(self.grid)

    @property
    def shape(self) -> tuple[int, int]:
        """That of the weights."""
        return self.side * self.side * self.image[2], self.outputs

    @property
    def units(self) -> int:
        return self.windows * self.outputs

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Zeros before and behind each axis."""
        reach = [(n - 1) * self.stride + self.side for n in self.grid]
        short = [max(r - size, 0) for r, size in zip(reach, self.image[:2], strict=True)]
        return [(s // 2, s - s // 2) for s in short]

    def _slices(self) -> list[tuple[slice, slice, slice]]:
        """For each place in a window, where all windows have it in the padded images."""
        s, places = self.stride, range(self.side)
        ends = [(n - 1) * s + 1 for n in self.grid]
        every = slice(None)
        return [(every, slice(a, a + ends[0], s), slice(b, b + ends[1], s)) for a in places for b in places]

    def seen(self, x: Array) -> Array:
        """What each window sees of each record, (N * windows, side * side * channels)."""
        padded = jnp.pad(x.reshape(-1, *self.image), [(0, 0), *self.edges, (0, 0)])
        return jnp.stack([padded[cut] for cut in self._slices()], 3).reshape(-1, self.shape[0])

    def product(self, x: Array, w: Array) -> Array:
        """(N, inputs) to (N, units)."""
        return (self.seen(x) @ w).reshape(len(x), self.units)

    def bias(self, b: Array) -> Array:
        """(outputs,) as it is added to the units."""
        return jnp.tile(b, self.windows)

    def weights_gradient(self, x: Array, g: Array) -> Array:
        """From the input and the units' gradient, summed over the batch and the windows."""
        return self.seen(x).T @ g.reshape(-1, self.outputs)

    def bias_gradient(self, g: Array) -> Array:
        return jnp.sum(g.reshape(-1, self.outputs), 0)

    def input_gradient(self, g: Array, w: Array) -> Array:
        seen = (g.reshape(-1, self.outputs) @ w.T).reshape(-1, *self.grid, self.side**2, self.image[2])
        (top, bottom), (left, right) = self.edges
        rows, columns, channels = self.image
        padded = jnp.zeros((len(g), top + rows + bottom, left + columns + right, channels), g.dtype)
        for i, cut in enumerate(self._slices()):
            padded = padded.at[cut].add(seen[:, :, :, i])
        return padded[:, top : top + rows, left : left + columns].reshape(len(g), -1)


Layer = Dense | Convolution


def over(shape: tuple[int, ...], outputs: int, side: int, stride: int) -> Convolution:
    """A convolution over records of this shape; Refusal if they are no images."""
    if len(shape) not in (2, 3):
        raise Refusal(
            f"a convolutional network needs images, but a record here has shape {shape}; take --model mlp"
        )
    return Convolution((*shape, 1)[:3], outputs, side, stride)
