"""What a defence costs, relative to passive training: from the engine's own bytes and published factors.

Two answers, for two ways to check a message. *Verified sharings* carry a check through every multiplication: a
product of secrets costs 78 bytes in the place of 24 (SPDZ-wise replicated secret sharing in Z_2^64), an AND 36 bits
in the place of 3. Source: MP-SPDZ (commit 3a0a7b1d), Compiler/cost.py. *Proofs* of what was sent cost next to no
bytes, but a local computation that grows with the multiplications that are looked at: for these their share is
given. A site that is sampled counts by its share. That is an estimate: no framework checks a part of its messages
today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.defences.check import Check
from turncoat.defences.defence import Defence
from turncoat.engines.replicated.bill import Bill
from turncoat.engines.replicated.costs import Cost

PRODUCT = 78 - 24
"""Bytes that a verified product of two secrets costs beyond a passive one, whatever its inner dimension."""
AND = 36 / 3
"""Times that ANDs, of which comparisons are made, cost where they are verified."""
ARITHMETIC = ("product", "conversion", "xor-product")


@dataclass(frozen=True)
class Price:
    """Of one step: `passive` bytes, and those that measures add, and checks by verified sharings (`bytes`).

    `multiplications`: the expected number of scalar multiplications and comparisons that are looked at, of `all` of
    them; `messages`: of how many values that a party sends, likewise; `latest`: when the last check is made.
    """

    passive: float
    bytes: float
    multiplications: float
    all: int
    messages: float
    latest: str | None

    @property
    def factor(self) -> float:
        """Bytes over passive ones."""
        return 1 + self.bytes / self.passive if self.passive else 1.0


def price(defence: Defence, surface: Surface, bill: Bill, passive: float | None = None) -> Price:
    """The price of a defence of a step, by the surface and the bill that the step has on engine `replicated`.

    `passive` are the bytes of the step without measures, where the bill is of one with some.
    """
    policy, spent = defence.policy(surface), bill.total.bytes
    checks = sum(policy[s.name].share * verified(s, bill.sites.get(s.name, Cost())) for s in surface)
    checks += (
        spent if defence.results or any(s.twice for s in defence.screens) else 0.0
    )  # a second computation
    return Price(
        passive=spent if passive is None else passive,
        bytes=checks + (0.0 if passive is None else spent - passive),
        multiplications=_weighed(surface, policy, lambda site: site.multiplications * passes(site)),
        all=sum(site.multiplications * passes(site) for site in surface),
        messages=_weighed(surface, policy, lambda site: site.entries),
        latest=defence.latest(surface),
    )


def verified(site: Site, cost: Cost) -> float:
    """The bytes that verifying a whole site adds; the truncation that follows a product is compared anyway."""
    if site.kind in ARITHMETIC:
        return PRODUCT * site.entries
    return (AND - 1) * cost.bytes if site.is_bit else 0.0


def passes(site: Site) -> int:
    """How often a site is passed in a step."""
    return prod(site.loops)


def _weighed(surface: Surface, policy: dict[str, Check], weight: Callable[[Site], int]) -> float:
    return sum(policy[site.name].share * weight(site) for site in surface)
