"""The parties' common randomness: what the seeds that each two of them share stretch to.

Of three words drawn together, word i stands for what parties i - 1 and i derive from their seed; a dealer's
draws come from the same stream. The generator is Squares (Widynski, arXiv 2004.06278, the 64-bit version):
counter-based, so that a word depends on its number only, and several times faster than JAX's own on a CPU. It
is not a cryptographic one, which a deployment needs: in this process nobody hides anything from anybody.
"""

from __future__ import annotations

from math import prod

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.sharing import PARTIES

HALF = np.uint64(32)
BLOCK = 2**14
"""Words that are made at a time, at least."""
ROW = 2**10


def squares(counters: Array, seed: Array) -> Array:
    """Five rounds of squaring: a word for each counter, under an odd 64-bit seed."""
    x = y = counters * seed
    z = y + seed
    for added in (y, z, y):
        x = _swapped(x * x + added)
    last = x * x + z
    x = _swapped(last)
    return last ^ ((x * x + y) >> HALF)


def _swapped(x: Array) -> Array:
    return (x >> HALF) | (x << HALF)


class Stream:
    """The words under one seed, an odd uint64 of rank 0; each is given once.

    They are made in blocks, by a loop: XLA would otherwise compile the generator once more for every draw, and
    compute words again wherever they are used.
    """

    def __init__(self, seed: Array) -> None:
        self.seed, self.made = seed, 0
        self._block, self._taken = jnp.zeros(0, jnp.uint64), 0

    @classmethod
    def of(cls, key: Array) -> Stream:
        """The stream of a typed JAX key."""
        high, low = jax.random.bits(key, (2,), jnp.uint32).astype(
            jnp.uint64
        )  # 64 bits would be compiled as 32
        return cls((high << HALF) | low | np.uint64(1))

    def words(self, *shape: int) -> Array:
        """Fresh uniform words."""
        count = prod(shape)
        if self._taken + count > len(self._block):
            self._block, self._taken = self._made(max(count, BLOCK)), 0
        start, self._taken = self._taken, self._taken + count
        return self._block[start : start + count].reshape(shape)

    def _made(self, count: int) -> Array:
        rows = -(-count // ROW)
        first, self.made = self.made, self.made + rows * ROW
        column = lax.iota(jnp.uint64, ROW)
        starts = np.uint64(first) + np.uint64(ROW) * lax.iota(jnp.uint64, rows)
        return lax.map(lambda start: squares(start + column, self.seed), starts).reshape(-1)

    def zero(self, *shape: int) -> Array:
        """The words of a sharing of zero, for each entry: (3, *shape). Party i adds word i less word i + 1."""
        return self.words(PARTIES, *shape)
