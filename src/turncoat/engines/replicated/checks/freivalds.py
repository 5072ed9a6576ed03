"""Matrix products in the proof: l z r for random l and r stands for all of z, so 2 k pairs for m k n products.

z = x y is true if l (z) r = (l x) (y r) for random rows l and columns r: Freivalds' check, here over the Galois
ring, where it is wrong with probability 2 / 2^47 however small the error. Source: Freivalds (IFIP 1977).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from turncoat.engines.replicated.checks.algebra import DEGREE, inner
from turncoat.engines.replicated.checks.galois import RING, coins, combined
from turncoat.engines.replicated.checks.proof import Claim, Proving
from turncoat.engines.replicated.checks.record import Entry


def claimed(proving: Proving, entry: Entry) -> Claim:
    """The claim about matrix products of one prover: x (b, m, k), y (b, k, n), z (b, m, n)."""
    b, m, n = entry.z.shape
    left = coins(proving.coins.words(b, m))
    right = coins(proving.coins.words(b, n))

    def rows(x: Array) -> Array:
        return combined("jbm,bmk->jbk", left, x).reshape(DEGREE, -1)

    def columns(y: Array) -> Array:
        return combined("jbn,bkn->jbk", right, y).reshape(DEGREE, -1)

    def both(z: Array) -> Array:
        return inner(RING, right.reshape(DEGREE, -1), rows(z))

    one, two = entry.one, entry.two
    u, v = (rows(one.x), columns(one.y)), (columns(two.y), rows(two.x))
    summand = both(entry.z - one.w) - inner(RING, *u)
    return Claim(jnp.concatenate(u, axis=1), jnp.concatenate(v, axis=1), summand, both(two.w))
