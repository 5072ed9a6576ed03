"""What a defence leaves of runs that nobody looked at: success times the probability that nothing is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.experiments.runs import Run
from turncoat.jobs.deployed import Deployed
from turncoat.metrics import mean_interval
from turncoat.results.matrix import Cell
from turncoat.results.values import Measured


def under(target: Deployed, defence: Defence) -> Deployed:
    """The same job under a defence."""
    return replace(target, defence=defence)


def counting(target: Deployed, defence: Defence | None = None) -> Deployed:
    """The job with the measures of a defence, its messages counted and none looked at."""
    return under(target, Defence("nothing", measures=() if defence is None else defence.measures))


def cell(runs: Sequence[Run], passive: Measured, defence: Defence, checks: Checks) -> Cell:
    """The passive success, interval and all, times the probability that nothing is found."""
    missed = [defence.missed_by(by_site(r), checks.policy) for r in runs]
    low, high = passive.low * min(missed), passive.high * max(missed)
    left = {
        "mean": float(
            np.clip(passive.mean * np.mean(missed), low, high)
        ),  # a mean of equal numbers may be an ulp off
        "low": low,
        "high": high,
        "how": f"{passive.how}; times the probability that nothing is found",
    }
    detected = mean_interval([1 - m for m in missed], bounds=(0.0, 1.0))
    return Cell(detected=Measured.of(detected), success=passive.model_copy(update=left))


def by_site(run: Run) -> dict[str, float]:
    counted: Mapping[str, Any] = {} if run.tally is None else run.tally.messages
    return {name: float(n) for name, n in counted.items()}


def messages(run: Run) -> float:
    return sum(by_site(run).values())
