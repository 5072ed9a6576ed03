"""The parties' common randomness: what the seeds that each two of them share stretch to.

Of three words drawn together, word i stands for what parties i - 1 and i derive from their seed; a dealer's
draws come from the same stream. The generator is Squares (Widynski, arXiv 2004.06278, the 64-bit version):
counter-based, so that a word depends on its number only, and several times faster than JAX's own on a CPU. It
is not a cryptographic one, which a deployment needs: in this process nobody hides anything from anybody.
"""

from __future__ import annotations

from functools import partial
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


class Source:
    """Where an operation takes its random words from."""

    def words(self, *shape: int) -> Array:
        """Fresh uniform words."""
        raise NotImplementedError

    def zero(self, *shape: int) -> Array:
        """The words of a sharing of zero, for each entry: (3, *shape). Party i adds word i less word i + 1."""
        return self.words(PARTIES, *shape)


class Given(Source):
    """Words that were drawn before, in the order in which they are asked for."""

    def __init__(self, words: Array) -> None:
        self._words, self.taken = words, 0

    def words(self, *shape: int) -> Array:
        start, self.taken = self.taken, self.taken + prod(shape)
        return self._words[start : self.taken].reshape(shape)


class Counter(Source):
    """Counts the words that are asked for: those it gives are zero."""

    def __init__(self) -> None:
        self.taken = 0

    def words(self, *shape: int) -> Array:
        self.taken += prod(shape)
        return jnp.zeros(shape, jnp.uint64)


class Stream(Source):
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
        count = prod(shape)
        if self._taken + count > len(self._block):
            rows = -(-max(count, BLOCK) // ROW)
            self._block, self._taken = _block(self.seed, np.uint64(self.made), rows), 0
            self.made += rows * ROW
        start, self._taken = self._taken, self._taken + count
        return lax.dynamic_slice_in_dim(self._block, start, count).reshape(shape)


@partial(jax.jit, static_argnums=2)
def _block(seed: Array, first: Array, rows: int) -> Array:
    """The words from number `first` on."""
    column = lax.iota(jnp.uint64, ROW)
    starts = first + np.uint64(ROW) * lax.iota(jnp.uint64, rows)
    return lax.map(lambda start: squares(start + column, seed), starts).reshape(-1)
