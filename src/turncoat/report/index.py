"""The runs below a folder, as the rows of a list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from turncoat.refusal import Refusal
from turncoat.report import compared, numbers, reproduced, words
from turncoat.report.saved import Found, load, runs_below
from turncoat.results.audit import AuditResult
from turncoat.results.comparison import Comparison
from turncoat.results.result import Result


@dataclass(frozen=True)
class Row:
    """A run: its name below the folder, what it is, and how it ended; `fault` says why it cannot be shown."""

    name: str
    title: str = ""
    outcome: str = ""
    when: str = ""
    fault: str = ""

    @property
    def link(self) -> str:
        """Where its page is, below the list's own address."""
        return f"/run/{quote(self.name)}"


def rows(folder: Path) -> list[Row]:
    """The runs below a folder, the newest first; one that cannot be read is listed with the reason."""
    found = [_row(place, place.relative_to(folder).as_posix()) for place in runs_below(folder)]
    return sorted(found, key=lambda row: row.when, reverse=True)


def _row(place: Path, name: str) -> Row:
    try:
        found = load(place).found
    except Refusal as refusal:
        return Row(name, fault=str(refusal))
    return Row(name, *_told(found), f"{found.created:%Y-%m-%d %H:%M}")


def _told(found: Found) -> tuple[str, str]:
    """What a run is, and how it ended."""
    if isinstance(found, AuditResult):
        return f"audit of {words.origin(found)}", found.severity
    if isinstance(found, Result):
        rate = numbers.change(found.honest.success.mean, found.attacked.success.mean)
        return (
            f"{found.attack}, {words.origin(found)}",
            f"{rate}, goal {'' if found.reached else 'not '}reached",
        )
    if isinstance(found, Comparison):
        return "comparison", compared.in_a_sentence(found)
    return f"{found.table}: {found.title}", reproduced.in_a_sentence(found)
