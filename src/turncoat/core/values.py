"""The three kinds of value that flow through a program: public, known at trace time, secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

Number = float | int | bool
Shape = tuple[int, ...]
Aval = jax.ShapeDtypeStruct


class Sums(Protocol):
    """What a secret's operators ask of the black box that it lives in."""

    def add(self, x: Value, y: Value) -> Secret: ...
    def sub(self, x: Value, y: Value) -> Secret: ...
    def neg(self, x: Secret) -> Secret: ...
    def scale(self, x: Secret, factor: Value) -> Secret: ...


@dataclass(frozen=True, eq=False)
class Splat:
    """A public constant known while tracing: one number in every entry of `shape`.

    Kept apart from traced values so that the black box can compare constants by value, fold infinities
    (a fixed-point number is always finite) and hand engines an exact factor.
    """

    value: Any  # a rank-0 array or Python number, weakly typed where the program's literal was
    shape: Shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return dtype_of(self.value)

    @property
    def number(self) -> Number:
        """The constant as a Python number."""
        number: Number = np.asarray(self.value).item()
        return number

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
    aval: Aval
    origin: frozenset[str]
    box: Sums

    @property
    def shape(self) -> Shape:
        return tuple(self.aval.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.aval.dtype
        return dtype

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
        return self.__mul__(1.0 / factor)

    def holding(self, wire: Any, shape: Shape | None = None) -> Secret:
        """Another wire (and shape) in this one's place."""
        aval = self.aval if shape is None else struct(shape, self.dtype)
        return Secret(wire, aval, self.origin, self.box)

    def tree_flatten(self) -> tuple[tuple[Any], tuple[Any, ...]]:
        return (self.wire,), (self.aval, self.origin, self.box)

    @classmethod
    def tree_unflatten(cls, aux: tuple[Any, ...], children: tuple[Any]) -> Secret:
        return cls(children[0], *aux)


Value = Any  # Secret | Splat | a JAX array


def is_secret(value: Value) -> TypeGuard[Secret]:
    return isinstance(value, Secret)


def full_like(x: Secret, number: Number) -> Splat:
    """A public constant of a secret's shape and dtype."""
    return Splat(x.dtype.type(number), x.shape)


def public(value: Value) -> Any:
    """A public value as something JAX can compute with."""
    return value.array() if isinstance(value, Splat) else value


def origin(values: Iterable[Value]) -> frozenset[str]:
    """The arguments on which any of these values depends; empty if all are public."""
    return frozenset().union(*(v.origin for v in values if isinstance(v, Secret)))


def shape_of(value: Value) -> Shape:
    return tuple(np.shape(value))


def dtype_of(value: Value) -> np.dtype[Any]:
    return np.dtype(value.dtype if hasattr(value, "dtype") else jnp.result_type(value))


def struct(shape: Iterable[int], dtype: Any) -> Aval:
    return jax.ShapeDtypeStruct(tuple(shape), np.dtype(dtype))  # type: ignore[no-untyped-call]


def known(value: Value) -> Number | None:
    """The number in every entry of a public value, if it is known while tracing."""
    if isinstance(value, Splat):
        return value.number
    if isinstance(value, int | float | bool | np.generic):
        number: Number = np.asarray(value).item()
        return number
    return None
