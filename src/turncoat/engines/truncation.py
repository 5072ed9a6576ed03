"""How a ring engine gets rid of fractional bits: variants by name, each a function of ring elements.

A product of two fixed-point numbers has twice their fractional bits; dividing it by 2^f is not linear in the
shares, so protocols differ in how they do it, and in what can go wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from turncoat.engines import arithmetic


def exact(z: Array, bits: Any, key: Any) -> Array:
    """z / 2^bits, rounded to the nearest."""
    return arithmetic.rounded(z, bits)


def probabilistic(z: Array, bits: Any, key: Any) -> Array:
    """floor(z / 2^bits), or one more with the probability of the part cut off: right on average.

    What a truncation pair with a random lower half leaves (Catrina and de Hoogh, SCN 2010, protocol 3.1;
    Dalskov, Escudero, Keller, arXiv 1910.12435).
    """
    below = (jnp.asarray(1, jnp.uint64) << jnp.asarray(bits, jnp.uint64)) - jnp.asarray(1, jnp.uint64)
    return arithmetic.shifted(z + (arithmetic.uniform(key, z.shape) & below), bits)


def local(z: Array, bits: Any, key: Any) -> Array:
    """Two parties shift their own additive shares, without a message (SecureML, section 4.1).

    Off by one unit at most, unless the shares happen to wrap around between them: then off by 2^(64 - bits)
    units. That happens with probability |z| / 2^64 of the signed value z; SecureML's theorem 1 bounds it by
    |z| / 2^63.
    """
    places = jnp.asarray(bits, jnp.uint64)
    first = arithmetic.uniform(key, z.shape)
    minus_second = first - z
    return (first >> places) - (minus_second >> places)


@dataclass(frozen=True)
class Truncation:
    """A variant: `cut(z, bits, key)`, whether it draws randomness, and whether a corrupt party reaches it."""

    cut: Callable[[Array, Any, Any], Array]
    random: bool
    reached: bool


TRUNCATIONS = {
    # the ideal functionality, as a pair whose masked value is opened and checked: no party reaches it
    "exact": Truncation(exact, random=False, reached=False),
    "probabilistic": Truncation(probabilistic, random=True, reached=False),
    # each party rounds its own share as it likes, so a corrupt one adds what it likes
    "local": Truncation(local, random=True, reached=True),
}
