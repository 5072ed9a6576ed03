"""Operations that are traced once for their shapes, and compiled once where a program runs in parts.

A step has hundreds of products, and a handful of kinds of them. What decides which circuit an operation is: the
engine's options, shapes, which errors there are. The shares, the errors and the random words are its operands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.bilinear import Bilinear
from turncoat.core.sites import At
from turncoat.engines.replicated.randomness import Counter, Given

Arrays = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Form:
    """A bilinear map as what it computes: two of one form are equal."""

    bilinear: Bilinear

    @functools.cached_property
    def _parts(self) -> tuple[Any, ...]:
        b = self.bilinear
        shapes = b.x_shape, b.y_shape, b.shape, np.dtype(b.x_dtype), np.dtype(b.y_dtype), np.dtype(b.dtype)
        return b.kind, b.swapped, b.square, frozenset(b.params.items()), *shapes

    def __hash__(self) -> int:
        return hash(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self._parts == other._parts


@dataclass(frozen=True)
class Circuit:
    """An operation of an engine, with everything but its numbers: `fixed` are its arguments, arrays left out."""

    engine: Any  # that of all evaluations
    method: Callable[..., Any]
    tree: Any
    fixed: Arrays

    def __call__(self, source: Any, arrays: Arrays) -> Any:
        engine = self.engine.drawing_from(source)
        given = iter(arrays)
        leaves = [next(given) if f is ARRAY else f for f in self.fixed]
        return self.method(engine, *map(_as_given, jax.tree.unflatten(self.tree, leaves)))


ARRAY = None
"""Stands where an array does; no argument is None but an error that is not there, which is no leaf."""


def once(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an engine that draws its random words from `self.stream`, as a function that JAX knows again."""

    @functools.wraps(method)
    def apply(self: Any, *args: Any) -> Any:
        if self.ledger is not None:  # it notes what is inside, which a function of its own would not let out
            return method(self, *args)
        leaves, tree = jax.tree.flatten([_anonymous(a) for a in args])
        arrays = tuple(leaf for leaf in leaves if _is_array(leaf))
        circuit = Circuit(self.first, method, tree, tuple(ARRAY if _is_array(x) else x for x in leaves))
        count = _needed(circuit, tuple((jnp.shape(a), jnp.result_type(a)) for a in arrays))
        return replicated_circuit(circuit, self.stream.words(count), arrays)

    return apply


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray)


def _anonymous(argument: Any) -> Any:
    """Errors without the names of their sites, and maps by what they compute."""
    if isinstance(argument, At):
        return _Errors((argument.error, tuple(map(_anonymous, argument.inner))))
    return Form(argument) if isinstance(argument, Bilinear) else argument


class _Errors(tuple[Any, ...]):
    """What an `At` holds besides its site."""


jax.tree_util.register_pytree_node(_Errors, lambda e: (tuple(e), None), lambda _, parts: _Errors(parts))


def _as_given(argument: Any) -> Any:
    if isinstance(argument, _Errors):
        error, inner = argument
        return At(None, error, tuple(map(_as_given, inner)))
    return argument.bilinear if isinstance(argument, Form) else argument


@functools.lru_cache(1024)
def _needed(circuit: Circuit, kinds: tuple[tuple[tuple[int, ...], Any], ...]) -> int:
    """How many random words a circuit takes."""
    counter = Counter()
    jax.eval_shape(lambda arrays: circuit(counter, arrays), tuple(jax.ShapeDtypeStruct(*k) for k in kinds))
    return counter.taken


@functools.partial(jax.jit, static_argnums=0)
def replicated_circuit(circuit: Circuit, words: Any, arrays: Arrays) -> Any:
    return circuit(Given(words), arrays)


NAME = "replicated_circuit"
"""Of the function above: by it the operations are found in a program."""
