"""Which messages are proved: nothing, all of them, those of matrix products alone, or a sample of the others."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import jax
from jax import lax

from turncoat.engines.replicated.checks.record import MATRICES, Entry
from turncoat.engines.replicated.randomness import Stream
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Policy:
    """Matrix products are always proved; of elementwise products and words of ANDs the share `alpha`."""

    alpha: float

    @classmethod
    def of(cls, check: str | float) -> Policy | None:
        """The policy that an option says; None for none. Raises Refusal for what is none."""
        named = {"none": None, "all": cls(1.0), "matrices": cls(0.0)}
        if check in named:
            return named[check]
        try:
            alpha = float(check)
        except (TypeError, ValueError):
            alpha = -1.0
        if not 0 < alpha <= 1:
            raise Refusal(
                f"a check is 'none', 'all', 'matrices' or the share of other messages that is sampled, above 0 "
                f"and at most 1; not {check!r}"
            )
        return cls(alpha)

    def proves(self, kind: str) -> bool:
        """Whether messages of a kind are recorded."""
        return kind == MATRICES or self.alpha > 0

    def size(self, count: int) -> int:
        """How many of so many messages are proved."""
        return ceil(self.alpha * count)

    def sampled(self, coins: Stream, entry: Entry) -> Entry:
        """ceil(alpha count) of the messages (count,), without replacement, each as likely as any other."""
        count = len(entry.z)
        if self.alpha == 1:
            return entry
        size = self.size(count)
        places = lax.iota("uint32", count)
        _, drawn = lax.sort((coins.words(count), places), num_keys=1)
        return jax.tree.map(lambda a: a[drawn[:size]], entry)
