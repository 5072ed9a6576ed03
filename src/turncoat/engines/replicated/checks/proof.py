"""A distributed proof that messages are right: party c proves, the two others verify, and learn nothing else.

The claim is <u, v> = one + two for rows u, v of elements: the prover knows u and v, verifier one (party c - 1)
knows u and a summand of the claim, verifier two (party c + 1) knows v and the other. Both know coins that the
prover does not, from the seed that they share. A round makes the rows shorter:

1. Both are cut into k pieces. U(t) = sum t^a u_a, V(t) = sum t^(k-1-a) v_a, and g(t) = <U(t), V(t)> is a polynomial
   of degree 2k - 2 whose middle coefficient is the claim. The prover gives the others, less what it shares
   with verifier two, to verifier one.
2. The verifiers draw s and tell the prover. u becomes U(s), v becomes V(s), the claim g(s).

The first round has 16 pieces of coefficients (`opening round`), the later ones have two. In the end verifier two
sends v and its summand to verifier one, who compares. The last v is masked: the rows end with a pair (1, r), r
from the prover's and verifier two's seed, which verifier two adds to its summand; r's factor in the last v is a
product of challenges, which are not 0. All else that verifier one sees is masked by that seed too. Sources: Boneh
et al. (CRYPTO 2019), sections 4 and 5; Boyle, Gilboa, Ishai, Nof (CCS 2019), section 3.

Prover and verifiers compute the same rows, so that here they are computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.engines.replicated.checks.algebra import (
    DEGREE,
    Algebra,
    diagonals,
    inner,
    matrix,
    powers,
    scaled,
    times,
    unit,
)
from turncoat.engines.replicated.checks.galois import RING, coins
from turncoat.engines.replicated.randomness import Stream

Lie = Callable[[str, Array, Array], Array]
"""What a corrupt prover sends: of an algebra's name, a round's number and the coefficients (47, 2k - 2)."""


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

    def elements(self, algebra: Algebra, *shape: int) -> Array:
        """Uniform elements (47, *shape) from the masks' seed."""
        words = self.masks.words(DEGREE, *shape)
        return words if algebra is RING else words & np.uint64(1)

    def sent(self, algebra: Algebra, number: Array, message: Array) -> Array:
        """What the prover sends in place of a message."""
        return message if self.lie is None else self.lie(algebra.name, number, message)


def batched(
    algebra: Algebra, proving: Proving, sides: tuple[Array, Array, Array], claims: tuple[Array, Array]
) -> Claim:
    """The opening round: one claim for many, each about two products of coefficients, and rows of elements.

    `sides` are u and v (2, k, n) and coins r (47, n): the claim of entry (a, b) is u_0ab v_0ab + u_1ab v_1ab, its
    summands `claims` (k, n) each, and it counts l_a r_b times, with l_a drawn here.
    """
    u, v, r = sides
    k = u.shape[1]
    left = coins(proving.coins.words(k))
    one, two = (algebra.total(times(algebra, left, algebra.tally(r, c)), 1) for c in claims)
    u, v, both = _beside(u), _beside(v), jnp.concatenate([r, r], axis=1)
    table = scaled(algebra, left[:, :, None], _table(algebra, both, u, v))
    g = diagonals(algebra, jnp.moveaxis(table, 0, 2)[:, ::-1]).T  # of t^(a + k - 1 - a')
    others, s = jnp.concatenate([g[:, : k - 1], g[:, k:]], axis=1), proving.challenges()
    masks = proving.elements(algebra, 2 * k - 2)
    message = proving.sent(algebra, jnp.uint32(0), algebra.add(others, algebra.negate(masks)))
    point = powers(algebra, s, 2 * k - 1)
    one, two = (_at(algebra, point, given) for given in ((message, one), (masks, two)))
    u = _scaled(algebra, both, algebra.mix(times(algebra, left, point[:, :k]), u))
    return Claim(u, algebra.mix(point[:, :k][:, ::-1], v), one, two)


def _table(algebra: Algebra, r: Array, u: Array, v: Array) -> Array:
    """Coefficients (47, a, a'): the inner products of u's pieces with v's, (k, n) each, entry b counted r_b times.

    Block by block of entries, so that all pairs of pieces meet r in one product of matrices.
    """
    k = len(u)

    def part(r: Array, u: Array, v: Array) -> Array:
        pairs = algebra.multiply(u[:, None], v[None])
        return algebra.tally(r, pairs.reshape(k * k, -1)).reshape(-1, k, k)

    if u.shape[1] <= algebra.block:
        return part(r, u, v)
    cut = tuple(_blocks(algebra, x) for x in (r, u, v))
    start = jnp.zeros((len(r), k, k), jnp.uint64)
    return lax.scan(lambda total, block: (algebra.add(total, part(*block)), None), start, cut)[0]


def _scaled(algebra: Algebra, a: Array, b: Array) -> Array:
    """Elements (47, n) times elements, block by block."""
    if b.shape[1] <= algebra.block:
        return scaled(algebra, a, b)
    found = lax.map(lambda both: scaled(algebra, *both), (_blocks(algebra, a), _blocks(algebra, b)))
    return jnp.moveaxis(found, 0, 1).reshape(len(b), -1)[:, : b.shape[1]]


def _blocks(algebra: Algebra, x: Array) -> Array:
    """(p, n) to (blocks, p, entries of a block), filled up with zeros."""
    filled = jnp.pad(x, ((0, 0), (0, -x.shape[1] % algebra.block)))
    return jnp.moveaxis(filled.reshape(len(x), -1, algebra.block), 1, 0)


def _beside(x: Array) -> Array:
    """(2, k, n) to (k, 2 n)."""
    return jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1)


def _at(algebra: Algebra, point: Array, given: tuple[Array, Array]) -> Array:
    """A summand of g at a point, whose powers are given, from its other coefficients and the middle one."""
    others, middle = given
    low, high = jnp.split(others, 2, axis=1)
    whole = jnp.concatenate([low, middle[:, None], high], axis=1)
    return algebra.total(times(algebra, point, whole), 1)


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
    others = jnp.stack([inner(algebra, u0, v1), inner(algebra, u1, v0)], axis=1)
    message = proving.sent(algebra, number, algebra.add(others, algebra.negate(masks)))
    point = powers(algebra, s, 3)
    one, two = (_at(algebra, point, given) for given in ((message, claim.one), (masks, claim.two)))
    turned = algebra.turn(matrix(algebra, s), jnp.concatenate([u1, v0], axis=1))
    u, v = jnp.split(turned, 2, axis=1)
    return Claim(algebra.add(u0, u), algebra.add(v, v1), one, two)


def masked(algebra: Algebra, proving: Proving, claim: Claim) -> Claim:
    """The claim with a pair (1, r) more, r known to the prover and verifier two."""
    r = proving.elements(algebra, 1)
    u, v = jnp.concatenate([claim.u, unit()[:, None]], axis=1), jnp.concatenate([claim.v, r], axis=1)
    return Claim(u, v, claim.one, algebra.add(claim.two, r[:, 0]))


def refuted(algebra: Algebra, claim: Claim) -> Array:
    """Whether verifier one finds, of the last pair, that the claim is false."""
    return jnp.any(times(algebra, claim.u[:, 0], claim.v[:, 0]) != algebra.add(claim.one, claim.two))
