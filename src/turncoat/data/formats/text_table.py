"""Reading `.csv` and `.tsv` files as people have them: separators, names, quotes and blank rows are found out."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from turncoat.data.formats.cells import MISSING, has_comma, is_number
from turncoat.data.formats.csv_table import plain_numbers
from turncoat.data.formats.plain import opened, shown
from turncoat.data.formats.table import Column, Table
from turncoat.refusal import Refusal

PLAIN_LABELS = ("label", "y", "class", "target")
"""Names, in small letters, of a column that holds the labels without being told."""

_ENCODING = "utf-8-sig"
_SEPARATORS = {";": "semicolons", "\t": "tabulators", ",": "commas"}
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class _Form:
    """How a file is written: its separator, a first line `sep=` of Excel's or none, its names or None, and the row
    of its first cells."""

    separator: str
    marked: bool = False
    names: tuple[str, ...] | None = None
    width: int = 0
    first: int = 1


def read_text_table(path: Path) -> Table:
    """The table in a text file, UTF-8: one row for each record, under a row of names or none.

    The separator is a semicolon or a tabulator if those divide the first row, or else a comma. Raises
    `Refusal`: a file that cannot be read or is no text, rows of unequal length, a name given twice, no records.
    """
    opened(path).close()
    form = _form(path)
    try:
        table = _of_numbers(path, form) or _of_cells(path, form)
    except MemoryError as error:
        raise Refusal(f"{shown(path)} does not fit into memory: give fewer records.") from error
    if not len(table.rows):
        raise Refusal(f"{shown(path)} holds no records: give it one row for each.")
    return table


def _form(path: Path) -> _Form:
    """How the file is written, by its first rows."""
    form = _marked(path)
    if not form.marked:
        wide = {s: len(next(_rows(path, _Form(s), strict=False), (1, [""]))[1]) for s in _SEPARATORS}
        form = _Form(next((s for s in (";", "\t") if wide[s] > 1), ","))
    number, first = next(_rows(path, form), (1, []))
    if not first:
        raise Refusal(f"{shown(path)} holds no records: give it one row for each.")
    if any("\0" in cell for cell in first):
        raise _no_text(path)
    names = _names(path, first) if _are_names(first) else None
    return _Form(form.separator, form.marked, names, len(first), number)


def _marked(path: Path) -> _Form:
    try:
        with path.open(newline="", encoding=_ENCODING) as stream:
            line = stream.readline(10).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_text(path) from error
    found = line.lower().startswith("sep=") and len(line) == 5
    return _Form(line[-1], marked=True) if found else _Form(",")


def _rows(path: Path, form: _Form, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their numbers; a quoted cell may hold line breaks."""
    number = 0
    try:
        with path.open(newline="", encoding=_ENCODING) as stream:
            if form.marked:
                stream.readline()
            reader = csv.reader(stream, delimiter=form.separator, skipinitialspace=True, strict=strict)
            for number, row in enumerate(reader, 1):
                if any(map(str.strip, row)):
                    yield number, row
    except (OSError, UnicodeDecodeError) as error:
        raise _no_text(path) from error
    except csv.Error as error:
        raise Refusal(
            f"{shown(path)} cannot be read as a .csv file after row {number} ({error}): look at the quotation "
            "marks there."
        ) from error


def _are_names(first: list[str]) -> bool:
    """Whether the first row holds names: words alone, or words and the numbers of columns."""
    cells = [cell.strip() for cell in first]
    numbers = [c for c in cells if is_number(c) or has_comma(c)]
    words = [c for c in cells if c not in numbers and c.lower() not in MISSING]
    if not numbers or not words:
        return bool(words)
    counted = [str(int(c)) for c in numbers] == numbers if all(c.isdecimal() for c in numbers) else False
    in_order = counted and [int(c) - int(numbers[0]) for c in numbers] == list(range(len(numbers)))
    return in_order or any(c.lower() in PLAIN_LABELS for c in words)


def _names(path: Path, first: list[str]) -> tuple[str, ...]:
    names = [cell.strip() for cell in first]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise Refusal(
            f"{shown(path)} names two columns {shown(repr(twice[0]))} in its first row: give each its own name "
            "there."
        )
    return tuple(name or f"unnamed: {i}" for i, name in enumerate(names))


def _of_numbers(path: Path, form: _Form) -> Table | None:
    """The table if it holds plain numbers and nothing else, which NumPy reads fast."""
    try:
        values = plain_numbers(path, form.separator, form.marked + (form.first if form.names else 0))
    except (OSError, ValueError):
        return None
    if values.shape[1] != form.width or not (np.abs(values) <= _LARGEST).all():
        return None
    columns = tuple(Column(n, v) for n, v in zip(_called(form), values.T, strict=True))
    start = form.first + (form.names is not None)
    return Table(
        path,
        columns,
        range(start, start + len(values)),
        form.names is not None,
        separator=form.separator,
        notes=_notes(form),
    )


def _of_cells(path: Path, form: _Form) -> Table:
    columns: list[list[str]] = [[] for _ in range(form.width)]
    rows, shared = array("q"), dict[str, str]()
    for number, row in _rows(path, form):
        if form.names is not None and number == form.first:
            continue
        if len(row) != form.width:
            raise Refusal(
                f"{shown(path)}: row {number} has {len(row)} cells where the first has {form.width}: give every row "
                "as many."
            )
        rows.append(number)
        for column, cell in zip(columns, row, strict=True):
            text = cell.strip()
            column.append(shared.setdefault(text, text))
    comma = form.separator != "," and any(map(has_comma, shared))
    made = tuple(Column(n, cells=c) for n, c in zip(_called(form), columns, strict=True))
    notes = _notes(form) + (("numbers are read with decimal commas",) if comma else ())
    return Table(path, made, rows, form.names is not None, comma, form.separator, notes)


def _called(form: _Form) -> tuple[str, ...]:
    return form.names if form.names is not None else tuple(str(i + 1) for i in range(form.width))


def _notes(form: _Form) -> tuple[str, ...]:
    found = (
        []
        if form.separator == ","
        else [f"cells are separated by {_SEPARATORS.get(form.separator, repr(form.separator))}"]
    )
    if form.names is None:
        found.append("the first row is taken for a record, as it does not name the columns")
    return tuple(found)


def _no_text(path: Path) -> Refusal:
    return Refusal(
        f"{shown(path)} cannot be read as a .csv file (it is no UTF-8 text): save it as comma-separated values in "
        "UTF-8, which Excel calls CSV UTF-8."
    )
