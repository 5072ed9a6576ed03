"""What a defence costs, relative to passive training: from the engine's own bytes and published factors.

Two answers, for two ways to check a message (see `framework`). *Verified sharings* carry a check through every
multiplication: by default a product of secrets costs 78 bytes in the place of 24 (SPDZ-wise replicated secret sharing
in Z_2^64), an AND 36 bits in the place of 3. *Proofs* of what was sent cost next to no bytes, but a local computation
that grows with the multiplications that are looked at: for these their share is given. A site that is sampled counts
by its share. That is an estimate: no framework checks a part of its messages today.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.defences.check import Check
from turncoat.defences.defence import Defence
from turncoat.defences.framework import SPDZ_WISE, Framework
from turncoat.engines.replicated.bill import Bill


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


def price(
    defence: Defence,
    surface: Surface,
    bill: Bill,
    passive: float | None = None,
    framework: Framework = SPDZ_WISE,
) -> Price:
    """The price of a defence of a step, by the surface and the bill that the step has on engine `replicated`.

    `passive` are the bytes of the step without measures, where the bill is of one with some; `framework` is what
    checks.
    """
    policy, spent = defence.policy(surface), bill.total.bytes
    checks = sum(policy[name].share * each for name, each in framework.prices(surface, bill).items())
    again = defence.results or any(screen.twice for screen in defence.screens)
    checks += spent if again else 0.0  # a second computation
    return Price(
        passive=spent if passive is None else passive,
        bytes=checks + (0.0 if passive is None else spent - passive),
        multiplications=_weighed(surface, policy, lambda site: site.multiplications * passes(site)),
        all=sum(site.multiplications * passes(site) for site in surface),
        messages=_weighed(surface, policy, lambda site: site.entries),
        latest=defence.latest(surface),
    )


def passes(site: Site) -> int:
    """How often a site is passed in a step."""
    return prod(site.loops)


def _weighed(surface: Surface, policy: dict[str, Check], weight: Callable[[Site], int]) -> float:
    return sum(policy[site.name].share * weight(site) for site in surface)
