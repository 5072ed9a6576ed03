"""What an audit found: the attacks that were run on one job, its surface, and the verdict."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, field_validator

from turncoat.results.harms import Harm
from turncoat.results.result import Result
from turncoat.results.values import Count, Fraction, Integers, Measured, Moment, Number, Value

Severity = Literal["broken", "noticeable", "exposed", "unknown", "protected"]
"""What an audit concludes, worst first; `experiments.verdict` has the conditions."""


class SiteRow(Value):
    """One site of the surface.

    `products` counts the multiplications in one pass; `loops` are the lengths of the loops around the
    site, outermost first. `exposure` maps an output to 'shift', 'tied', 'scaled(x, y)' or 'bent'; an
    output that an error here cannot reach is left out. In a loop it is the class that serves the attacker
    best: `passes` says in which passes it holds, in words ('last pass'), where not for errors in all of them.
    `line` says where in the source the site stands ('train.py:12 (loss)'), `file` is that source below the folder
    the audit ran in, "" where it lies elsewhere.
    """

    name: str
    kind: str
    shape: Integers
    products: Count
    phase: Literal["forward", "backward"]
    loops: Integers = ()
    exposure: dict[str, str] = Field(default_factory=dict)
    passes: dict[str, str] = Field(default_factory=dict)
    hint: str | None = None
    line: str = ""
    file: str = ""

    @field_validator("exposure")
    @classmethod
    def _known_classes(cls, exposure: dict[str, str]) -> dict[str, str]:
        for output, kind in exposure.items():
            if not re.fullmatch(r"shift|tied|bent|scaled\(.*\)", kind):
                raise ValueError(f"{output} is exposed as {kind!r}; use shift, tied, scaled(...) or bent")
        return exposure


class Honest(Value):
    """What honest training gives: its test accuracy, and that of always answering the commonest class."""

    accuracy: Measured
    majority: Fraction


class Unrun(Value):
    """An attack that left no result: what it threatens, why, and whether it failed unexpectedly or was refused."""

    attack: str
    harm: Harm
    why: str
    failed: bool = False


class Remedy(Value):
    """The cheapest checks that would have stopped the `attacks` of one threat, as this audit ran them.

    `sites` of `of`, as a `defence` by name. `factor`: bytes over those of passive training, by the `prices` named,
    and `everything` that of full active security; None where a job does not run in shares. `share`: of what full
    active security adds; `remark`: what the framework of the job's protocol can check. Such an error would have been
    `found` with that probability; any other deviation is found with `deterrence` at least. `suspects`: among how many
    parties the honest ones know the cheater to be.
    """

    harm: Harm
    attacks: tuple[str, ...]
    sites: tuple[str, ...]
    of: Count
    defence: str
    prices: str
    remark: str = ""
    share: Number
    factor: Number | None = None
    everything: Number | None = None
    found: Fraction
    deterrence: Fraction
    suspects: Count


class AuditResult(Value):
    """All attacks on one training job, and the verdict; or on a user's own function, without any attack.

    `trained` tells the two apart; `honest` is what honest training gives. `shiftable`
    maps each parameter to the sites that shift it and expose nothing else; none: an empty list. `unrun` are the
    attacks that left no result; `remedies` what would have stopped those that reached their goals. `command` is the
    line that runs it again.
    """

    format: Literal["turncoat.audit/2", "turncoat.audit/3", "turncoat.audit/4", "turncoat.audit/5"] = (
        "turncoat.audit/5"
    )
    verdict: str
    severity: Severity
    trained: bool = True
    honest: Honest | None = None
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    seconds: Number = Field(ge=0)
    results: tuple[Result, ...] = ()
    unrun: tuple[Unrun, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    surface: tuple[SiteRow, ...] = ()
    shiftable: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def stand_in(self) -> bool:
        """Whether the data only stands in for the data set whose name it bears."""
        return "stand-in" in self.data_label
