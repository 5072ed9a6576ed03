"""What the protocols send, from shapes alone: bytes, messages and rounds.

Bytes count the lanes in use (a bit is an eighth of a byte), `words` the 64-bit words that hold them. A message
is one party's sending of one array to one other. Steps that follow each other add up. Preprocessing is what
the dealer of truncation pairs sends; zero sharings come from seeds, and cost nothing. The comparison of both
copies in each opening is counted apart, as `checks`. Nothing here was measured on a wire.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from turncoat.engines.replicated.circuits import LEVELS, SPANS, TOP

WORD = 8


@dataclass(frozen=True)
class Cost:
    """Bytes in lanes and in whole words, messages, rounds; bytes of preprocessing and of checks."""

    bytes: float = 0
    words: float = 0
    messages: int = 0
    rounds: int = 0
    preprocessing: float = 0
    checks: float = 0

    def __add__(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def times(self, n: int) -> Cost:
        """n times, one after the other."""
        return Cost(*(n * v for v in astuple(self)))


def product(entries: int) -> Cost:
    """Every party sends a word per entry of the result to the party before it."""
    return Cost(3 * WORD * entries, 3 * WORD * entries, 3, 1)


def conjunction(entries: int, used: int, words: int = 1) -> Cost:
    """An AND of `used` lanes per entry, in `words` words."""
    return Cost(3 * used * entries / 8, 3 * WORD * words * entries, 3, 1)


def opening(entries: int) -> Cost:
    """Every party gets its missing share, and once more to compare."""
    return Cost(3 * WORD * entries, 3 * WORD * entries, 6, 1, checks=3 * WORD * entries)


def truncation(entries: int, variant: str) -> Cost:
    """`pair`: an opening; the dealer sends the two corrections of a pair's shares to their two holders.

    `spu-trunc1`: one message. `spu-truncpr`: party 2 sends two words each to 0 and 1, and these two exchange a
    word twice.
    """
    if variant == "pair":
        return opening(entries) + Cost(preprocessing=2 * 2 * WORD * entries)
    if variant == "spu-trunc1":
        return Cost(WORD * entries, WORD * entries, 1, 1)
    return Cost(8 * WORD * entries, 8 * WORD * entries, 6, 2)


def shuffle(entries: int) -> Cost:
    """Three rounds, in each of which two parties send each other a word per entry."""
    return Cost(2 * WORD * entries, 2 * WORD * entries, 2, 1).times(3)


def sign(entries: int) -> Cost:
    """Full adders, the carries' first AND, and the tree."""
    total = conjunction(entries, TOP) + conjunction(entries, TOP)
    for at, beside in zip(LEVELS[1].tolist(), LEVELS[2].tolist(), strict=True):
        total += conjunction(entries, (at | beside).bit_count())
    return total


def is_zero(entries: int) -> Cost:
    """Full adders, and halves joined six times."""
    return sum((conjunction(entries, half) for half in SPANS), conjunction(entries, TOP))


def digits(entries: int) -> Cost:
    """Full adders, the first AND, and six levels of two ANDs side by side (the last of one)."""
    total = conjunction(entries, TOP) + conjunction(entries, 64)
    for span in SPANS:
        total += conjunction(entries, 64, 1) if span == 32 else conjunction(entries, 128, 2)
    return total
