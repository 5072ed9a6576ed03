"""Targeted poisoning: a few test records, drawn at random, take a class drawn at random (sections 5.1, 5.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.data import Dataset, Splits
from turncoat.goals.goal import Case, Ended, Goal, Judged
from turncoat.goals.surrogate import INDEPENDENT, Own, Wanted
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Targeted(Goal):
    """`records` test records of other classes are all classified as one class.

    The harness draws both for each trial and tells the adversary `records` (records, features) and `labels`
    (records,), the class wanted of each; the true labels it does not tell.
    """

    harm = "targeted"
    records: int = 5

    @property
    def sentence(self) -> str:
        chosen = "1 test record" if self.records == 1 else f"{self.records} test records"
        return f"{chosen}, drawn at random, take another class, drawn at random"

    def check(self, dataset: Dataset) -> None:
        if self.records < 1:
            raise Refusal(f"a targeted attack needs at least one record to aim at, not {self.records}")

    def draw(self, splits: Splits, rng: np.random.Generator) -> Case:
        target = rng.choice(np.unique(splits.victim.y))
        others = np.flatnonzero(splits.test.y != target)
        if len(others) < self.records:
            raise Refusal(
                f"only {len(others)} test records are not of class {target} already; aim at so many, not at "
                f"{self.records}"
            )
        chosen = rng.choice(others, self.records, replace=False)
        told = {"records": splits.test.x[chosen], "labels": np.full(self.records, target)}
        return Case(splits.victim, told, {"index": splits.test.index[chosen]})

    def surrogate(self, own: Own) -> Wanted:
        """The chosen records as of the classes wanted of them."""
        x, y = own.told["records"], own.told["labels"]
        return Wanted(x, y, np.full(len(x), INDEPENDENT), np.ones(len(own.x), bool))

    def judge(self, ended: Ended) -> Judged:
        told = ended.case.told
        hit = ended.predict(told["records"]) == told["labels"]
        return Judged(hit, ids=ended.case.hidden["index"])
