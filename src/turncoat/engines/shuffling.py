"""Secret order of records: rows of shared arrays permuted by what no party knows, once before training."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.core.shared import Shared, is_shared, leaving, received
from turncoat.core.values import struct

ROUNDS = 3
"""One permutation for each pair of three parties."""


def orders(key: Any, records: int) -> Array:
    """The permutations of the three pairs: integers (3, records)."""
    return jax.vmap(lambda k: jax.random.permutation(k, records))(jax.random.split(key, ROUNDS))


def places(key: Any, records: int) -> Array:
    """Where the records end up: which of them, by number, stands at each place (records,)."""
    first, *later = orders(key, records)
    for order in later:
        first = first[order]
    return first


def shuffled(arrays: Any, key: Any) -> Any:
    """The leaves of a pytree, shared or not, their rows in one and the same order that only the key tells.

    An engine of parties that have a protocol for it has a method `shuffled(wire, orders)`; on others the rows are
    taken in the order that the three permutations make together.
    """

    def one(number: int, leaf: Any) -> Any:
        if not is_shared(leaf):
            return jnp.asarray(leaf)[places(key, len(leaf))]
        engine = leaf.engine.begin(jax.random.fold_in(key, number)) if leaf.engine.random else leaf.engine
        with leaf.engine.context():
            wire = received(engine, leaf.wire)
            if hasattr(engine, "shuffled"):
                new = engine.shuffled(wire, orders(key, leaf.shape[0]))
            else:
                at, aval = places(key, leaf.shape[0]), struct(leaf.shape, leaf.dtype)
                new = engine.structure(lambda a: a[at], [wire], [aval], aval)
            return Shared(leaving(engine, new), leaf.aval, leaf.engine)

    leaves, tree = jax.tree.flatten(arrays, is_leaf=is_shared)
    return jax.tree.unflatten(tree, [one(i, leaf) for i, leaf in enumerate(leaves)])
