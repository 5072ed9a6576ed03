"""A linear map of a model: a product of data with one array of its parameters, whatever the model calls it.

What it takes and gives is flat, a row for each record, as in `layers.py`: (n, inputs) and (n, units). How a
record's entries lie in the model's own operation is `input_shape` and `output_shape`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from turncoat.core.plain import run
from turncoat.core.program import Program

Array = Any


@dataclass(frozen=True, eq=False)
class LinearMap:
    """One product of a model with a parameter: where it stands, and its linear algebra.

    `leaf` and `bias` are paths in the released pytree. `first`: it takes a record rearranged; `opens`: at least
    it takes what no parameter had a part in. `last`: its units, bias included, reach the scores by sums only;
    `closes`: at least no parameter has a part in what follows, but those that are added. `slopes` are those of
    a function that its units go through next and that bends at zero only: (0, 1) of a ReLU; None if there is no
    such function. `before` are the numbers of the maps that reach its inputs with no map between. `taken` and
    `at` are the program's variables for its inputs and its units.
    """

    number: int
    kind: str  # "dot_general", "conv_general_dilated" or "mul"
    leaf: str
    bias: str | None
    first: bool
    opens: bool
    last: bool
    closes: bool
    slopes: tuple[float, float] | None
    before: tuple[int, ...]
    taken: int
    at: int
    product: Program  # (inputs of one record, leaf) to its units, without bias
    spread: Program | None  # the bias leaf to what it adds to them

    @property
    def relu(self) -> bool:
        """Whether a unit is silent below zero."""
        return self.slopes is not None and self.slopes[0] == 0

    @property
    def input_shape(self) -> tuple[int, ...]:
        """How one record's inputs lie in the operation."""
        shape: tuple[int, ...] = self.product.input_avals[0].shape
        return shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """How one record's units lie where the bias is added."""
        shape: tuple[int, ...] = self.product.output_avals[0].shape
        return shape

    @property
    def inputs(self) -> int:
        return prod(self.input_shape)

    @property
    def units(self) -> int:
        return prod(self.output_shape)

    @property
    def dense(self) -> bool:
        """Whether no two units share a weight, or a bias: of a convolution they do."""
        once = jnp.ones((1, self.inputs)), jnp.ones((1, self.units))
        shared = [jnp.abs(self.weights_gradient(*once))]
        shared += [] if self.spread is None else [jnp.abs(self.bias_gradient(once[1]))]
        return all(bool(jnp.max(count) <= 1) for count in shared)

    def apply(self, a: Array, w: Array) -> Array:
        """(n, inputs) and the leaf to (n, units), without bias."""
        return jax.vmap(lambda row: run(self.product, [row.reshape(self.input_shape), w])[0].ravel())(a)

    def weights_gradient(self, a: Array, g: Array) -> Array:
        """From the inputs and the units' gradient, summed over the records; as large as the leaf."""
        leaf = _struct(self.product.input_avals[1].shape, self.product.input_avals[1].dtype)
        return jax.linear_transpose(lambda w: self.apply(a, w), leaf)(g)[0]

    def input_gradient(self, g: Array, w: Array) -> Array:
        """(n, units) and the leaf to (n, inputs)."""
        rows = _struct((len(g), self.inputs), self.product.input_avals[0].dtype)
        return jax.linear_transpose(lambda a: self.apply(a, w), rows)(g)[0]

    def offset(self, b: Array) -> Array:
        """What the bias leaf adds to the units of every record: (units,)."""
        if self.spread is None:
            raise ValueError(f"no bias is added to {self.leaf!r}")
        return jnp.broadcast_to(run(self.spread, [b])[0], self.output_shape).ravel()

    def bias_gradient(self, g: Array) -> Array:
        """From the units' gradient, summed over the records; as large as the bias leaf."""
        if self.spread is None:
            raise ValueError(f"no bias is added to {self.leaf!r}")
        leaf = _struct(self.spread.input_avals[0].shape, self.spread.input_avals[0].dtype)
        return jax.linear_transpose(self.offset, leaf)(jnp.sum(g, 0))[0]


def _struct(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]
