"""Which messages are proved: nothing, all of them, those of matrix products alone, or a sample of the others.

Of all sites, or of some by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil

import jax
import numpy as np
from jax import lax

from turncoat.engines.replicated.checks.record import MATRICES, Entry
from turncoat.engines.replicated.randomness import Stream
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Policy:
    """Matrix products are always proved; of elementwise products and words of ANDs the share `alpha`.

    `sites` are names, or patterns such as `softmax/*`: what stands at none of them is not proved; None: all are.
    """

    alpha: float
    sites: tuple[str, ...] | None = None

    @classmethod
    def of(cls, check: str | float, sites: str = "") -> Policy | None:
        """The policy that options say, `sites` with a space between; None for none. Refusal for what is none."""
        names = tuple(sites.split()) or None
        named = {"none": None, "all": cls(1.0, names), "matrices": cls(0.0, names)}
        if check in named:
            if names and check == "none":
                raise Refusal("sites are named, but none of their messages is proved: give check=all as well")
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
        return cls(alpha, names)

    @property
    def options(self) -> dict[str, str]:
        """The engine's options that make it again."""
        check = {1.0: "all", 0.0: "matrices"}.get(self.alpha, str(self.alpha))
        return {"check": check} | ({} if self.sites is None else {"sites": " ".join(self.sites)})

    def words_for(self, names: Iterable[str]) -> set[str]:
        """Which of its sites these names are."""
        return {w for w in self.sites or () for n in names if w == n or fnmatchcase(n, w)}

    def proves(self, kind: str) -> bool:
        """Whether messages of a kind are recorded."""
        return kind == MATRICES or self.alpha > 0

    def size(self, count: int) -> int:
        """How many of so many messages are proved."""
        return ceil(self.alpha * count)

    def sampled(self, coins: Stream, entry: Entry) -> Entry:
        """ceil(alpha count) of the messages (count,), without replacement, each as likely as any other.

        Their places stand in the lowest bits of the coins that are sorted, which is several times faster than beside
        them; a message's chance is off by some 2 count / 2^64, where coins agree in all other bits.
        """
        count = len(entry.z)
        if self.alpha == 1:
            return entry
        bits = np.uint64(count.bit_length())
        drawn = lax.sort(coins.words(count) >> bits << bits | lax.iota("uint64", count))
        places = drawn[: self.size(count)] & ((np.uint64(1) << bits) - np.uint64(1))
        return jax.tree.map(lambda a: a[places], entry)
