"""Secrets that stay shared among the parties between calls, and values that leave as the function declares them."""

from __future__ import annotations

from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import primitives

from turncoat.core.engine import Engine
from turncoat.core.values import Aval, Shape


@jax.tree_util.register_pytree_node_class
class Shared:
    """A secret that stays shared among the parties between calls; `reveal` opens it."""

    def __init__(self, wire: Any, aval: Aval, engine: Engine) -> None:
        self.wire, self.aval, self.engine = wire, aval, engine

    @property
    def shape(self) -> Shape:
        return tuple(self.aval.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.aval.dtype
        return dtype

    def __repr__(self) -> str:
        return f"Shared({self.dtype}{list(self.shape)}, {self.engine.name})"

    def tree_flatten(self) -> tuple[tuple[Any], tuple[Aval, Engine]]:
        return (self.wire,), (self.aval, self.engine)

    @classmethod
    def tree_unflatten(cls, aux: tuple[Aval, Engine], children: tuple[Any]) -> Shared:
        return cls(children[0], *aux)


def is_shared(x: Any) -> TypeGuard[Shared]:
    return isinstance(x, Shared)


def leaving(engine: Engine, wire: Any) -> Any:
    """A wire as it stays shared after an evaluation, or after sharing: an engine may check then, and mark it.

    Such an engine has methods `leaving`, which does so, and `received`, which takes the mark again.
    """
    return engine.leaving(wire) if hasattr(engine, "leaving") else wire


def received(engine: Engine, wire: Any) -> Any:
    """What `leaving` gave, as an evaluation computes with it."""
    return engine.received(wire) if hasattr(engine, "received") else wire


def reveal(x: Any) -> Any:
    """x with its shared leaves opened."""

    def one(leaf: Any) -> Any:
        if not is_shared(leaf):
            return leaf
        with leaf.engine.context():
            return leaf.engine.open(leaf.wire, leaf.aval)

    return jax.tree.map(one, x, is_leaf=is_shared)


def as_declared(value: Any, aval: Any) -> Any:
    """A value with the dtype and weak type that the plain function returns, so that it fits a carry."""
    if jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        return value
    array = value if isinstance(value, jax.Array) else jnp.asarray(value)
    weak = bool(getattr(aval, "weak_type", False))
    if array.dtype == aval.dtype and bool(getattr(array, "weak_type", False)) == weak:
        return array
    return primitives.convert_element_type_p.bind(array, new_dtype=aval.dtype, weak_type=weak, sharding=None)
