"""A user's table before anything is made of it: named columns, the row of each record, and what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np

from turncoat.data.formats.plain import shown
from turncoat.refusal import Refusal, nearest

Scale = Literal["standard", "range", "none"]
_SOME = 8  # names that a sentence lists


@dataclass(frozen=True)
class Choices:
    """What a user says of a file: the columns of labels and contributors, those to leave out, and the scaling.

    `standard` takes a column's mean from its numbers and divides by its standard deviation, `range` moves them
    to 0 to 1, `none` leaves them; None is what the format does by default.
    """

    label: str | None = None
    contributor: str | None = None
    drop: tuple[str, ...] = ()
    scale: Scale | None = None

    def check_without(self, names: Sequence[str], why: str) -> None:
        """Refuses the first of these choices that was made, because of `why` it has no effect."""
        for field in fields(self):
            if field.name in names and getattr(self, field.name) != field.default:
                raise Refusal(f"--{field.name} has no effect {why}: leave it out.")


@dataclass(frozen=True, eq=False)
class Column:
    """One column: `numbers` float64 (n,), NaN where a cell is missing, or else `cells`, n texts, "" if missing."""

    name: str
    numbers: np.ndarray | None = None
    cells: Sequence[str] = ()

    @property
    def values(self) -> Sequence[str | float]:
        """The different values, sorted, without what is missing."""
        if self.numbers is None:
            return sorted(set(self.cells) - {""})
        found = np.unique(self.numbers)
        return [float(value) for value in found[~np.isnan(found)]]

    @property
    def missing(self) -> np.ndarray:
        """Which cells are missing, Booleans (n,)."""
        return np.array([c == "" for c in self.cells]) if self.numbers is None else np.isnan(self.numbers)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length. `rows` (n,) are the records' rows as a spreadsheet shows them, which has the names in
    row 1; `headed`: whether there are names, or else the columns are called 1, 2, 3, ...; `comma`: whether
    decimals are written with one; `notes` say how the file was read."""

    path: Path
    columns: tuple[Column, ...]
    rows: Sequence[int]
    headed: bool = True
    comma: bool = False
    separator: str = ","
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def find(self, name: str, option: str) -> Column:
        """The column of this name; Refusal, naming the option, if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        if not self.headed:
            raise Refusal(
                f"{shown(self.path)} has no row of names: --{option} takes the number of a column, "
                f"1 to {len(self.columns)}, not {shown(repr(name))}."
            )
        near = shown(nearest(name, self.names))
        raise Refusal(
            f"{shown(self.path)} has no column {shown(repr(name))} for --{option}; the nearest are {near}."
        )

    def without(self, columns: Sequence[Column]) -> Table:
        """The table without these columns."""
        names = {column.name for column in columns}
        left = tuple(c for c in self.columns if c.name not in names)
        return Table(self.path, left, self.rows, self.headed, self.comma, self.separator, self.notes)

    def refuse(self, column: Column, record: int | None, says: str) -> NoReturn:
        """Refuses a column, or one of its cells, by its name and its row."""
        row = "" if record is None else f", row {self.rows[record]}"
        raise Refusal(f"{shown(self.path)}: column {quoted(column)}{row} {says}.")


def quoted(column: Column) -> str:
    """The name of a column as a sentence prints it."""
    return shown(repr(column.name))


def listed(names: Sequence[str]) -> str:
    """Some names in a sentence, the rest of a long list counted."""
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(shown(name) for name in names[:_SOME]) + more


def number(value: float) -> str:
    """A number as people write it: 3, not 3.0."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"
