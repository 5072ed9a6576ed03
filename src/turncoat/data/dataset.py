"""`Dataset`, the one form in which every loader hands over its records, and what it must satisfy."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from turncoat.refusal import Refusal

# A model has an output for each class: at this many the one-hot labels of 20,000 records take 0.8 GB
MOST_CLASSES = 10_000
_ROWS_AT_ONCE = 8192  # the finiteness test must not double the memory of a wide data set


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled records, flattened, with what must be known to split and to describe them.

    Shapes: `x` is float32 (n, d); `y` is int32 (n,), labels 0 .. classes - 1, or, by `task`, int32 (n, classes) of
    several "labels" at once, each 0 or 1, or float32 (n, classes) of "numbers"; `party`, if there is one, is
    int32 (n,): the contributing party of each record as an index into `party_names`.
    `shape` is the shape of one record before flattening, `range` the (lowest, highest) feature value.
    Records from `test_from` on are the official test records and may only go into the test part. `reserve`
    (k,) are the numbers of records that may only go into the tuning part, where there are no official ones.
    `source` is one line of provenance; `notes` say what was made of a user's file. A `stand_in` is synthetic
    and is never shown without saying so.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: int
    shape: tuple[int, ...]
    source: str
    range: tuple[float, float]
    stand_in: bool = False
    party: np.ndarray | None = None
    party_names: tuple[str, ...] = ()
    test_from: int | None = None
    reserve: np.ndarray | None = None
    task: Literal["classes", "labels", "numbers"] = "classes"
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name to print: `purchase100-like (synthetic stand-in)` for a stand-in."""
        return stand_in_label(self.name) if self.stand_in else self.name

    @cached_property
    def digest(self) -> str:
        """The SHA-256 digest of everything that numbers can depend on: the arrays, and what is said of them."""
        said = self.name, self.classes, self.shape, self.range, self.stand_in, self.test_from, self.task
        found = hashlib.sha256(repr((*said, self.party_names, self.source, self.notes)).encode())
        for array in (self.x, self.y, self.party, self.reserve):
            if array is not None:
                found.update(repr((array.shape, array.dtype.str)).encode())
                found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return found.hexdigest()

    def __len__(self) -> int:
        return len(self.x)


def stand_in_label(name: str) -> str:
    """How a synthetic stand-in is always named to people."""
    return f"{name} (synthetic stand-in)"


def flattened(x: np.ndarray) -> np.ndarray:
    """`x` (n, ...) as float32 (n, d); a value too large for float32 becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(x, dtype=np.float32).reshape(len(x), int(np.prod(x.shape[1:], dtype=int)))


def of_arrays(x: np.ndarray, y: np.ndarray, name: str = "arrays") -> Dataset:
    """A data set of arrays: records (n, ...) of any shape, and what is to be predicted of them.

    Whole numbers (n,) are classes, from 0 on; whole numbers or Booleans (n, k) are k labels at once, each 0 or 1;
    real numbers (n,) or (n, k) are numbers. Raises `Refusal` as `validated` does.
    """
    x, y = np.asarray(x), np.asarray(y)
    numbers = all(np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (x, y))
    if x.ndim < 2 or y.ndim not in (1, 2) or not numbers:
        raise Refusal(
            f"data of {name} must be numbers (records, ...) and targets (records,) or (records, k), not {x.dtype} of "
            f"shape {x.shape} and {y.dtype} of shape {y.shape}"
        )
    whole = np.issubdtype(y.dtype, np.integer) or y.dtype == bool
    task: Any = "numbers" if not whole else "classes" if y.ndim == 1 else "labels"
    rows, targets = flattened(x), y if y.ndim == 2 or task == "classes" else y[:, None]
    return validated(
        Dataset(
            name=name,
            x=rows,
            y=targets.astype(np.float32 if task == "numbers" else np.int32),
            classes=max(2, int(y.max(initial=0)) + 1) if task == "classes" else targets.shape[1],
            shape=x.shape[1:],
            source="arrays",
            range=observed_range(rows),
            task=task,
        )
    )


def observed_range(x: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest feature value; (0, 0) when there is none."""
    return (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)


