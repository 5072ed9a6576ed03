"""Reading `.csv` files of numbers, with or without a line of names on top."""

import csv
import warnings
from pathlib import Path

import numpy as np

from turncoat.data.formats.plain import opened, shown
from turncoat.refusal import Refusal

_ENCODING = "utf-8-sig"


def read_table(path: Path) -> tuple[tuple[str, ...] | None, np.ndarray]:
    """The names in the first line, or None if it holds numbers only, and the numbers, float64 (n, columns).

    Raises `Refusal`: a file that cannot be read or is no text, a cell that is no number, lines of unequal
    length (the names' included), no lines.
    """
    opened(path).close()
    names = _names(path)
    values = _numbers(path, skip=0 if names is None else 1)
    if not values.size:
        raise Refusal(f"{shown(path)} holds no records: give it one line for each.")
    if names is not None and len(names) != values.shape[1]:
        raise Refusal(
            f"{shown(path)} names {len(names)} columns in its first line but has {values.shape[1]}: "
            "name each column once."
        )
    return names, values


def _names(path: Path) -> tuple[str, ...] | None:
    try:
        with path.open(newline="", encoding=_ENCODING) as stream:
            first = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _no_text(path) from error
    if any("\0" in cell for cell in first):
        raise _no_text(path)
    return None if all(_is_number(cell) for cell in first) else tuple(cell.strip() for cell in first)


def plain_numbers(path: Path, separator: str = ",", skip: int = 0) -> np.ndarray:
    """The numbers float64 (n, columns) after some lines; raises what NumPy does where there is anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty file; the caller names it
        return np.loadtxt(
            path,
            delimiter=separator,
            skiprows=skip,
            ndmin=2,
            encoding=_ENCODING,
            quotechar='"',
            comments=None,
        )


def _numbers(path: Path, skip: int) -> np.ndarray:
    try:
        return plain_numbers(path, skip=skip)
    except MemoryError as error:
        raise Refusal(f"{shown(path)} does not fit into memory: give fewer records.") from error
    except (OSError, ValueError) as error:
        raise _fault(path, skip) from error


def _fault(path: Path, skip: int) -> Refusal:
    """What is wrong with the first bad line of a file that NumPy could not read."""
    columns = None
    try:
        with path.open(newline="", encoding=_ENCODING) as stream:
            rows = csv.reader(stream)
            for row in rows:
                if rows.line_num <= skip or not row:
                    continue
                columns = columns or len(row)
                if len(row) != columns:
                    return Refusal(
                        f"Line {rows.line_num} of {shown(path)} has {len(row)} cells where the first has "
                        f"{columns}: give every line as many."
                    )
                wrong = next((cell for cell in row if not _is_number(cell)), None)
                if wrong is not None:
                    return Refusal(
                        f"Line {rows.line_num} of {shown(path)} holds {shown(repr(wrong))}, which is no "
                        "number: separate numbers by commas and fill in what is missing."
                    )
    except (OSError, UnicodeDecodeError, csv.Error):
        return _no_text(path)
    return Refusal(f"{shown(path)} holds something other than plain numbers: write them as 1 or -2.5e3.")


def _no_text(path: Path) -> Refusal:
    return Refusal(
        f"{shown(path)} cannot be read as a .csv file (it is no UTF-8 text of short cells): "
        "save it as comma-separated values."
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python allows in a number, and NumPy does not
