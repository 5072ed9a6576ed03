"""The features that a table's columns become: words one-hot, missing numbers filled in, numbers scaled."""

from __future__ import annotations

import numpy as np

from turncoat.data.formats.cells import recognised
from turncoat.data.formats.plain import shown
from turncoat.data.formats.table import Column, Scale, Table, listed, number, quoted
from turncoat.refusal import Refusal

MOST_VALUES = 64
"""Different words of a column that become features of 0 and 1, or half as many as there are records if that is fewer,
but at least `FEW`; a column with more is refused."""
FEW = 20
_LARGEST = float(np.finfo(np.float32).max)
_COUNTS = ("index", "idx", "row", "nr", "no")

SCALED = {
    "standard": "standardised by its mean and standard deviation",
    "range": "moved to 0 to 1 by its lowest and highest value",
}
PUBLIC = "over the whole file, which would be public under MPC (--scale none leaves the numbers as they are)"


def features(table: Table, scale: Scale) -> tuple[np.ndarray, tuple[str, ...]]:
    """The features float32 (n, d), in the order of the columns, and sentences that say what was done.

    A column of words becomes a feature of 0 and 1 for each, in sorted order; an empty cell counts as a word. A
    missing number becomes the column's median. Numbers are scaled, unless they are 0 and 1 alone.
    Raises `Refusal`, by the columns' names: too many words, dates, a cell that is no number or too large.
    """
    counting = [c for c in table.columns if _counts(table, c)]
    columns = [recognised(table, c) for c in table.without(counting).columns]
    _check_words(table, [c for c in columns if c.numbers is None])
    if not columns:
        raise Refusal(f"{shown(table.path)} has no feature beside its labels: give it at least one.")
    blocks, filled = [], []
    for column in columns:
        block, said = _one_hot(column) if column.numbers is None else _filled(table, column)
        blocks.append(block if column.numbers is None else scaled(block, scale))
        filled += [said] if said else []
    words = [f"{quoted(c)} ({len(set(c.cells))})" for c in columns if c.numbers is None]
    notes = [f"column {quoted(c)} counts the records and is left out" for c in counting]
    notes += [f"words became one feature of 0 and 1 each: {listed(words)}"] if words else []
    notes += [f"missing numbers became the median: {listed(filled)}"] if filled else []
    if scale != "none" and any(c.numbers is not None and not _is_binary(c.numbers) for c in columns):
        notes.append(f"each column of numbers was {SCALED[scale]}, {PUBLIC}")
    return np.concatenate(blocks, axis=1, dtype=np.float32), tuple(notes)


def scaled(x: np.ndarray, scale: Scale) -> np.ndarray:
    """Numbers (n, d) by their own statistics, column by column, as float32; 0 and 1 alone are left."""
    if scale == "none" or not x.size:
        return x.astype(np.float32, copy=False)
    x = x.astype(np.float64)  # whose squares hold what single precision holds
    least, span = (x.mean(0), x.std(0)) if scale == "standard" else (x.min(0), np.ptp(x, 0))
    binary = ((x == 0) | (x == 1)).all(0)
    least, span = np.where(binary, 0, least), np.where(binary | (span == 0), 1, span)
    return ((x - least) / span).astype(np.float32)


def _is_binary(values: np.ndarray) -> bool:
    return bool((np.isnan(values) | (values == 0) | (values == 1)).all())


def _counts(table: Table, column: Column) -> bool:
    """Whether a column only counts the records, as its name and its cells say."""
    name = column.name.lower()
    if not (name in _COUNTS or name.endswith("id") or name.startswith("unnamed: ") or "__index" in name):
        return False
    if column.numbers is not None:
        return any(np.array_equal(column.numbers, np.arange(len(table.rows)) + start) for start in (0, 1))
    return any(list(column.cells) == [str(i + s) for i in range(len(table.rows))] for s in (0, 1))


def _check_words(table: Table, columns: list[Column]) -> None:
    counts = {c.name: len(set(c.cells)) for c in columns}
    most = min(MOST_VALUES, max(FEW, len(table.rows) // 2))
    many = {name: count for name, count in counts.items() if count > most}
    if not many:
        return
    which = listed([f"{name!r} ({count:,})" for name, count in many.items()])
    raise Refusal(
        f"{shown(table.path)}: more than {most} different texts in {which}: leave out what is no feature with "
        f"--drop {shown(','.join(many))}, or write numbers."
    )


def _one_hot(column: Column) -> tuple[np.ndarray, str]:
    _, place = np.unique(np.array(column.cells), return_inverse=True)
    return np.eye(place.max() + 1, dtype=np.float32)[place], ""


def _filled(table: Table, column: Column) -> tuple[np.ndarray, str]:
    """The numbers (n, 1) without a gap, and what was filled in."""
    assert column.numbers is not None
    too_large = np.flatnonzero(np.abs(column.numbers) > _LARGEST)
    if too_large.size:
        first = int(too_large[0])
        table.refuse(
            column,
            first,
            f"holds {column.numbers[first]:g}, more than single precision can: correct it, or empty the cell",
        )
    missing = np.isnan(column.numbers)
    if not missing.any():
        return column.numbers[:, None], ""
    median = float(np.median(column.numbers[~missing]))
    said = f"{int(missing.sum()):,} of {quoted(column)} ({number(median)})"
    return np.where(missing, median, column.numbers)[:, None], said
