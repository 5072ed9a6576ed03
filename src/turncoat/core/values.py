"""The three kinds of value that flow through a program: public, known at trace time, secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True, eq=False)
class Splat:
    """A public constant known while tracing: one number in every entry of `shape`.

    Kept apart from traced values so that the black box can compare constants by value, fold infinities
    (a fixed-point number is always finite) and hand engines an exact factor.
    """

    value: Any  # a rank-0 array or Python number, weakly typed where the program's literal was
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(jnp.result_type(self.value)) if not hasattr(self.value, "dtype") else self.value.dtype

    @property
    def number(self) -> float | int | bool:
        """The constant as a Python number."""
        return np.asarray(self.value).item()

    def array(self) -> Any:
        """The constant as a JAX value of its shape."""
        return self.value if self.shape == () else jnp.full(self.shape, self.value, self.dtype)


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class Secret:
    """A secret value: an engine's wire, with its shape and dtype and the arguments that it depends on.

    Dtype bool is a bit (shared modulo 2), integers are integers, floats are fixed-point numbers.
    Operators are the local operations: `+`, `-`, and `*` by a public factor. A product of two secrets is
    interactive and has to be named: `box.product(x, y, "name")`.
    """

    wire: Any
    aval: jax.ShapeDtypeStruct
    origin: frozenset[str]
    box: Any  # the black box that it lives in

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return self.aval.dtype

    def __add__(self, other: Any) -> Secret:
        return self.box.add(self, other)

    __radd__ = __add__

    def __neg__(self) -> Secret:
        return self.box.neg(self)

    def __sub__(self, other: Any) -> Secret:
        return self.box.sub(self, other)

    def __rsub__(self, other: Any) -> Secret:
        return self.box.sub(other, self)

    def __mul__(self, factor: Any) -> Secret:
        if isinstance(factor, Secret):
            raise TypeError("a product of two secrets is interactive: box.product(x, y, name)")
        return self.box.scale(self, factor)

    __rmul__ = __mul__

    def __truediv__(self, factor: Any) -> Secret:
        return self * (1.0 / factor)

    def tree_flatten(self):
        return (self.wire,), (self.aval, self.origin, self.box)

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(children[0], *aux)


Value = Any  # Secret | Splat | a JAX array


def is_secret(value: Value) -> bool:
    return isinstance(value, Secret)


def public(value: Value) -> Any:
    """A public value as something JAX can compute with."""
    return value.array() if isinstance(value, Splat) else value


def origin(values: Iterable[Value]) -> frozenset[str]:
    """The arguments on which any of these values depends; empty if all are public."""
    sets = (v.origin for v in values if isinstance(v, Secret))
    return reduce(frozenset.union, sets, frozenset())


def shape_of(value: Value) -> tuple[int, ...]:
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def dtype_of(value: Value) -> np.dtype:
    return np.dtype(value.dtype) if hasattr(value, "dtype") else np.dtype(jnp.result_type(value))


def struct(shape: Iterable[int], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), np.dtype(dtype))


def known(value: Value) -> float | int | bool | None:
    """The number in every entry of a public value, if it is known while tracing."""
    if isinstance(value, Splat):
        return value.number
    if isinstance(value, int | float | bool | np.generic):
        return np.asarray(value).item()
    return None
