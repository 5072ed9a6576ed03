"""What the texts in a column's cells are: numbers, words, dates, or nothing."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from turncoat.data.formats.plain import shown
from turncoat.data.formats.table import Column, Table

MISSING = frozenset(("", "?", "-", "na", "n/a", "#n/a", "nan", "null", "none", "<na>"))
"""What stands for a missing number, in small letters; among words only an empty cell is missing."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([., '\u2019\xa0\u202f]\d{3})+([.,]\d+)?", re.ASCII)
_WITH_UNIT = re.compile(r"([$€£] ?[+-]?|[+-]?[$€£]? ?)\d[\d.,]*( ?[%€$£])?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ,].*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?",
    re.ASCII,
)


def is_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal point, if any."""
    return _NUMBER.fullmatch(cell) is not None


def has_comma(cell: str) -> bool:
    """Whether a cell is a number with a decimal comma."""
    return _COMMA.fullmatch(cell) is not None


def recognised(table: Table, column: Column) -> Column:
    """The column with its numbers, if more than half of its filled cells look like numbers; or else its words.

    Raises `Refusal`, by the column's name and the cell's row: among numbers a cell that is none, in any way;
    a column of dates; a column that holds nothing.
    """
    if column.numbers is not None:
        return column
    counts = Counter(column.cells)
    filled = {c: n for c, n in counts.items() if c.lower() not in MISSING}
    if not filled:
        table.refuse(column, None, f"holds nothing: leave it out with --drop {shown(column.name)}")
    if 2 * sum(n for c, n in filled.items() if _like_a_number(c)) > sum(filled.values()):
        known = {c: _value(table, column, c) for c in filled}
        read = [known.get(c, np.nan) for c in column.cells]
        return Column(column.name, np.array(read, np.float64))
    dates = [c for c in filled if _DATE.fullmatch(c)]
    if 2 * len(dates) > len(filled):
        table.refuse(
            column,
            column.cells.index(dates[0]),
            f"holds the date {shown(repr(dates[0]))}: write dates as numbers, such as days since the first, or leave "
            f"the column out with --drop {shown(column.name)}",
        )
    return column


def _like_a_number(cell: str) -> bool:
    forms = (_NUMBER, _COMMA, _THOUSANDS, _INFINITE)
    return any(form.fullmatch(cell) for form in forms) or _has_unit(cell)


def _has_unit(cell: str) -> bool:
    return any(sign in cell for sign in "$€£%") and _WITH_UNIT.fullmatch(cell) is not None


def _value(table: Table, column: Column, cell: str) -> float:
    if table.comma and has_comma(cell):
        return float(cell.replace(",", "."))
    if is_number(cell) and not (table.comma and _POINT.fullmatch(cell)):
        return float(cell)
    table.refuse(column, column.cells.index(cell), f"holds {shown(repr(cell))}, which {_reason(table, cell)}")


def _reason(table: Table, cell: str) -> str:
    """Why a cell in a column of numbers is none, and what helps."""
    if _INFINITE.fullmatch(cell):
        return "is infinite: correct the number, or empty the cell"
    if table.comma and _POINT.fullmatch(cell):
        return "can be read in two ways in a file with decimal commas: write it without the point"
    if has_comma(cell) and not table.comma:
        return "has a comma: write decimals with a point, or separate the cells by semicolons"
    if _THOUSANDS.fullmatch(cell):
        return "separates thousands: write the digits alone"
    if _has_unit(cell):
        return "has a unit: write the number alone"
    return "is no number, as most cells of the column are: correct it, or empty the cell"
