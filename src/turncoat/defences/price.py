"""What a defence costs, relative to passive training: from the engine's own bytes and published factors.

Two answers, for two ways to check a message (see `framework`). *Verified sharings* carry a check through every
multiplication: by default a product of secrets costs 78 bytes in the place of 24 (SPDZ-wise replicated secret sharing
in Z_2^64), an AND 36 bits in the place of 3. *Proofs* of what was sent cost next to no bytes, but a local computation
that grows with the multiplications that are looked at: for these their share is given. A site that is sampled counts
by its share. That is an estimate: no framework checks a part of its messages today.

Rounds are those of a program that does one operation after the other, and of the proofs beside: one for each site
that is checked before its result is used, one for all that are checked at the end of a step, one at that of training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from math import ceil, prod

from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.defences.check import TIMES, Check
from turncoat.defences.defence import Defence
from turncoat.defences.framework import SPDZ_WISE, Framework
from turncoat.engines.replicated.bill import Bill
from turncoat.engines.replicated.checks.costs import Proof
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.replicated.checks.policy import Policy


@dataclass(frozen=True)
class Price:
    """Of one step: `passive` bytes, and those that measures add, and checks by verified sharings (`bytes`).

    `passive_rounds`, and those that measures and proofs add (`rounds`), on average over the steps of a training.
    `multiplications`: the expected number of scalar multiplications and comparisons that are looked at, of `all` of
    them; `messages`: of how many values that a party sends, likewise; `latest`: when the last check is made.
    """

    passive: float
    bytes: float
    multiplications: float
    all: int
    messages: float
    latest: str | None
    passive_rounds: float
    rounds: float

    @property
    def factor(self) -> float:
        """Bytes over passive ones."""
        return 1 + self.bytes / self.passive if self.passive else 1.0

    @property
    def round_factor(self) -> float:
        """Rounds over passive ones."""
        return 1 + self.rounds / self.passive_rounds if self.passive_rounds else 1.0


def price(
    defence: Defence,
    surface: Surface,
    bill: Bill,
    passive: Bill | None = None,
    framework: Framework = SPDZ_WISE,
    steps: int = 1,
) -> Price:
    """The price of a defence of a step, by the surface and the bill that the step has on engine `replicated`.

    `bill` is one with a check, so that it counts what enters a proof; `passive` that of the step without measures,
    where `bill` is of one with some; `framework` is what checks, and `steps` are those of a training.
    """
    policy, spent = defence.policy(surface), bill.total
    plain = spent if passive is None else passive.total
    checks = sum(policy[name].share * each for name, each in framework.prices(surface, bill).items())
    again = spent.times(int(defence.repeats))
    return Price(
        passive=plain.bytes,
        bytes=checks + again.bytes + spent.bytes - plain.bytes,
        multiplications=_weighed(surface, policy, lambda site: site.multiplications * passes(site)),
        all=sum(site.multiplications * passes(site) for site in surface),
        messages=_weighed(surface, policy, lambda site: site.entries),
        latest=defence.latest(surface),
        passive_rounds=plain.rounds,
        rounds=proof_rounds(policy, bill, steps) + again.rounds + spent.rounds - plain.rounds,
    )


def proof_rounds(policy: Mapping[str, Check], bill: Bill, steps: int = 1) -> float:
    """The rounds of proofs of what a policy looks at, of one step on average."""
    looked_at: dict[str, list[Counts]] = {when: [] for when in TIMES}
    for name, check in policy.items():
        looked_at[check.when].append(_part(bill.proved.get(name, Counts()), check.share))
    each = sum(_rounds(one) for one in looked_at["use"])
    last = sum(looked_at["end"], Counts()).times(steps)
    return each + _rounds(sum(looked_at["step"], Counts())) + _rounds(last) / steps


def _part(messages: Counts, share: float) -> Counts:
    return Counts(*(ceil(share * n) for n in astuple(messages)))


def _rounds(messages: Counts) -> int:
    return Proof(messages, Policy(1.0)).rounds


def passes(site: Site) -> int:
    """How often a site is passed in a step."""
    return prod(site.loops)


def _weighed(surface: Surface, policy: dict[str, Check], weight: Callable[[Site], int]) -> float:
    return sum(policy[site.name].share * weight(site) for site in surface)
