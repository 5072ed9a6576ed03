"""Many claims become one: the opening of a proof, on coefficients of the base, bits or words.

The messages stand in 2^l pieces of n entries. Message (a, b) claims <u_ab, v_ab> = one_ab + two_ab, about one or two
products of coefficients, and counts r_b times, and once each of l weights whose bit is set in a. With the claims
C_a = sum r_b (one_ab + two_ab) of all pieces, what is to be shown is that

    U(s) = sum over a of s^a u_a, V(s) likewise, G(s) = sum over b of r_b <U_b(s), V_b(s)>,

polynomials in l variables (s^a is the product of those whose bit is set in a), have G's coefficient C_a at s^(2 a):
a product of polynomials of degree one has them at 0 and infinity of each variable. So the sum of the C_a by their
weights is G at 0 plus a weight times G at infinity, variable by variable, as in a sumcheck, and a round binds one:

1. g(s) = g_0 + g_1 s + g_2 s^2 is G in this variable, the later ones summed so. The claim is g_0 + weight g_2; the
   prover gives g_1 and g_2.
2. The verifiers draw s; the claim becomes g(s) = claim + s g_1 + (s^2 - weight) g_2.

The prover needs G at 0, 1 and infinity of each variable, 3^l numbers by Karatsuba's multiplication (1962), where
pairs of pieces are 4^l. Sources: Lund, Fortnow, Karloff, Nisan (JACM 1992) for the sumcheck; that it is run on
numbers of the base, so that no entry is written as 47 coefficients until there are 2^l times fewer, is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil

import jax.numpy as jnp
from jax import Array, lax

from turncoat.engines.replicated.checks.algebra import (
    Algebra,
    diagonals,
    matrix,
    reduced,
    scaled,
    times,
    unit,
)
from turncoat.engines.replicated.checks.binary import BITS
from turncoat.engines.replicated.checks.galois import RING, coins
from turncoat.engines.replicated.checks.proof import Claim, Proving, at, shared

AT_ONCE = 1024
"""So many elements are multiplied by one another at once: their coefficients stay in a processor's cache."""


@dataclass(frozen=True)
class Batch:
    """Claims of k pieces of n entries, about p products each: coins r (47, n), u and v (p, k, n), summands (k, n)."""

    r: Array
    u: Array
    v: Array
    one: Array
    two: Array


def batched(algebra: Algebra, proving: Proving, batches: Sequence[Batch]) -> Claim:
    """One claim, about rows of elements, for those of all batches, which have as many pieces: a power of two."""
    each = subsets(algebra, coins(proving.coins.words(_variables(batches[0].one))))

    def weighed(summands: Sequence[Array]) -> Array:
        by_piece = _sum(algebra, [algebra.tally(b.r, s) for b, s in zip(batches, summands, strict=True)])
        return algebra.total(times(algebra, each, by_piece), 1)

    claims = weighed([b.one for b in batches]), weighed([b.two for b in batches])
    table = _sum(algebra, [_table(algebra, b.r, b.u, b.v) for b in batches])
    drawn, one, two = _opened(RING if algebra is RING else BITS, proving, table, each, claims)
    point = subsets(algebra, drawn)
    r, u, v = (
        jnp.concatenate(rows, axis=1)
        for rows in zip(*((b.r, x, y) for b in batches for x, y in zip(b.u, b.v, strict=True)), strict=True)
    )
    return Claim(_scaled(algebra, r, algebra.mix(point, u)), algebra.mix(point, v), one, two)


def _variables(pieces: Array) -> int:
    """l, of 2^l pieces."""
    return len(pieces).bit_length() - 1


def _sum(algebra: Algebra, parts: Sequence[Array]) -> Array:
    return reduce(algebra.add, parts)


