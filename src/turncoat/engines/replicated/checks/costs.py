"""What a step's proof costs, from shapes alone: bytes, messages and rounds, on lines of their own.

Every party proves, at the same time. Verifier two tells the prover the seed of the coins and each challenge but the
last, eight bytes each; the prover answers each with its coefficients, to verifier one; in the end verifier two sends
a pair of elements of each ring to verifier one, who tells the other two what it has found. Nothing here was
measured on a wire.
"""

from __future__ import annotations

from dataclasses import dataclass

from turncoat.core.bilinear import Bilinear
from turncoat.engines.replicated.checks import plan
from turncoat.engines.replicated.checks.algebra import DEGREE
from turncoat.engines.replicated.checks.forms import form
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.sharing import PARTIES

WORD = 8
ELEMENTS = {"ring": DEGREE * WORD, "bits": DEGREE / 8}
"""Bytes of an element."""
SIGN, ZERO, DIGITS, CONVERTED = Counts(lanes=4), Counts(lanes=2), Counts(lanes=13), Counts(words=2)
"""Messages of one prover for each entry of a comparison, an equality, a number's digits, a converted bit."""


def product(bilinear: Bilinear) -> Counts:
    """Messages of a product, as they enter a proof."""
    if bilinear.kind != "mul":
        return plan.matrices(*form(bilinear).shape)
    entries = 1
    for n in bilinear.shape:
        entries *= n
    return Counts(squares=entries) if bilinear.square else Counts(words=entries)


@dataclass(frozen=True)
class Proof:
    """The proof of what a policy takes of so many messages."""

    made: Counts
    policy: Policy

    @property
    def counts(self) -> Counts:
        """What is proved."""
        size = self.policy.size
        made = self.made
        return Counts(size(made.words), size(made.squares), size(made.lanes), made.pairs)

    @property
    def _rounds(self) -> dict[str, int]:
        found = {"ring": plan.ring_rounds(self.counts), "bits": plan.bit_rounds(self.counts)}
        return {name: rounds for name, rounds in found.items() if rounds}

    @property
    def rounds(self) -> int:
        """The seed; answers and challenges in turn; the last pair; what was found."""
        return 2 * max(self._rounds.values()) + 2 if self._rounds else 0

    @property
    def messages(self) -> int:
        return PARTIES * (self.rounds + 1) if self._rounds else 0

    @property
    def bytes(self) -> float:
        total = 0.0
        for name, rounds in self._rounds.items():
            total += WORD * rounds + ELEMENTS[name] * (2 + 2 * rounds)
        return PARTIES * (total + 2) if total else 0.0

    def lines(self) -> list[str]:
        """The proof in words."""
        c, share = self.counts, f"a sample of {self.policy.alpha:.3g} of" if self.policy.alpha < 1 else "all"
        others = f"{share} elementwise products and ANDs" if self.policy.alpha else "no other product, no AND"
        return [
            f"every party proves matrix products and {others}: {c.words + c.squares:,} products, {c.lanes:,} words "
            f"of ANDs, {c.pairs:,} pairs of matrix products",
            f"{self.bytes:,.0f} bytes, {self.messages:,} messages and {self.rounds:,} rounds for that proof, once",
            f"a wrong message that is proved passes with probability {plan.soundness(c):.1e} at most; truncation "
            "pairs and shared inputs are trusted",
        ]
