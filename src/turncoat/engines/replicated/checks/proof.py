"""A distributed proof that messages are right: party c proves, the two others verify, and learn nothing else.

The claim is <u, v> = one + two for rows u, v of elements: the prover knows u and v, verifier one (party c - 1)
knows u and a summand of the claim, verifier two (party c + 1) knows v and the other. Both know coins that the
prover does not, from the seed that they share. A round halves the rows:

1. U(s) = u_0 + s u_1 and V(s) = s v_0 + v_1, so that g(s) = <U(s), V(s)> has the claim for its middle coefficient.
   The prover gives the two others, less what it shares with verifier two, to verifier one.
2. The verifiers draw s and tell the prover. u becomes U(s), v becomes V(s), the claim g(s).

`batch` has the rounds before these. In the end verifier two sends v and its summand to verifier one, who compares.
The last v is masked: the rows end with a pair (1, r), r from the prover's and verifier two's seed, which verifier
two adds to its summand; r's factor in the last v is a product of challenges, which are not 0. All else that verifier
one sees is masked by that seed too. Sources: Boneh et al. (CRYPTO 2019), sections 4 and 5; Boyle, Gilboa, Ishai, Nof
(CCS 2019), section 3.

Prover and verifiers compute the same rows, so that here they are computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.checks.algebra import (
    DEGREE,
    Algebra,
    inner,
    matrix,
    times,
    unit,
)
from turncoat.engines.replicated.checks.galois import RING, coins
from turncoat.engines.replicated.randomness import Stream

Lie = Callable[[str, Array, Array], Array]
"""What a corrupt prover sends: of an algebra's name, a round's number and its two coefficients (47, 2)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Claim:
    """<u, v> = one + two; rows (47, n), summands (47,)."""

    u: Array
    v: Array
    one: Array
    two: Array


@dataclass(frozen=True)
class Proving:
    """What a proof draws on: the verifiers' coins, the masks that the prover shares with verifier two, and lies."""

    coins: Stream
    masks: Stream
    lie: Lie | None = None

    def challenges(self, *shape: int) -> Array:
        """Members of the exceptional set that are not 0: (47, *shape)."""
        drawn = coins(self.coins.words(*shape))
        first = unit().reshape(-1, *[1] * len(shape))
        return jnp.where(jnp.any(drawn != 0, axis=0), drawn, first)

    def weights(self, algebra: Algebra, count: int) -> Array:
        """Coins by which claims count, (47, count): of the exceptional set, of bits 64 of the field to a word."""
        return coins(self.coins.words(count)) if algebra is RING else self.coins.words(DEGREE, count)

    def elements(self, algebra: Algebra, *shape: int) -> Array:
        """Uniform elements (47, *shape) from the masks' seed."""
        words = self.masks.words(DEGREE, *shape)
        return words if algebra is RING else words & np.uint64(1)

    def sent(self, algebra: Algebra, number: Array, message: Array) -> Array:
        """What the prover sends in place of a message."""
        return message if self.lie is None else self.lie(algebra.name, number, message)


def shared(
    algebra: Algebra, proving: Proving, number: Any, answer: Array, masks: Array
) -> tuple[Array, Array]:
    """The prover's answer (47, 2) of a round as the verifiers' summands of each of its elements: (47, 2) both."""
    message = proving.sent(algebra, jnp.uint32(number), algebra.add(answer, algebra.negate(masks)))
    return jnp.stack([message[:, 0], masks[:, 0]], axis=1), jnp.stack([message[:, 1], masks[:, 1]], axis=1)


def at(algebra: Algebra, turn: Array, low: Array, middle: Array, high: Array) -> Array:
    """low + s middle + s^2 high, (47, n) each, of a challenge's matrix."""
    return algebra.add(low, algebra.mix(turn, algebra.add(middle, algebra.mix(turn, high))))


def shortened(algebra: Algebra, proving: Proving, claim: Claim, rounds: int, first: int) -> Claim:
    """Rounds of two pieces at one width: rows of n elements become rows of ceil(n / 2^rounds).

    `first` is the number of the first of them. Rows are filled up with zeros, so that one program does for all.
    """
    fold = 2**rounds
    u, v = (jnp.pad(row, ((0, 0), (0, -row.shape[1] % fold))) for row in (claim.u, claim.v))
    width = u.shape[1]

    def halved(claim: Claim, drawn: tuple[Array, ...]) -> tuple[Claim, None]:
        short = _halved(algebra, proving, claim, drawn, _in_turn)
        u, v = (jnp.pad(row, ((0, 0), (0, width // 2))) for row in (short.u, short.v))
        return Claim(u, v, short.one, short.two), None

    numbers = first + jnp.arange(rounds, dtype=jnp.uint32)
    drawn = proving.challenges(rounds), proving.elements(algebra, rounds, 2)
    claim = Claim(u, v, claim.one, claim.two)
    if rounds == 1:
        return _halved(algebra, proving, claim, (numbers[0], drawn[0][:, 0], drawn[1][:, 0]), _in_half)
    turned = (jnp.moveaxis(a, 1, 0) for a in drawn)
    claim, _ = lax.scan(halved, claim, (numbers, *turned))
    return Claim(claim.u[:, : width // fold], claim.v[:, : width // fold], claim.one, claim.two)


def _in_half(row: Array) -> list[Array]:
    return jnp.split(row, 2, axis=1)


def _in_turn(row: Array) -> list[Array]:
    """Every second element: of rows that end with zeros, pieces that end with zeros."""
    return [row[:, 0::2], row[:, 1::2]]


def _halved(
    algebra: Algebra,
    proving: Proving,
    claim: Claim,
    drawn: tuple[Array, ...],
    pieces: Callable[[Array], list[Array]],
) -> Claim:
    """One round of two pieces."""
    number, s, masks = drawn
    (u0, u1), (v0, v1) = pieces(claim.u), pieces(claim.v)
    turn = matrix(algebra, s)
    answer = jnp.stack([inner(algebra, u0, v1), inner(algebra, u1, v0)], axis=1)
    low, high = shared(algebra, proving, number, answer, masks)
    summands = at(algebra, turn, low, jnp.stack([claim.one, claim.two], axis=1), high)
    u, v = jnp.split(algebra.mix(turn, jnp.concatenate([u1, v0], axis=1)), 2, axis=1)
    return Claim(algebra.add(u0, u), algebra.add(v, v1), summands[:, 0], summands[:, 1])


def masked(algebra: Algebra, proving: Proving, claim: Claim) -> Claim:
    """The claim with a pair (1, r) more, r known to the prover and verifier two."""
    r = proving.elements(algebra, 1)
    u, v = jnp.concatenate([claim.u, unit()[:, None]], axis=1), jnp.concatenate([claim.v, r], axis=1)
    return Claim(u, v, claim.one, algebra.add(claim.two, r[:, 0]))


def refuted(algebra: Algebra, claim: Claim) -> Array:
    """Whether verifier one finds, of the last pair, that the claim is false."""
    return jnp.any(times(algebra, claim.u[:, 0], claim.v[:, 0]) != algebra.add(claim.one, claim.two))
