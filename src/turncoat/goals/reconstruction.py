"""Reconstruction: training records are read off the released model (section 5.4, Figs. 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from turncoat.goals.goal import Ended, Goal, Judged, Over, Summary
from turncoat.goals.surrogate import Copies, Own
from turncoat.metrics import ratio_interval
from turncoat.metrics.images import mean_absolute_error, ssim
from turncoat.results.result import Result
from turncoat.results.values import Gallery

SHOWN = 10
MOST = 0.5
"""The share of trials that must show a record: a guess that is lucky half of the time is no guess."""


@dataclass(frozen=True, eq=False)
class Taken:
    """What an adversary claims to have read: `records` (k, features), and in which step (k,) and at which
    position of its batch (k,) each of them was trained on."""

    records: np.ndarray
    steps: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class Reconstruction(Goal):
    """`records` of the victims' records are recovered with a mean absolute error of at most `error`.

    The error is a share of the features' span. The harness finds the true record by the public batch order.

    Its bar is one record: a private record that is read is a breach, whatever became of the others. It must be
    read where the honest model shows none, in more than half of the trials, so that no lucky guess counts.
    """

    harm = "reconstruction"
    records: int = 1
    error: float = 0.05
    success_name = "share of records recovered"
    of_classes = False
    over: ClassVar[Mapping[str, Over]] = {"mae": ratio_interval}

    @property
    def sentence(self) -> str:
        which = "a training record is" if self.records == 1 else f"{self.records} training records are"
        return f"{which} read off the released model, up to a mean absolute error of {self.error:g}"

    @property
    def bar(self) -> str:
        return "at least one record more than off the honest model is read, in more than half of the trials"

    def reached(self, result: Result) -> bool:
        honest, attacked = (result.per_trial[f"{run}_success"] for run in ("honest", "attacked"))
        return bool(np.mean(np.greater(attacked, honest)) > MOST)

    def surrogate(self, own: Own) -> Copies:
        """Copies of the first records of the first batch."""
        return Copies(self.records, np.ones(len(own.x), bool))

    def judge(self, ended: Ended) -> Judged:
        taken, victim = ended.taken, ended.case.victim
        assert ended.order is not None and len(taken.records) == self.records
        truth = victim.x[ended.order[taken.steps, taken.positions]]
        low, high = float(victim.x.min()), float(victim.x.max())
        errors = mean_absolute_error(taken.records, truth, high - low)
        measures = {"mae": float(errors.mean())}
        if len(ended.shape) == 2:
            measures["ssim"] = float(
                ssim(taken.records, truth, (ended.shape[0], ended.shape[1]), high - low).mean()
            )
        scaled = {
            n: (a - low) / (high - low) for n, a in (("originals", truth), ("recovered", taken.records))
        }
        ids = victim.index[ended.order[taken.steps, taken.positions]]
        return Judged(errors <= self.error, measures, scaled | {"shape": np.array(ended.shape)}, ids)

    def summary(self, runs: Sequence[Judged]) -> Summary:
        return replace(super().summary(runs), gallery=_gallery(runs))


def _gallery(runs: Sequence[Judged]) -> Gallery | None:
    """The first records of the trials in turn, if they are images."""
    shape = tuple(int(n) for n in runs[0].arrays["shape"])
    if len(shape) != 2:
        return None
    most = max(len(r.flags) for r in runs)
    turns = [(r, i) for i in range(most) for r in runs if i < len(r.flags)][:SHOWN]
    originals, recovered = (
        tuple(tuple(np.clip(np.nan_to_num(r.arrays[name][i]), 0, 1).round(3).tolist()) for r, i in turns)
        for name in ("originals", "recovered")
    )
    return Gallery(shape=shape, originals=originals, recovered=recovered)
