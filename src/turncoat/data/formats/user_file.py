"""The user's own data, from an `.npz` or a `.csv` file."""

from pathlib import Path

import numpy as np

from turncoat.data.dataset import Dataset, flattened, observed_range
from turncoat.data.formats.csv_table import read_table
from turncoat.data.formats.npz import read_npz
from turncoat.data.formats.plain import shown
from turncoat.refusal import Refusal

SUFFIXES = (".npz", ".csv")
_LABEL_NAMES = ("label", "y")
_Parties = tuple[np.ndarray | None, tuple[str, ...]]  # index (n,) of each record's party, and their names


def read_user_file(path: Path) -> Dataset:
    """The records in `path`, read by its ending. Features are taken as they are; labels are 0 .. classes - 1.

    `.npz`: arrays `x` (n, ...) and `y` (n,); optionally `classes`, one number, if not every class occurs, and
    `party` (n,), numbers or names.
    `.csv`: numbers separated by commas. With a header, the column called `label` or `y` holds the labels;
    without one, or if there is no such column, the last column does.
    Raises `Refusal` if the file cannot be read or its labels are not numbered like that.
    """
    try:
        return _from_npz(path) if path.suffix.lower() == ".npz" else _from_csv(path)
    except MemoryError as error:
        raise Refusal(f"{shown(path)} does not fit into memory as float32: give fewer records.") from error


def _from_npz(path: Path) -> Dataset:
    arrays = read_npz(path, ("x", "y"), ("classes", "party"))
    x, y = arrays["x"], arrays["y"]
    if x.dtype.kind not in "biuf" or x.ndim < 2 or y.ndim != 1:
        raise Refusal(
            f"{shown(path)}: x must be an array of real numbers (records, ...) and y (records,), "
            f"not {shown(f'{x.dtype} {x.shape} and {y.dtype} {y.shape}')}."
        )
    labels = _whole(path, y)
    classes = _given_classes(path, arrays.get("classes"))
    parties = _parties(path, arrays.get("party"))
    return _dataset(path, flattened(x), x.shape[1:], labels, classes, parties)


def _given_classes(path: Path, classes: np.ndarray | None) -> int | None:
    if classes is None:
        return None
    if classes.dtype.kind not in "iu" or classes.size != 1 or int(classes.reshape(())) < 1:
        raise Refusal(
            f"{shown(path)}: classes must be one whole number from 1 up, "
            f"not {shown(f'{classes.dtype} {classes.shape}: {classes.ravel()[:3]}')}."
        )
    return int(classes.reshape(()))


def _parties(path: Path, party: np.ndarray | None) -> _Parties:
    """Any names or numbers of parties as indices into their sorted names."""
    if party is None:
        return None, ()
    if party.ndim != 1 or party.dtype.kind not in "biufUS":
        raise Refusal(
            f"{shown(path)}: party must be one number or name for each record, "
            f"not {shown(f'{party.dtype} {party.shape}')}."
        )
    names, index = np.unique(party, return_inverse=True)
    return index.astype(np.int32), tuple(str(name) for name in names)


def _from_csv(path: Path) -> Dataset:
    names, values = read_table(path)
    if values.shape[1] < 2:
        raise Refusal(
            f"{shown(path)} has {values.shape[1]} column: give it at least one feature and a label."
        )
    column = _label_column(names, values.shape[1])
    x = flattened(np.delete(values, column, axis=1))
    return _dataset(path, x, (x.shape[1],), _whole(path, values[:, column]), None, (None, ()))


def _label_column(names: tuple[str, ...] | None, columns: int) -> int:
    named = [i for i, name in enumerate(names or ()) if name.lower() in _LABEL_NAMES]
    return named[0] if named else columns - 1


def _whole(path: Path, labels: np.ndarray) -> np.ndarray:
    """Labels as int64, if they are whole numbers that fit int32."""
    if labels.dtype.kind not in "biuf":
        raise Refusal(
            f"{shown(path)}: labels are {shown(labels.dtype)}, not numbers: number the classes 0, 1, 2, ..."
        )
    values = labels.astype(np.float64)
    wrong = np.flatnonzero(~(np.abs(values) < 2**31) | (np.floor(values) != values))
    if wrong.size:
        first = int(wrong[0])
        raise Refusal(
            f"{shown(path)}: the label {labels[first]} of record {first} is not a whole number below 2**31: number "
            "the classes 0, 1, 2, ... (without a header that names it, the label is the last column)."
        )
    return labels.astype(np.int64)


def _dataset(
    path: Path, x: np.ndarray, shape: tuple[int, ...], y: np.ndarray, classes: int | None, parties: _Parties
) -> Dataset:
    party, names = parties
    return Dataset(
        shown(path.name),
        x,
        y.astype(np.int32),
        _counted(path, y) if classes is None else classes,
        shape,
        f"the user's file {shown(path.name)}",
        observed_range(x),
        party=party,
        party_names=names,
    )


def _counted(path: Path, y: np.ndarray) -> int:
    """The number of classes, if they are numbered from 0 without a gap."""
    present = np.unique(y)
    if present.size and (present[0] != 0 or present[-1] != present.size - 1):
        raise Refusal(
            f"{shown(path)}: labels out of range: {present.size} different ones run from {present[0]} to "
            f"{present[-1]}; number the classes from 0 without gaps."
        )
    return int(present.size)
