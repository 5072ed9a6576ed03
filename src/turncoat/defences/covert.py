"""Covert security: how likely a deviation is found at least, and whether the honest parties can say whose it was.

Source: Aumann and Lindell, "Security Against Covert Adversaries" (Journal of Cryptology 23, 2010): the deterrence
factor of definitions 3.3 and 3.4 holds for all deviations, and the honest parties must learn who cheated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turncoat.defences.check import TIMES, Check
from turncoat.defences.defence import Defence

PARTIES = 3


@dataclass(frozen=True)
class Covert:
    """What a defence of a step is in the sense of covert security.

    `deterrence`: the least probability with which a deviation is found, over all sites; `best`: the largest;
    `open`: how many of so many `sites` are never looked at; `latest`: when the last check is made, "" if none is;
    `suspects`: among how many parties, one of them honest, the cheater is when a check fails, 0 if none can fail.
    """

    deterrence: float
    best: float
    open: int
    sites: int
    latest: str
    suspects: int

    @property
    def names(self) -> str:
        """Whether the honest parties can name the cheater, in a sentence."""
        if not self.suspects:
            return "nobody: no message is checked"
        return (
            "one of two: each honest party knows that the prover or its fellow verifier lied; signed messages, or "
            "the step opened to a judge, would tell which"
        )

    @property
    def secure(self) -> bool:
        """Whether it is covert security but for the naming: every deviation is found with some probability."""
        return self.deterrence > 0


def covert(defence: Defence, policy: Mapping[str, Check]) -> Covert:
    """The same of a defence by the policy that it has for a step."""
    shares = [check.share for check in policy.values()]
    times = [check.when for check in policy.values() if check.share]
    return Covert(
        deterrence=defence.least(policy),
        best=max(0.0, max(shares, default=0.0) - defence.soundness),
        open=shares.count(0.0),
        sites=len(shares),
        latest=max(times, key=list(TIMES).index, default=""),
        suspects=PARTIES - 1 if times else 0,
    )
