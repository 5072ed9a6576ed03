"""What an audit found by threat, and which of several attacks is the worst; picks among results, computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from turncoat.results.audit import AuditResult, Remedy, Unrun
from turncoat.results.harms import HARMS, Harm
from turncoat.results.result import Result

Status = Literal["reached", "in doubt", "not reached", "not run"]


@dataclass(frozen=True)
class Threat:
    """One threat: the attacks that stand for it, the worst first, those that left no result, and what stops it."""

    harm: Harm
    tried: tuple[Result, ...]
    unrun: tuple[Unrun, ...] = ()
    remedy: Remedy | None = None

    @property
    def worst(self) -> Result | None:
        """The attack that serves the corrupt party best; None if none was run."""
        return self.tried[0] if self.tried else None

    @property
    def status(self) -> Status:
        """Whether an attack reached its goal, may have, some were run in vain, or none was run."""
        return "not run" if self.worst is None else self.worst.status

    @property
    def success(self) -> float | None:
        """The highest success rate under any attack of this threat; None if none was run."""
        return max((r.attacked.success.mean for r in self.tried), default=None)


def threats(audit: AuditResult) -> tuple[Threat, ...]:
    """Every threat that an attack of the audit stands for, run or not, in the order of `HARMS`."""
    named: tuple[Harm, ...] = (*HARMS, "")
    found = (
        Threat(
            harm,
            ranked(r for r in audit.results if r.harm == harm),
            tuple(u for u in audit.unrun if u.harm == harm),
            next((r for r in audit.remedies if r.harm == harm), None),
        )
        for harm in named
    )
    return tuple(t for t in found if t.tried or t.unrun)


def ranked(results: Iterable[Result]) -> tuple[Result, ...]:
    """The results, worst first: goals reached before those in doubt and the others, unnoticed ones first among them,
    then by what was gained over the honest run, then by how few errors it took."""

    def key(r: Result) -> tuple[bool, bool, bool, float, int, str]:
        gained = r.attacked.success.mean - r.honest.success.mean
        return not r.reached, not r.in_doubt, not r.unnoticed, -round(gained, 6), r.errors, r.attack

    return tuple(sorted(results, key=key))
