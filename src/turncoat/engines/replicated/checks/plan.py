"""The sizes of a proof: what is proved in how many rounds, and what is then missed with which probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from turncoat.engines.replicated.checks.algebra import DEGREE

FIRST = 16
"""Into how many pieces rows are cut in the opening round; in the others, into two."""
LANES = 64
SHORT = 4
"""Words in a row of bits from which on they are unpacked."""
LONG, TOGETHER = 128, 3
"""Rounds on rows longer than LONG are computed one by one twice, which is most of the work, then in threes at one
width; those on shorter rows all at one width. Every width has to be compiled."""


@dataclass(frozen=True)
class Counts:
    """Messages of one prover: elementwise products, words of ANDs, and pairs that matrix products come to."""

    words: int = 0
    lanes: int = 0
    pairs: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.words + other.words, self.lanes + other.lanes, self.pairs + other.pairs)

    def times(self, n: int) -> Counts:
        return Counts(n * self.words, n * self.lanes, n * self.pairs)


def matrices(b: int, m: int, k: int, n: int) -> Counts:
    """Products of b pairs of matrices (m, k) and (k, n)."""
    return Counts(pairs=2 * b * k)


def halvings(n: int, until: int = 1) -> list[int]:
    """How many rounds are computed together, of rows of n elements until there are so many at most."""
    groups: list[int] = []
    while n > until:
        rounds = ceil(n / until - 1).bit_length()
        if n > LONG:
            rounds = 1 if len(groups) < 2 else min(TOGETHER, rounds)
        n, groups = ceil(n / 2**rounds), [*groups, rounds]
    return groups


def ring_rounds(counts: Counts) -> list[int]:
    """The pieces of each round of the proof over the Galois ring."""
    if not counts.words and not counts.pairs:
        return []
    batched = 2 * ceil(counts.words / FIRST)
    return [FIRST] * bool(batched) + [2] * sum(halvings(batched + counts.pairs + 1))


def bit_rounds(counts: Counts) -> list[int]:
    """The pieces of each round of the proof over the field."""
    if not counts.lanes:
        return []
    words = 2 * ceil(counts.lanes / FIRST)
    packed = halvings(words, SHORT)
    for rounds in packed:
        words = ceil(words / 2**rounds)
    return [FIRST] + [2] * (sum(packed) + sum(halvings(LANES * words + 1)))


def missed(rounds: Sequence[int]) -> float:
    """The most by which a false claim passes: 2 for the coins, 2k - 2 for a polynomial's zeros, 1 for no zero."""
    return (2 + sum(2 * k - 1 for k in rounds)) * 2.0**-DEGREE


def soundness(counts: Counts) -> float:
    """The probability, at most, with which a step passes in which any message that is proved is wrong."""
    return max((missed(r) for r in (ring_rounds(counts), bit_rounds(counts)) if r), default=0.0)
