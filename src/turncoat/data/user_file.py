"""The user's own data, from an `.npz` or a `.csv` file."""

import csv
import warnings
from pathlib import Path

import numpy as np

from turncoat.data.dataset import Dataset, flattened, observed_range
from turncoat.data.npz import read_npz, require
from turncoat.refusal import Refusal

SUFFIXES = (".npz", ".csv")
_LABEL_NAMES = ("label", "y")


def read_user_file(path: Path) -> Dataset:
    """The records in `path`, read by its ending. Features are taken as they are; labels are 0 .. classes - 1.

    `.npz`: arrays `x` (n, ...) and `y` (n,); optionally `classes`, one number, if not every class occurs, and
    `party` (n,), numbers or names.
    `.csv`: numbers separated by commas. With a header, the column called `label` or `y` holds the labels;
    without one, or if there is no such column, the last column does.
    Raises `Refusal` if the file cannot be read or its labels are not numbered like that.
    """
    return _from_npz(path) if path.suffix.lower() == ".npz" else _from_csv(path)


def _from_npz(path: Path) -> Dataset:
    arrays = read_npz(path)
    require(path, arrays, ("x", "y"))
    x, y = arrays["x"], arrays["y"]
    if x.dtype.kind not in "biuf" or x.ndim < 2 or y.ndim != 1:
        raise Refusal(
            f"{path}: x must be an array of real numbers (records, ...) and y (records,), "
            f"not {x.dtype} {x.shape} and {y.dtype} {y.shape}."
        )
    classes = _given_classes(path, arrays.get("classes"))
    party, names = _parties(arrays.get("party"))
    return _dataset(path, flattened(x), x.shape[1:], _whole(path, y), classes, party, names)


def _given_classes(path: Path, classes: np.ndarray | None) -> int | None:
    if classes is None:
        return None
    if classes.dtype.kind not in "iu" or classes.size != 1:
        raise Refusal(f"{path}: classes must be one whole number, not {classes.dtype} {classes.shape}.")
    return int(classes.reshape(()))


def _parties(party: np.ndarray | None) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Any names or numbers of parties as indices into their sorted names."""
    if party is None:
        return None, ()
    names, index = np.unique(party, return_inverse=True)
    return index.astype(np.int32).reshape(party.shape), tuple(str(name) for name in names)


def _from_csv(path: Path) -> Dataset:
    header = _header(path)
    values = _values(path, skip=0 if header is None else 1)
    if values.shape[1] < 2:
        raise Refusal(f"{path} has {values.shape[1]} column: give it at least one feature and a label.")
    column = _label_column(header, values.shape[1])
    x = flattened(np.delete(values, column, axis=1))
    return _dataset(path, x, (x.shape[1],), _whole(path, values[:, column]), None, None, ())


def _header(path: Path) -> list[str] | None:
    """The names in the first line, or None if it holds numbers only."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            first = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refusal(
            f"{path} cannot be read as a .csv file ({error}): check the path and the file."
        ) from error
    return None if all(_is_number(cell) for cell in first) else [cell.strip() for cell in first]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _values(path: Path, skip: int) -> np.ndarray:
    """All numbers of the file, float64 (n, columns)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file; refused below with the file's name
            values = np.loadtxt(
                path,
                delimiter=",",
                skiprows=skip,
                ndmin=2,
                encoding="utf-8-sig",
                quotechar='"',
                comments=None,
            )
    except (OSError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise Refusal(
            f"{path} holds something other than numbers, or lines of unequal length ({reason})."
        ) from error
    if not values.size:
        raise Refusal(f"{path} holds no records: give it one line for each.")
    return values


def _label_column(header: list[str] | None, columns: int) -> int:
    named = [i for i, name in enumerate(header or []) if name.lower() in _LABEL_NAMES]
    return named[0] if named else columns - 1


def _whole(path: Path, labels: np.ndarray) -> np.ndarray:
    """Labels as int64, if they are whole numbers that fit int32."""
    if labels.dtype.kind not in "biuf":
        raise Refusal(f"{path}: labels are {labels.dtype}, not numbers: number the classes 0, 1, 2, ...")
    values = labels.astype(np.float64)
    wrong = np.flatnonzero(~(np.abs(values) < 2**31) | (np.floor(values) != values))
    if wrong.size:
        first = int(wrong[0])
        raise Refusal(
            f"{path}: the label {labels[first]} of record {first} is not a whole number: "
            "number the classes 0, 1, 2, ... (without a header that names it, the label is the last column)."
        )
    return labels.astype(np.int64)


def _dataset(
    path: Path,
    x: np.ndarray,
    shape: tuple[int, ...],
    y: np.ndarray,
    classes: int | None,
    party: np.ndarray | None,
    names: tuple[str, ...],
) -> Dataset:
    if classes is None:
        classes = _counted(path, y)
    return Dataset(
        path.name,
        x,
        y.astype(np.int32),
        classes,
        shape,
        f"the user's file {path.name}",
        observed_range(x),
        party=party,
        party_names=names,
    )


def _counted(path: Path, y: np.ndarray) -> int:
    """The number of classes, if they are numbered from 0 without a gap."""
    present = np.unique(y)
    if present.size and (present[0] != 0 or present[-1] != present.size - 1):
        raise Refusal(
            f"{path}: labels out of range: {present.size} different ones run from {present[0]} to "
            f"{present[-1]}; number the classes from 0 without gaps."
        )
    return int(present.size)
