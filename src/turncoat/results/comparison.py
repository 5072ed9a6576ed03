"""Two runs beside each other: what got better or worse for those who train, with intervals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from turncoat.results.harms import Harm
from turncoat.results.values import Measured, Moment, Value

Trend = Literal["better", "worse", "no difference seen", "one trial", "only before", "only after"]
"""What became of a number, from the side of those who train."""


class Side(Value):
    """One of the two runs: what it was about, and its verdict where it has one."""

    title: str
    severity: str = ""
    created: Moment
    conditions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None


class Change(Value):
    """One number of both runs: `change` is after minus before, paired by seed where `paired`."""

    attack: str
    harm: Harm = ""
    what: str
    before: Measured | None = None
    after: Measured | None = None
    change: Measured | None = None
    paired: bool = False
    trend: Trend
    reached: tuple[bool | None, bool | None] = (None, None)
    errors: tuple[int | None, int | None] = (None, None)


class Comparison(Value):
    """Two audits, or two results of attacks, number by number; `differences` are the conditions that are not the
    same in both."""

    format: Literal["turncoat.comparison/1"] = "turncoat.comparison/1"
    before: Side
    after: Side
    differences: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    seconds: float = Field(default=0.0, ge=0)
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))