def validated(dataset: Dataset) -> Dataset:
    """The data set itself, once it is known to be usable for training.

    Raises `Refusal`: no records, no features, lengths that differ, a NaN or infinite feature, a label out
    of range, one class only, more than `MOST_CLASSES`, a party out of range, a reserve that cannot be.
    """
    _check_lengths(dataset)
    {"classes": _check_labels, "labels": _check_bits, "numbers": _check_numbers}[dataset.task](dataset)
    _check_finite(dataset)
    _check_parties(dataset)
    _check_reserve(dataset)
    return dataset


def _check_lengths(dataset: Dataset) -> None:
    name, x, y = dataset.name, dataset.x, dataset.y
    if x.ndim != 2 or y.ndim != (1 if dataset.task == "classes" else 2):
        raise Refusal(
            f"{name}: features must be (records, features) and labels (records,), "
            f"not {x.shape} and {y.shape}."
        )
    if len(x) != len(y):
        raise Refusal(f"{name} has {len(x):,} records but {len(y):,} labels: give each record one label.")
    if x.size == 0:
        raise Refusal(
            f"{name} is empty ({x.shape[0]} records of {x.shape[1]} features): give it some records."
        )
    if int(np.prod(dataset.shape)) != x.shape[1]:
        raise Refusal(
            f"{name}: records of shape {dataset.shape} do not have the {x.shape[1]} features given."
        )


def _check_labels(dataset: Dataset) -> None:
    name, y, classes = dataset.name, dataset.y, dataset.classes
    if classes > MOST_CLASSES:
        raise Refusal(
            f"{name} has {classes:,} classes, more than the {MOST_CLASSES:,} that can be trained here: "
            "merge some, or give the features and the label in the right order."
        )
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if wrong.size:
        first = int(wrong[0])
        raise Refusal(
            f"{name}: the label {int(y[first])} of record {first} is out of range; "
            f"number the {classes} classes from 0 to {classes - 1}."
        )
    if y.min() == y.max():
        raise Refusal(f"{name}: all labels are {int(y[0])}; training needs records of at least two classes.")


def _check_bits(dataset: Dataset) -> None:
    wrong = np.argwhere((dataset.y != 0) & (dataset.y != 1))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise Refusal(
            f"{dataset.name}: label {column} of record {row} is {int(dataset.y[row, column])}; several labels at "
            "once are 0 or 1 each"
        )


def _check_numbers(dataset: Dataset) -> None:
    wrong = np.argwhere(~np.isfinite(dataset.y))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise Refusal(
            f"{dataset.name}: target {column} of record {row} is {dataset.y[row, column]}; leave such records out"
        )
    if (dataset.y == dataset.y[0]).all():
        raise Refusal(f"{dataset.name}: all targets are the same: there is nothing to be predicted.")


def _check_finite(dataset: Dataset) -> None:
    for start in range(0, len(dataset.x), _ROWS_AT_ONCE):
        finite = np.isfinite(dataset.x[start : start + _ROWS_AT_ONCE])
        if not finite.all():
            row, column = (int(i) for i in np.argwhere(~finite)[0])
            value = dataset.x[start + row, column]
            raise Refusal(
                f"{dataset.name}: feature {column} of record {start + row} is {value}; "
                "remove or fill in NaN and infinite values (float32 ends at 3.4e38)."
            )


def _check_parties(dataset: Dataset) -> None:
    if dataset.party is None:
        return
    name, party, known = dataset.name, dataset.party, len(dataset.party_names)
    if party.shape != dataset.y.shape[:1]:
        raise Refusal(
            f"{name} has {len(dataset.y):,} records but {party.size:,} parties: give each record one."
        )
    if party.min() < 0 or party.max() >= known:
        raise Refusal(f"{name}: number the {known} parties from 0 to {known - 1}.")


def _check_reserve(dataset: Dataset) -> None:
    if dataset.reserve is None:
        return
    if dataset.test_from is not None:
        raise Refusal(f"{dataset.name} has official test records, so that it needs no reserve: leave it out.")
    if len(set(dataset.reserve.tolist()) & set(range(len(dataset.y)))) != len(dataset.reserve):
        raise Refusal(
            f"{dataset.name}: name records of the reserve once each, from 0 to {len(dataset.y) - 1}."
        )
