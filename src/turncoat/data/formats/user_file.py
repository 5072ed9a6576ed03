"""The user's own data, from an `.npz` file or a table."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from turncoat.data.dataset import Dataset, flattened, observed_range, validated
from turncoat.data.formats.features import PUBLIC, SCALED, features, scaled
from turncoat.data.formats.labels import classes, contributors, label_column
from turncoat.data.formats.npz import read_npz
from turncoat.data.formats.parquet import read_parquet
from turncoat.data.formats.plain import shown
from turncoat.data.formats.table import Choices, Column, Table
from turncoat.data.formats.text_table import read_text_table
from turncoat.refusal import Refusal

SUFFIXES = (".npz", ".csv", ".tsv", ".parquet")
LARGE = 10
"""Features of this size are remarked upon where nobody asked for a scale: training expects about 0 to 1."""
_Parties = tuple[np.ndarray | None, tuple[str, ...]]  # index (n,) of each record's party, and their names


def read_user_file(path: Path, choices: Choices = Choices()) -> Dataset:
    """The records in `path`, read by its ending; `notes` say what was made of it. Labels are 0 .. classes - 1.

    `.npz`: arrays `x` (n, ...) and `y` (n,); optionally `classes`, one number, if not every class occurs, and
    `party` (n,), numbers or names. Features are taken as they are, unless a scale is asked for.
    `.csv`, `.tsv`, `.parquet`: a table, whose columns become features as docs/data.md says; the choices name the
    columns of labels and contributors. Raises `Refusal` if the file cannot be read or used like that.
    """
    try:
        return _from_npz(path, choices) if path.suffix.lower() == ".npz" else _from_table(path, choices)
    except MemoryError as error:
        raise Refusal(f"{shown(path)} does not fit into memory as float32: give fewer records.") from error


def _from_table(path: Path, choices: Choices) -> Dataset:
    table = read_parquet(path, choices.drop) if path.suffix.lower() == ".parquet" else read_text_table(path)
    table = table.without([table.find(name, "drop") for name in choices.drop])
    if len(table.columns) < 2:
        count = len(table.columns)
        raise Refusal(
            f"{shown(path)} has {count} column{'s' * (count != 1)}: give it at least one feature and a label, "
            "separated by commas, semicolons or tabulators."
        )
    label = label_column(table, choices.label)
    y, count, numbered = classes(table, label)
    parties, given, told = _contributors(table, choices)
    x, done = features(table.without([label, *given]), choices.scale or "standard")
    return _dataset(path, x, (x.shape[1],), y, count, parties, (*table.notes, numbered, *told, *done))


def _contributors(table: Table, choices: Choices) -> tuple[_Parties, list[Column], tuple[str, ...]]:
    if choices.contributor is None:
        return (None, ()), [], ()
    column = table.find(choices.contributor, "contributor")
    if column is label_column(table, choices.label):
        raise Refusal(
            f"{shown(table.path)}: column {column.name!r} cannot hold both the labels and the contributors: "
            "name another one."
        )
    party, names, said = contributors(table, column)
    return (party, names), [column], (said,)


def _from_npz(path: Path, choices: Choices) -> Dataset:
    named = ("label", "contributor", "drop")
    choices.check_without(named, f"on {shown(path)}, whose arrays are x, y and party")
    arrays = read_npz(path, ("x", "y"), ("classes", "party"))
    x, y = arrays["x"], arrays["y"]
    if x.dtype.kind not in "biuf" or x.ndim < 2 or y.ndim != 1:
        raise Refusal(
            f"{shown(path)}: x must be an array of real numbers (records, ...) and y (records,), "
            f"not {shown(f'{x.dtype} {x.shape} and {y.dtype} {y.shape}')}."
        )
    count = _given_classes(path, arrays.get("classes"))
    labels, count, numbered = _labels(path, y, count)
    parties = _parties(path, arrays.get("party"))
    flat = flattened(x)
    notes = (*numbered, *_scaling(flat, choices))
    dataset = _dataset(path, flat, x.shape[1:], labels, count, parties, notes)
    if choices.scale in (None, "none"):
        return dataset
    sized = scaled(validated(dataset).x, choices.scale)
    return replace(dataset, x=sized, range=observed_range(sized))


def _scaling(x: np.ndarray, choices: Choices) -> tuple[str, ...]:
    """What was done to the features of an `.npz` file, or might have been, as sentences."""
    if choices.scale in ("standard", "range"):
        return (f"each feature but those of 0 and 1 was {SCALED[choices.scale]}, {PUBLIC}",)
    low, high = observed_range(x)
    if choices.scale == "none" or max(-low, high) <= LARGE:
        return ()
    return (
        f"features from {low:g} to {high:g} are used as they are: --scale standard or range brings them to size",
    )


def _labels(path: Path, y: np.ndarray, count: int | None) -> tuple[np.ndarray, int, tuple[str, ...]]:
    """The labels of an `.npz` file, how many classes there are, and how the labels were numbered, if they were."""
    if count is not None:
        return _whole(path, y), count, ()
    words = y.dtype.kind == "U"
    column = Column("y", cells=y.tolist()) if words else Column("y", _whole(path, y).astype(np.float64))
    if not words and column.values == list(range(len(column.values))):
        return _whole(path, y), len(column.values), ()
    labels, count, said = classes(Table(path, (column,), range(len(y))), column)
    return labels, count, (said,)


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
            "the classes 0, 1, 2, ..."
        )
    return labels.astype(np.int64)


def _dataset(
    path: Path,
    x: np.ndarray,
    shape: tuple[int, ...],
    y: np.ndarray,
    count: int,
    parties: _Parties,
    notes: tuple[str, ...],
) -> Dataset:
    party, names = parties
    return Dataset(
        shown(path.name),
        x,
        y.astype(np.int32),
        count,
        shape,
        f"the user's file {shown(path.name)}",
        observed_range(x),
        party=party,
        party_names=names,
        notes=notes,
    )
