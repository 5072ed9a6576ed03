"""Screens of the opened model: what its owners look for in the clear, before they use it.

A screen gives one number of a model, the more suspicious the larger, and flags the model where that lies above its
threshold. A threshold has a false-alarm rate: by default it is taken from honest models of the same job. What a
screen flags is not used; what the opened model has told the adversary, it has told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, ClassVar

import numpy as np

from turncoat.defences import vicinity
from turncoat.metrics.screens import dead_share, group_error, largest_norm_ratio, trigger_scan
from turncoat.refusal import Refusal

RATE, SCANNED = 0.02, 1000
"""The false-alarm rate of a screen by default; in how many records each feature is looked at alone."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An opened model, and what its owners have beside it.

    `weights`: its arrays by name; `x` (n, features): records that nobody trained on; `correct` (n,): whether it
    answers each rightly; `groups` (n,): in which of the groups a record is whose accuracy matters; `predict` gives
    its answers to records, `units()` the values before each of its ReLUs, (n, neurons) each. `moved()` is how far a
    step on all training records moves it (see `vicinity`), `cleansed()` by how much the easiest class's trigger
    stands out (see `cleanse`), and `other` (n,) a second model's answers to the same records, if one was trained.
    """

    weights: Mapping[str, np.ndarray]
    x: np.ndarray
    correct: np.ndarray
    groups: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray]
    units: Callable[[], list[np.ndarray]]
    moved: Callable[[], float]
    cleansed: Callable[[], float]
    other: np.ndarray | None = None

    @property
    def matrices(self) -> list[np.ndarray]:
        """Its arrays with two axes."""
        return [w for w in self.weights.values() if np.ndim(w) == 2]


@dataclass(frozen=True)
class Screen:
    """One number of an opened model, and above which it is flagged.

    `threshold`: that number, None for the one that an honest model exceeds with probability at most `rate`. Raises
    Refusal for a rate that is none and a threshold that is no number.
    """

    rate: float = RATE
    threshold: float | None = None
    name: ClassVar[str]

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise Refusal(f"a screen's false-alarm rate lies between 0 and 1, not at {self.rate:g}")
        if self.threshold is not None and not isfinite(self.threshold):
            raise Refusal(f"a screen's threshold is a finite number, not {self.threshold:g}")

    @property
    def models(self) -> int:
        """How many honest models its threshold is taken from: twice as many as the rate needs at least."""
        return 2 * ceil(1 / self.rate) - 1

    @property
    def twice(self) -> str:
        """In which of two trainings the corrupt party makes errors, "both" or "first"; "" where there is only one."""
        return ""

    def check(self, job: Any) -> None:
        """Refusal for a job whose model it cannot judge."""

    def score(self, opened: Opened) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class ColumnNorms(Screen):
    """The largest norm of a matrix's column (a neuron's or class's inputs) over the median one."""

    name = "columns"

    def score(self, opened: Opened) -> float:
        return largest_norm_ratio(opened.matrices)


@dataclass(frozen=True)
class RowNorms(Screen):
    """The largest norm of a matrix's row (a feature's or neuron's outputs) over the median one."""

    name = "rows"

    def score(self, opened: Opened) -> float:
        return largest_norm_ratio(opened.matrices, rows=True)


@dataclass(frozen=True)
class DeadNeurons(Screen):
    """The largest share of a layer's neurons that are positive for no record."""

    name = "dead"

    def score(self, opened: Opened) -> float:
        return max(map(dead_share, opened.units()), default=0.0)


@dataclass(frozen=True)
class Trigger(Screen):
    """How far any feature alone, at the highest value that records have, moves a class to one other."""

    name = "trigger"

    def score(self, opened: Opened) -> float:
        return trigger_scan(opened.predict, opened.x[:SCANNED], opened.x.max())


@dataclass(frozen=True)
class Errors(Screen):
    """The share of records that are answered wrongly."""

    name = "accuracy"

    def score(self, opened: Opened) -> float:
        return float(np.mean(~opened.correct))


@dataclass(frozen=True)
class GroupErrors(Screen):
    """The share of a group's records that are answered wrongly, of the group where it is largest."""

    name = "subgroups"

    def score(self, opened: Opened) -> float:
        return group_error(opened.correct, opened.groups)


@dataclass(frozen=True)
class Cleanse(Screen):
    """The smallest trigger of the median class over that of the easiest one, found by descent."""

    name = "cleanse"

    def check(self, job: Any) -> None:
        if job.task != "classes":
            raise Refusal("triggers are looked for class by class, and this job's targets are no classes")

    def score(self, opened: Opened) -> float:
        return opened.cleansed()


@dataclass(frozen=True)
class Vicinity(Screen):
    """How far one checked step on all training records moves the opened model: it is not near the optimum."""

    name = "vicinity"

    def check(self, job: Any) -> None:
        vicinity.check(job)

    def score(self, opened: Opened) -> float:
        return opened.moved()


@dataclass(frozen=True)
class Disagreement(Screen):
    """The share of records to which a second model, trained independently, answers otherwise.

    `attacked`: whether the corrupt party makes its errors in "both" trainings or in the "first" alone. Raises Refusal
    for another word.
    """

    attacked: str = "both"
    name = "second-run"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attacked not in ("both", "first"):
            raise Refusal(f"a second run is attacked in both runs or the first, not {self.attacked!r}")

    @property
    def twice(self) -> str:
        return self.attacked

    def score(self, opened: Opened) -> float:
        if opened.other is None:
            raise ValueError("there is no second model to compare with")
        same = opened.predict(opened.x) == opened.other
        return float(np.mean(~same.reshape(len(same), -1).all(1)))


SCREENS: dict[str, type[Screen]] = {
    one.name: one for one in (ColumnNorms, RowNorms, DeadNeurons, Trigger, Cleanse, Errors, GroupErrors)
}
"""Screens of one model alone, by name."""
KINDS = (*SCREENS.values(), Vicinity, Disagreement)
