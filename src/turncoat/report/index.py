"""The runs below a folder, as the rows of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from turncoat.refusal import Refusal
from turncoat.report import html, kinds
from turncoat.report.saved import load, runs_below


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
    return Row(name, *kinds.of(found).told(found), f"{found.created:%Y-%m-%d %H:%M}")


def index_html(folder: str, rows: Sequence[Row]) -> str:
    """The page that lists runs."""
    return html.pages().get_template("index.html").render(folder=folder, rows=rows)
