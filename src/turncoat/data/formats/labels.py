"""Which column of a table holds the labels or the contributors, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from turncoat.data.formats.cells import recognised
from turncoat.data.formats.plain import shown
from turncoat.data.formats.table import Column, Table, listed, number, quoted
from turncoat.data.formats.text_table import PLAIN_LABELS
from turncoat.refusal import Refusal

FEW = 20
"""Different labels that are classes in any case; more are classes if each has `EACH` records on average."""
EACH = 5
_SHOWN = 12  # classes whose numbers a sentence lists


def label_column(table: Table, name: str | None) -> Column:
    """The column of this name, or the one that is plainly that of the labels; Refusal, naming the candidates."""
    if name is not None:
        return table.find(name, "label")
    if not table.headed:
        raise Refusal(
            f"{shown(table.path)} has no row of names: give the number of the column that holds the labels, "
            f"--label 1 to --label {len(table.columns)}."
        )
    plain = [column for column in table.columns if column.name.lower() in PLAIN_LABELS]
    if len(plain) == 1:
        return plain[0]
    if plain:
        raise Refusal(
            f"{shown(table.path)} has more than one column that may hold the labels: say --label with one of "
            f"{listed([repr(c.name) for c in plain])}."
        )
    few = [repr(c.name) for c in table.columns if 2 <= len(set(_values(c))) <= FEW]
    candidates = f"those with few different values are {listed(few)}" if few else f"it has {_every(table)}"
    raise Refusal(
        f"{shown(table.path)} has no column called {', '.join(PLAIN_LABELS[:-1])} or {PLAIN_LABELS[-1]}: say which "
        f"holds the labels with --label COLUMN; {candidates}."
    )


def _values(column: Column) -> Sequence[str | float]:
    return list(column.cells) if column.numbers is None else column.values


def _every(table: Table) -> str:
    return listed([repr(name) for name in table.names])


def classes(table: Table, column: Column) -> tuple[np.ndarray, int, str]:
    """The records' classes int32 (n,), how many there are, and a sentence that says how they are numbered.

    Raises `Refusal`: a missing label, numbers that are a target for regression, as many texts as no classes have.
    """
    column = recognised(table, column)
    _check_filled(table, column, "label")
    values = column.values
    _check_classes(table, column, values)
    said = f"labels are column {quoted(column)}"
    if column.numbers is not None and values == [float(i) for i in range(len(values))]:
        return column.numbers.astype(np.int32), len(values), f"{said}, 0 to {len(values) - 1} as they stand"
    return _numbered(column, values), len(values), f"{said}, numbered {_numbering(column, values)}"


def contributors(table: Table, column: Column) -> tuple[np.ndarray, tuple[str, ...], str]:
    """The records' parties int32 (n,), the parties' names, and a sentence with their numbers."""
    column = recognised(table, column)
    _check_filled(table, column, "contributor")
    values = column.values
    names = tuple(map(_written, values))
    said = f"contributors are column {quoted(column)}, numbered {_numbering(column, values)}"
    return _numbered(column, values), names, said


def _check_filled(table: Table, column: Column, what: str) -> None:
    missing = np.flatnonzero(column.missing)
    if missing.size:
        table.refuse(column, int(missing[0]), f"holds no {what}: fill it in, or leave the record out")


def _check_classes(table: Table, column: Column, values: Sequence[str | float]) -> None:
    records, many = len(table.rows), len(values) > FEW
    words = column.numbers is None
    fractions = not words and any(float(v) % 1 for v in values)
    if not many or (len(values) * EACH <= records and not fractions):
        return
    what = f"holds {len(values):,} different {'texts' if words else 'numbers'} in {records:,} records"
    if words:
        table.refuse(column, None, f"{what}, too many for classes: name another column with --label")
    table.refuse(
        column,
        None,
        f"{what}, a target for regression, which cannot be trained here yet: name a column of classes with --label",
    )


def _numbered(column: Column, values: Sequence[str | float]) -> np.ndarray:
    """The place of each cell among the sorted values, int32 (n,)."""
    if column.numbers is not None:
        return np.searchsorted(np.array(values), column.numbers).astype(np.int32)
    place = {value: i for i, value in enumerate(values)}
    return np.array([place[cell] for cell in column.cells], np.int32)


def _numbering(column: Column, values: Sequence[str | float]) -> str:
    pairs = [f"{_written(v)} = {i}" for i, v in enumerate(values)]
    if len(pairs) > _SHOWN:
        pairs = [*pairs[: _SHOWN - 1], "...", pairs[-1]]
    return ", ".join(map(shown, pairs))


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)
