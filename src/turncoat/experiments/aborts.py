"""Runs that the honest parties abort: a third outcome beside honest and attacked ones, and what checks found.

An aborted run releases no model: it is no success, and its accuracy is none. Rates of success are over all runs,
accuracies over those that released something.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.experiments import screening
from turncoat.experiments.honest import accuracy
from turncoat.goals import Goal
from turncoat.goals.goal import Summary, success
from turncoat.jobs.deployed import Deployed
from turncoat.metrics import Interval, clopper_pearson, mean_interval
from turncoat.metrics.privacy import DELTA, epsilon
from turncoat.refusal import Refusal
from turncoat.results.defended import Defended, Found
from turncoat.results.result import Outcome
from turncoat.results.values import Measured

NO_MODEL = "every run was aborted: there is no model"


def check(goal: Goal, target: Deployed) -> None:
    """Refuses a goal that is about aborts where no run can be aborted."""
    if goal.of_aborts and not can_abort(target):
        raise Refusal(
            "nothing is checked here, so no run is aborted and no abort tells anything: give a defence that checks"
        )


def can_abort(target: Deployed) -> bool:
    """Whether anything in a job's runs can end in an abort: a defence, or an engine that proves its messages."""
    checked = target.defence is not None and target.defence.aborts
    return checked or getattr(target.engine, "policy", None) is not None


def released(runs: Sequence[Any]) -> list[Any]:
    """The runs (with the fields of `runs.Run`) that were not aborted."""
    return [r for r in runs if not r.aborted]


def summary(goal: Goal, runs: Sequence[Any]) -> Summary:
    """The goal's summary of runs of one kind; success over all of them, everything else over those not aborted."""
    left = released(runs)
    if len(left) == len(runs):
        return goal.summary([r.judged for r in runs])
    every = success([r.judged for r in runs])
    if not left:
        return Summary(every)
    found = goal.summary([r.judged for r in left])
    return Summary(every, found.measures, found.curves, found.gallery)


def outcome(runs: Sequence[Any], found: Summary) -> Outcome:
    """How runs of one kind ended."""
    left = released(runs)
    right = accuracy(left) if left else Interval(0.0, 0.0, 0.0, len(runs), how=NO_MODEL)
    ruined = sum(r.ruined for r in runs)
    return Outcome.of(right, found.success, found.measures, ruined, aborted=len(runs) - len(left))


def both_released(honest: Sequence[Any], attacked: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Pairs of runs of which neither was aborted."""
    pairs = [(h, a) for h, a in zip(honest, attacked, strict=True) if not h.aborted and not a.aborted]
    return [h for h, _ in pairs], [a for _, a in pairs]


def defended(target: Deployed, honest: Sequence[Any], attacked: Sequence[Any]) -> Defended | None:
    """What the checks and screens of a defence found; None where there is none."""
    defence, checks = target.defence, target.checks
    if defence is None or checks is None:
        return None
    caught = [r for r in attacked if r.aborted]
    detected, alarms = (sum(r.aborted or bool(r.flagged) for r in runs) for runs in (attacked, honest))
    chances = [_expected(defence, checks, r.tally.messages) for r in attacked]
    return Defended(
        defence=defence.name,
        checks=_told(checks),
        detected=Measured.of(clopper_pearson(detected, len(attacked))),
        expected=Measured.of(mean_interval(chances, bounds=(0.0, 1.0))),
        false_alarms=Measured.of(clopper_pearson(alarms, len(honest))),
        messages=round(float(np.mean([_messages(r.tally) for r in attacked]))),
        deterrence=defence.least(checks.policy),
        first=tuple(Found(step=int(r.tally.step), site=checks.called(int(r.tally.site))) for r in caught),
        screens=screening.screened(target, honest, attacked),
        **private(defence, target),
    )


def private(defence: Defence, target: Deployed) -> dict[str, float]:
    """The epsilon and delta of a defence with noise."""
    if not defence.noise:
        return {}
    return {"epsilon": epsilon(defence.noise, target.job.epochs), "delta": DELTA}


def _expected(defence: Defence, checks: Checks, messages: Any) -> float:
    return 1 - defence.missed_by({name: float(n) for name, n in messages.items()}, checks.policy)


def _messages(tally: Any) -> int:
    return sum(int(n) for n in tally.messages.values())


def _told(checks: Checks) -> dict[str, tuple[str, ...]]:
    ways = dict.fromkeys(str(check) for check in checks.policy.values() if check.share)
    return {way: tuple(n for n, check in checks.policy.items() if str(check) == way) for way in ways}
