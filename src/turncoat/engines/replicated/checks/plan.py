"""The sizes of a proof: what is proved in how many rounds, and what is then missed with which probability."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import ceil

from turncoat.engines.replicated.checks.algebra import DEGREE

LEVELS = 5
"""Rounds of the opening, on pieces of numbers of the base; in the others, rows of elements are halved."""
PIECES = 2**LEVELS
LANES = 64
SHORT = 4
"""Words in a row of bits from which on they are unpacked."""
LONG, ALONE, TOGETHER = 32, 3, 3
"""Rounds on rows longer than LONG are computed one by one three times, which is most of the work, then in threes at
one width; those on shorter rows all at one width. Every width has to be compiled."""


@dataclass(frozen=True)
class Counts:
    """Messages of one prover: elementwise products, squares, words of ANDs, and pairs of matrix products."""

    words: int = 0
    squares: int = 0
    lanes: int = 0
    pairs: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def times(self, n: int) -> Counts:
        return Counts(*(n * a for a in astuple(self)))


def matrices(b: int, m: int, k: int, n: int) -> Counts:
    """Products of b pairs of matrices (m, k) and (k, n)."""
    return Counts(pairs=2 * b * k)


def halvings(n: int, until: int = 1) -> list[int]:
    """How many rounds are computed together, of rows of n elements until there are so many at most."""
    groups: list[int] = []
    while n > until:
        rounds = ceil(n / until - 1).bit_length()
        if n > LONG:
            rounds = 1 if len(groups) < ALONE else min(TOGETHER, rounds)
        n, groups = ceil(n / 2**rounds), [*groups, rounds]
    return groups


def ring_rounds(counts: Counts) -> int:
    """The rounds of the proof over the Galois ring."""
    batched = 2 * ceil(counts.words / PIECES) + ceil(counts.squares / PIECES)
    if not batched and not counts.pairs:
        return 0
    return LEVELS * bool(batched) + sum(halvings(batched + counts.pairs + 1))


def bit_rounds(counts: Counts) -> int:
    """The rounds of the proof over the field."""
    if not counts.lanes:
        return 0
    words = 2 * ceil(counts.lanes / PIECES)
    packed = halvings(words, SHORT)
    for rounds in packed:
        words = ceil(words / 2**rounds)
    return LEVELS + sum(packed) + sum(halvings(LANES * words + 1))


def missed(coins: int, rounds: int) -> float:
    """The most by which a false claim passes: 3 a round, two zeros of its polynomial, and a challenge that is not 0.

    `coins` is the degree of what coins make of wrong messages, a polynomial that is 0 for so many of 2^47 at most.
    """
    return (coins + 3 * rounds) * 2.0**-DEGREE


def soundness(counts: Counts) -> float:
    """The probability, at most, with which a step passes in which any message that is proved is wrong."""
    batched = LEVELS + 1  # a coin for an entry, one for each bit of its piece's number; matrices have two
    ring, bits = ring_rounds(counts), bit_rounds(counts)
    each = missed(batched if counts.words or counts.squares else 2, ring), missed(batched, bits)
    return max((p for p, rounds in zip(each, (ring, bits), strict=True) if rounds), default=0.0)