def _opened(
    algebra: Algebra, proving: Proving, table: Array, each: Array, claims: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """The rounds, one a variable: its challenges, and the summands that are left of the claim.

    `each` (47, 2^l) are products of weights; that of one variable alone stands where its bit is the number.
    """
    rounds = _variables(each.T)
    masks, drawn = proving.elements(algebra, rounds, 2), proving.challenges(rounds)
    claim = jnp.stack(claims, axis=1)
    for i in range(rounds):
        others = rounds - i - 1
        turn, weight = matrix(algebra, drawn[:, i]), matrix(algebra, each[:, 2**others])
        _, *answer = _polynomial(algebra, _weighed(algebra, each, table, others))
        middle, high = shared(algebra, proving, i, jnp.concatenate(answer, axis=1), masks[:, i])
        low = algebra.add(claim, algebra.negate(algebra.mix(weight, high)))
        claim = at(algebra, turn, low, middle, high)
        table = at(algebra, turn, *_polynomial(algebra, table))
    return drawn, claim[:, 0], claim[:, 1]


def _weighed(algebra: Algebra, each: Array, table: Array, others: int) -> Array:
    """Values (47, 3^(1 + others)) as those of the first variable, (47, 3): the others at 0 and, weighed, infinity."""
    ends = table.reshape(-1, *[3] * others)[:, *[slice(None, None, 2)] * others].reshape(-1, 2**others)
    found = algebra.gram(each[:, : 2**others], ends).reshape(len(each), len(each), 3)
    return reduced(algebra, diagonals(algebra, found))


def _polynomial(algebra: Algebra, table: Array) -> list[Array]:
    """Coefficients of 1, s and s^2, of values (47, 3 n) at 0, 1 and infinity of the first variable."""
    low, both, high = jnp.split(table, 3, axis=1)
    return [low, algebra.add(both, algebra.negate(algebra.add(low, high))), high]


def subsets(algebra: Algebra, s: Array) -> Array:
    """(47, l) to (47, 2^l): products of those whose bit, the first the highest, is set in a number."""
    found = unit()[:, None]
    for i in range(s.shape[1]):
        found = jnp.stack([found, times(algebra, s[:, i : i + 1], found)], axis=2).reshape(len(s), -1)
    return found


def spread(algebra: Algebra, pieces: Array) -> Array:
    """(..., 2^l, n) to (..., 3^l, n): the polynomial in l variables, of degree one in each, at 0, 1 and infinity."""
    *rows, k, n = pieces.shape
    found = pieces.reshape(*rows, 1, k, n)
    while k > 1:
        low, high, k = found[..., : k // 2, :], found[..., k // 2 :, :], k // 2
        found = jnp.stack([low, algebra.add(low, high), high], axis=-3).reshape(*rows, -1, k, n)
    return found[..., 0, :]


def _table(algebra: Algebra, r: Array, u: Array, v: Array) -> Array:
    """(47, 3^l): G at 0, 1 and infinity of each variable; u and v (p, 2^l, n).

    Block by block of entries, so that all points meet r in one product of matrices.
    """

    def part(r: Array, u: Array, v: Array) -> Array:
        products = algebra.multiply(spread(algebra, u), spread(algebra, v))
        return algebra.tally(r, algebra.total(products, 0))

    if r.shape[1] <= algebra.block:
        return part(r, u, v)
    cut = tuple(_blocks(algebra.block, x) for x in (r, u, v))
    start = jnp.zeros((len(r), 3 ** _variables(u[0])), jnp.uint64)
    return lax.scan(lambda total, block: (algebra.add(total, part(*block)), None), start, cut)[0]


def _scaled(algebra: Algebra, a: Array, b: Array) -> Array:
    """Elements (47, n) times elements, block by block."""
    if b.shape[1] <= AT_ONCE:
        return scaled(algebra, a, b)
    found = lax.map(lambda both: scaled(algebra, *both), (_blocks(AT_ONCE, a), _blocks(AT_ONCE, b)))
    return jnp.moveaxis(found, 0, 1).reshape(len(b), -1)[:, : b.shape[1]]


def _blocks(size: int, x: Array) -> Array:
    """(..., n) to (blocks, ..., at most `size`): blocks as even as can be, the last filled up with zeros."""
    *rows, n = x.shape
    count = ceil(n / size)
    filled = jnp.pad(x, [(0, 0)] * len(rows) + [(0, -n % count)])
    return jnp.moveaxis(filled.reshape(*rows, count, -1), -2, 0)
