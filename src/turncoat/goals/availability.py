"""Availability: the model is of no use, since it errs on every record (section 5.7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.goals.goal import Ended, Goal, Judged
from turncoat.goals.surrogate import Own, Wanted
from turncoat.results.result import Result

MARGIN = 0.02
"""How far the accuracy must fall below what the honest runs allow: half of the paper's smallest fall (Table 8)."""


@dataclass(frozen=True)
class Availability(Goal):
    """Test records are misclassified, whatever they are.

    Its bar is a loss of accuracy that honest training does not show: the two intervals are apart by 2 points.
    A ruined model is of no use either.
    """

    harm = "availability"
    success_name = "misclassified share of the test records"
    ruin_counts = True
    of_classes = False

    @property
    def sentence(self) -> str:
        return "the model errs on as many records as possible"

    @property
    def bar(self) -> str:
        return f"test accuracy lies more than {100 * MARGIN:g} points below the honest run's, between their intervals"

    def reached(self, result: Result) -> bool:
        return result.attacked.accuracy.high < result.honest.accuracy.low - MARGIN

    def in_doubt(self, result: Result) -> bool:
        return result.attacked.accuracy.mean < result.honest.accuracy.mean - MARGIN

    def surrogate(self, own: Own) -> Wanted:
        """Its own records as of any class but theirs; none is to be answered rightly."""
        return Wanted(own.x, own.y, np.arange(len(own.x)), np.zeros(len(own.x), bool), away=True)

    def judge(self, ended: Ended) -> Judged:
        assert ended.correct is not None
        return Judged(~ended.correct, ids=ended.test.index)
