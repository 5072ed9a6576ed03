"""How the released model answers errors at a site in one step: by how much, and how far in proportion."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

DECADES = np.arange(-4, 2)
"""The sizes that are tried, as powers of ten times that of honest values: larger ones leave a protocol's domains."""
HEARD = 1e-4
"""Smaller moves of a released number may be no more than rounding, as of errors that a softmax takes off again."""
PROPORTIONAL = 0.5
"""Errors are answered in proportion for as long as they move the model by so much of what small ones do."""


class Response(NamedTuple):
    """`slope`: by how much an error of 1 moves what it moves most; `largest`: up to which size about so much.

    `largest` is infinite where no size that was tried is held back.
    """

    slope: float
    largest: float


def response(move: Callable[[Array], Any], before: Any, size: float) -> Response:
    """How the numbers `before` answer, of which `move(size)` gives what an error of that size makes.

    `size` is that of the honest values; where nothing is heard before it is no number any more, it stands for both.
    """

    def moved(s: Array) -> Array:
        pairs = zip(jax.tree.leaves(move(s)), jax.tree.leaves(before), strict=True)
        return jnp.max(jnp.stack([jnp.max(jnp.abs(a - b)) for a, b in pairs]))

    sizes = size * 10.0**DECADES
    found = np.asarray(jax.vmap(moved)(jnp.asarray(sizes, jnp.float32)), float)
    heard = np.logical_and.accumulate(np.isfinite(found)) & (found >= HEARD)
    if not heard.any():
        return Response(1 / size, size)
    each = np.where(heard, found, 0.0) / sizes
    slope = float(each.max())
    last = np.flatnonzero(each >= PROPORTIONAL * slope)[-1]
    return Response(slope, float(sizes[last]) if last < len(sizes) - 1 else inf)
