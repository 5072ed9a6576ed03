"""A table of the paper beside ours, in words and cells."""

from __future__ import annotations

from turncoat.report import numbers
from turncoat.report.measures import Shown
from turncoat.results.reproduction import ORDER, Reproduction, Reproductions, Row, stands_in
from turncoat.results.values import Measured

QUICK = (
    "A quick run: the embedded data alone, two trials a row. It shows that everything runs; its intervals are as "
    "wide as two trials make them."
)

__all__ = ["QUICK", "cell", "columns", "in_a_sentence", "stands_in"]

SAID = {
    "exceeded": "exceed the paper's numbers",
    "reached": "reach them",
    "short": "fall short of them",
    "not run": "were not run",
    "ours": "are ours alone",
}


def in_a_sentence(found: Reproduction | Reproductions) -> str:
    """How many rows exceed, reach or miss the paper's numbers."""
    counts = {mark: sum(row.mark == mark for row in found.rows) for mark in reversed(ORDER)}
    said = [f"{count} {SAID[mark]}" for mark, count in counts.items() if count]
    return f"Of {numbers.counted(len(found.rows), 'row')}, {', '.join(said)}."


def slug(found: Reproduction) -> str:
    """The name of a table or figure as the command line has it, and as a page's anchor."""
    return found.table.lower().replace(" ", "")


def columns(row: Row) -> list[str]:
    """The quantities of a row, the paper's and ours, each once."""
    return list(dict.fromkeys([*row.paper, *row.ours]))


def cell(value: Measured | float | str | None) -> Shown:
    """A number and its interval as text; a dash where there is none."""
    if value is None:
        return Shown("\u2013", "")
    if isinstance(value, Measured):
        return Shown(numbers.plain(value.mean), numbers.plain_span(value))
    return Shown(value if isinstance(value, str) else numbers.plain(value), "")
