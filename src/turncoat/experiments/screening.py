"""Screens of released models in an experiment: thresholds from honest runs, and what becomes of a flagged model.

A flagged model is not used, so that what an attack wanted of its answers does not come about. What the opened model
has told the adversary is told: attacks that read it keep their success, and are found out after the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.defences.cleanse import stands_out
from turncoat.defences.defence import Defence
from turncoat.defences.screens import Opened, Screen
from turncoat.defences.vicinity import moved
from turncoat.experiments.honest import answers
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import NOTHING
from turncoat.experiments.trial import Progress, Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named
from turncoat.jobs.loop import predictions, train
from turncoat.metrics import clopper_pearson
from turncoat.metrics.screens import alarm_threshold, least_rise
from turncoat.results.defended import Screened
from turncoat.results.values import Measured

OTHERS, SECOND = 2**30, 2**29  # JAX keeps 32 bits of a seed
"""Seeds that no trial has: of the first honest model for thresholds, and how far those of second runs lie."""
Second = Callable[[bool], Any]


def opened(trial: Trial, released: Any, second: Any = None) -> Opened:
    """A released model as its owners hold it, the test records, and a second model, if one was trained."""
    job, victim = trial.job, trial.splits.victim
    test, found = trial.splits.test, answers(trial, released)
    shaped, anatomy = test.x.reshape(-1, *trial.job.shape), trial.job.anatomy
    return Opened(
        weights={name: np.asarray(leaf) for name, leaf in named(released).items()},
        x=test.x,
        correct=found.correct,
        groups=test.party
        if test.party is not None
        else test.y
        if test.y.ndim == 1
        else np.zeros(len(test), int),
        predict=found.predict,
        moved=lambda: moved(job, released, victim.x.reshape(-1, *job.shape), job.labelled(victim.y)),
        cleansed=lambda: stands_out(job.scored, released, test.x, job.classes),
        other=None if second is None else answers(trial, second).predict(test.x),
        units=lambda: [np.asarray(anatomy.units(m, released, shaped)) for m in anatomy.maps if m.relu],
    )


@dataclass(frozen=True, eq=False)
class Foreseen:
    """What screens would say of released models, by an adversary's own records: their thresholds are public."""

    limits: Mapping[Screen, float]
    view: View

    @property
    def name(self) -> tuple[Any, ...]:
        """The screens and their thresholds, as plain values."""
        return tuple(sorted((screen.name, most) for screen, most in self.limits.items()))

    def __call__(self, released: Any) -> bool:
        view, job = self.view, self.view.job
        predict = partial(predictions, job, released)
        shaped, anatomy = view.shaped(view.x), view.anatomy
        one = Opened(
            weights={name: np.asarray(leaf) for name, leaf in named(released).items()},
            x=view.x,
            correct=predict(view.x) == view.y,
            groups=view.y if view.own_party is None else view.own_party,
            predict=predict,
            units=lambda: [np.asarray(anatomy.units(m, released, shaped)) for m in anatomy.maps if m.relu],
            moved=lambda: moved(job, released, shaped, job.labelled(view.y)),
            cleansed=lambda: stands_out(job.scored, released, view.x, job.classes),
        )
        said = scores(self.limits, one)
        return any(said[screen] > most for screen, most in self.limits.items())


def foreseen(target: Deployed, view: View) -> Foreseen | None:
    """What the adversary foresees of the screens of a job's defence; None without any, or where no class is told.

    What a second training would say it does not foresee.
    """
    found = {screen: most for screen, most in limits(target).items() if not screen.twice}
    return Foreseen(found, view) if found and target.job.task == "classes" else None


def scores(screens: Iterable[Screen], one: Opened) -> dict[Screen, float]:
    """What screens say of a model; of one with NaN or infinity in it, infinity."""
    sound = all(np.isfinite(leaf).all() for leaf in one.weights.values())
    return {screen: screen.score(one) if sound else float("inf") for screen in screens}


