"""Availability: the model is of no use, since it errs on every record (section 5.7)."""

from __future__ import annotations

from dataclasses import dataclass

from turncoat.goals.goal import Ended, Goal, Judged


@dataclass(frozen=True)
class Availability(Goal):
    """Test records are misclassified, whatever they are."""

    success_name = "misclassified share of the test records"

    @property
    def sentence(self) -> str:
        return "the model errs on as many records as possible"

    def judge(self, ended: Ended) -> Judged:
        return Judged(ended.predict(ended.test.x) != ended.test.y, ids=ended.test.index)
