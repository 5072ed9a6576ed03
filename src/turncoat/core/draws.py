"""Randomness of one evaluation: keys derived from one key, none of them given twice."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.refusal import Refusal


class Draws:
    """The keys of one evaluation, or of one pass of a loop in it: the n-th is `fold_in(key, n)`."""

    def __init__(self, key: Any) -> None:
        self.key, self.count = key, 0

    def next(self) -> Any:
        """A key that was not given before."""
        self.count += 1
        return jax.random.fold_in(self.key, self.count)

    def in_pass(self, number: Any) -> Draws:
        """The draws of a loop's pass; `number`, its index, may be traced. Ask a loop of its own for them."""
        return Draws(jax.random.fold_in(self.key, number))


def chosen(key: Any) -> Any:
    """The typed key that was given, or that of calls that give none: they are all alike.

    Raises Refusal for anything else.
    """
    if key is None:
        return jax.random.key(0)
    if not jnp.issubdtype(getattr(key, "dtype", np.dtype(object)), jax.dtypes.prng_key):
        raise Refusal("an engine's randomness comes from one key: make it with jax.random.key")
    return key