def limits(
    target: Deployed, progress: Progress = lambda *_: None, memory: Memory | None = None
) -> dict[Screen, float]:
    """The threshold of each screen of the job's defence, taken from honest models where it is not given."""
    screens = () if target.defence is None else target.defence.screens
    found = {s: s.threshold for s in screens if s.threshold is not None}
    for screen in screens:
        if screen.threshold is None:
            found[screen] = alarm_threshold(
                honest_scores(target, screens, progress, memory)[screen], screen.rate
            )
    return found


def honest_scores(
    target: Deployed, screens: Sequence[Screen], progress: Progress, memory: Memory | None = None
) -> dict[Screen, list[float]]:
    """What screens say of honest models of the job, trained on splits and from starts of their own, once."""
    memory = Memory(NOTHING) if memory is None else memory
    assert target.defence is not None
    known = target.memo.setdefault(("screens", target.defence.measures), {})
    new = [s for s in screens if s not in known]
    if new:
        most, what = max(s.models for s in new), "honest models for thresholds"
        rows = []
        for i in range(most):
            progress(what, i, most)
            rows.append(_honest_score(target, tuple(new), OTHERS + i, memory))
        progress(what, most, most)
        known |= {s: [row[s] for row in rows][: s.models] for s in new}
    return {s: known[s] for s in screens}


def honest_model(trial: Trial) -> Any:
    """What an honest training releases."""
    return train(trial.step, *trial.arguments(), None, trial.randomness)[0]


def again(trial: Trial) -> Trial:
    """A second training on the same records, with a start, an order and randomness of its own."""
    return replace(trial, seed=trial.seed + SECOND, memo={})


def _honest_score(
    target: Deployed, screens: tuple[Screen, ...], seed: int, memory: Memory
) -> dict[Screen, float]:
    """What screens say of one honest model, or of one and a second: a cell."""
    cell = {"cell": "screens", "screens": repr(screens), "seed": seed}
    stored = memory.recalled(target, cell)
    if stored is not None:
        return dict(stored.value)
    watch, trial = memory.timed(), Trial.of(target, seed)
    second = honest_model(again(trial)) if any(s.twice for s in screens) else None
    said = scores(screens, opened(trial, honest_model(trial), second))
    found: dict[Screen, float] = memory.kept(target, cell, said, watch())
    return found


def flags(limits: dict[Screen, float], trial: Trial, released: Any, second: Second) -> frozenset[Screen]:
    """Which screens flag a released model; `second(both)` is a second training's, attacked if both are."""
    if not limits:
        return frozenset()
    found: frozenset[Screen] = frozenset()
    for twice in {screen.twice for screen in limits}:
        own = [screen for screen in limits if screen.twice == twice]
        said = scores(own, opened(trial, released, second(twice == "both") if twice else None))
        found |= {screen for screen in own if said[screen] > limits[screen]}
    return found


def unused(runs: Sequence[Any], attack: Attack, defence: Defence | None) -> list[Any]:
    """Runs (with the fields of `runs.Run`) as they count where models that the defence's screens flag go unused."""
    if defence is None or not defence.screens or attack.needs.reads != "nothing" or attack.goal.of_aborts:
        return list(runs)
    return [_unused(r) if r.flagged & set(defence.screens) else r for r in runs]


def _unused(run: Any) -> Any:
    return replace(run, judged=replace(run.judged, flags=np.zeros_like(run.judged.flags)))


def screened(target: Deployed, honest: Sequence[Any], attacked: Sequence[Any]) -> dict[str, Screened]:
    """How often each screen raised an alarm, of honest and of attacked models that were released."""
    found = {}
    for screen, most in limits(target).items():
        values = (
            [] if screen.threshold is not None else honest_scores(target, (screen,), lambda *_: None)[screen]
        )
        found[screen.name] = Screened(
            threshold=most,
            alarms=_share(screen, attacked),
            false_alarms=_share(screen, honest),
            models=len(values),
            rise=least_rise(values, most) if values else None,
        )
    return found


def _share(screen: Screen, runs: Sequence[Any]) -> Measured | None:
    left = [r for r in runs if not r.aborted]
    flagged = sum(screen in r.flagged for r in left)
    return Measured.of(clopper_pearson(flagged, len(left))) if left else None
