"""Runs: every trial trained honestly and under attack from the same keys, and judged by the harness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from math import isfinite
from typing import Any

import numpy as np

from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.data import Part
from turncoat.defences.ideal import Tally
from turncoat.defences.screens import Screen
from turncoat.experiments import screening
from turncoat.experiments.honest import WRAPPED, answers, fault, has_wrapped
from turncoat.experiments.trial import Progress, Trial
from turncoat.goals import Ended, Judged
from turncoat.goals.goal import ids_of
from turncoat.jobs.deployed import Deployed, Step
from turncoat.jobs.leaves import named
from turncoat.jobs.loop import Schedule, Tampering, each, train
from turncoat.metrics import Interval, crossed_difference, paired_difference
from turncoat.refusal import Refusal


@dataclass(frozen=True, eq=False)
class Run:
    """One training run, judged by the harness on the test part, and how many products were tampered with.

    `correct` and `common` are Booleans per test record, as `ruined` is of the model: see `honest.Answers`. A run that
    was `aborted` has released nothing; `tally` says what was counted and found in it.
    `index` says which records of the data set the Booleans are about: trials share test records. `flagged` are the
    screens of the defence that flag the released model (see `screening`).
    """

    correct: np.ndarray
    judged: Judged
    errors: int
    common: np.ndarray
    ruined: bool
    index: np.ndarray | None = None
    aborted: bool = False
    tally: Tally | None = None
    flagged: frozenset[Screen] = frozenset()


@dataclass(frozen=True, eq=False)
class Runs:
    """Every trial's runs, from the same keys: honest, on contributed records without errors, attacked.

    `wrapped` are the numbers of trials left out because a run of theirs wrapped around (see `has_wrapped`);
    `varied` are the attacked runs of each variant of the attack.
    """

    honest: list[Run] = field(default_factory=list)
    poisoned: list[Run] = field(default_factory=list)
    attacked: list[Run] = field(default_factory=list)
    wrapped: list[int] = field(default_factory=list)
    varied: list[list[Run]] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, list[Run]]:
        """The kinds of run that there are, by name."""
        kinds = {"honest": self.honest, "poisoned": self.poisoned, "attacked": self.attacked}
        return {name: runs for name, runs in kinds.items() if runs}


def per_trial(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Accuracy, success and the goal's measures of runs of one kind, by name, one entry per trial.

    An aborted run has no measures: then there is none with an entry per trial.
    """
    found = {
        "accuracy": [float(np.mean(r.correct)) for r in runs],
        "success": [float(np.mean(r.judged.flags)) for r in runs],
    }
    names = () if any(r.aborted for r in runs) else runs[0].judged.measures
    return found | {n: [float(r.judged.measures[n]) for r in runs] for n in names}


def accuracy_change(honest: Sequence[Run], attacked: Sequence[Run]) -> Interval:
    """Attacked minus honest accuracy, paired by trial and test record."""
    index = ids_of([r.index for r in honest])
    return crossed_difference([r.correct for r in honest], [r.correct for r in attacked], index)


def gain(honest: Sequence[Run], attacked: Sequence[Run]) -> Interval:
    """Attacked minus honest success, paired by trial, and by record where both runs are judged on the same ones."""
    before, after = ([r.judged for r in runs] for runs in (honest, attacked))
    if all(
        b.flags.shape == a.flags.shape and _same(b.ids, a.ids) for b, a in zip(before, after, strict=True)
    ):
        return crossed_difference(
            [b.flags for b in before], [a.flags for a in after], ids_of([b.ids for b in before])
        )
    rates = [[float(np.mean(j.flags)) for j in of_kind] for of_kind in (before, after)]
    return paired_difference(rates[0], rates[1], bounds=(-1, 1))


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


@dataclass(frozen=True, eq=False)
class Attacked:
    """A trial, drawn for a goal, and attacks with that goal: what the adversary computes, and the judgement.

    `shared` holds, by the attack's number, the plans that serve all trials.
    """

    trial: Trial
    attacks: tuple[Attack, ...]
    progress: Progress = lambda *_: None
    shared: dict[int, Any] = field(default_factory=dict)

    @cached_property
    def view(self) -> View:
        """The adversary's view, one for all attacks."""
        return replace(self.trial.view(self.attacks[0].goal), said=self.progress)

    @cached_property
    def plans(self) -> tuple[Any, ...]:
        """What each attack computed before training."""
        return tuple(self._plan(i, a) for i, a in enumerate(self.attacks))

    def _plan(self, number: int, attack: Attack) -> Any:
        if not attack.one_plan:
            return attack.prepare(self.view)
        if number not in self.shared:
            self.shared[number] = attack.prepare(self.view)
        return self.shared[number]

    @cached_property
    def victim(self) -> Part:
        """The records of the attacked runs: those of the trial, or a colluding contributor's among them."""
        victim = self.trial.splits.victim
        if not self.attacks[0].needs.colluding_contributor:
            return victim
        return contributed(victim, self.attacks[0].contribute(self.view))

    def arguments(self) -> tuple[Any, ...]:
        """The arrays that are trained on: honestly (None if that has been done), under attack, with which tampering
        and randomness."""
        tampering = [a.tampering(plan) for a, plan in zip(self.attacks, self.plans, strict=True)]
        plain = None if self.trial.honestly in self.trial.memo else self.trial.arguments()
        return plain, self.trial.arguments(self.victim), tampering, self.trial.randomness

    def judged(self, attack: int | None, released: Any, tally: Tally) -> Run:
        """A released model by test accuracy and goal; `attack` numbers the attack, None is a run without errors.

        The first attack's exploit is turned on honest models too: the negative control.
        """
        t, number, errors, aborted = self.trial, attack or 0, int(tally.errors), bool(tally.aborted)
        one, answered = self.attacks[number], answers(t, released)
        ended = Ended(
            predict=answered.predict,
            test=t.splits.test,
            correct=answered.correct,
            case=t.case,
            taken=one.exploit(self.view, self.plans[number], released),
            tampered=attack is not None,
            order=np.asarray(t.schedule.order),
            shape=t.job.shape,
            weights={n: np.asarray(p) for n, p in named(released).items()},
            errors=errors,
            ruined=answered.ruined,
            fires=self.fires,
        )
        judged = one.goal.judge(ended)
        useless = aborted or (answered.ruined and not one.goal.ruin_counts)
        if useless and not one.goal.of_aborts:
            judged = replace(judged, flags=np.zeros_like(judged.flags))
        ruined = answered.ruined and not aborted
        flagged = frozenset() if aborted else screening.flags(screening.limits(t.deployed), t, released)
        return Run(
            answered.correct, judged, errors, answered.common, ruined, answered.index, aborted, tally, flagged
        )

    def fires(self, neuron: int, position: int) -> bool:
        """Whether a neuron of the first layer with ReLUs fires for a record of the first batch, before any step."""
        job, order = self.trial.job, self.trial.schedule.order
        at = next(m for m in job.anatomy.maps if m.relu)
        record = self.victim.x[int(order[0, position])].reshape(1, *job.shape)
        start = job.release(job.init(self.trial.keys[0]))
        return bool(job.anatomy.units(at, start, record)[0, neuron] > 0)


def contributed(victim: Part, records: tuple[Any, Any]) -> Part:
    """The victims' records, the last of them replaced by a colluding contributor's."""
    x, y = (np.asarray(a) for a in records)
    if len(x) > len(victim):
        raise Refusal(f"a contributor of {len(x)} records does not fit into {len(victim)}; let it give fewer")
    kept = len(victim) - len(x)
    return replace(
        victim,
        x=np.concatenate([victim.x[:kept], x.astype(victim.x.dtype)]),
        y=np.concatenate([victim.y[:kept], y.astype(victim.y.dtype)]),
    )


def run_trials(
    deployed: Deployed,
    attacks: Sequence[Attack],
    trials: int,
    seed: int,
    progress: Progress,
    memory: Memory | None = None,
) -> Runs:
    """Honest and attacked runs of every trial, from the same keys.

    The attacks after the first are variants of it, with the same goal: each attacks every trial too. What `memory`
    holds of a trial is not trained again.
    """
    goal, what = attacks[0].goal, "training honestly and under attack"
    shared: dict[int, Any] = {}

    def drawn() -> Iterator[Attacked]:
        for i in range(trials):
            progress(what, i, trials)
            split_seed = seed if goal.one_split or attacks[0].one_plan else None
            memo = {} if memory is None else memory[seed + i, split_seed]
            trial = Trial.of(deployed, seed + i, split_seed, memo).drawn(goal)
            yield Attacked(trial, tuple(attacks), progress, shared)

    runs, trials_left = Runs(varied=[[] for _ in attacks[1:]]), drawn()
    first = next(trials_left)
    screening.limits(deployed, progress)
    run = _trained(first.trial.step, attacks[0].needs.colluding_contributor)
    for i, (attacked, models) in enumerate(each(run, chain([first], trials_left), Attacked.arguments)):
        collect(runs, i, attacked, models)
    progress(what, trials, trials)
    if not runs.honest:
        raise Refusal(WRAPPED)
    if all(r.ruined for r in runs.honest):
        raise Refusal(fault(runs.honest))
    return finite(runs)


def finite(runs: Runs) -> Runs:
    """The runs without the measures that are no finite number in some run, as of a ruined model's weights."""
    every = [runs.honest, runs.poisoned, runs.attacked, *runs.varied]
    measures = [r.judged.measures for of_kind in every for r in of_kind if not r.aborted]
    kept = [n for n in measures[0] if all(isfinite(m[n]) for m in measures)]
    if len(kept) == len(measures[0]):
        return runs

    def without(of_kind: list[Run]) -> list[Run]:
        left = ({n: r.judged.measures[n] for n in kept} for r in of_kind)
        return [replace(r, judged=replace(r.judged, measures=m)) for r, m in zip(of_kind, left, strict=True)]

    honest, poisoned, attacked, *varied = map(without, every)
    return replace(runs, honest=honest, poisoned=poisoned, attacked=attacked, varied=varied)


Memory = defaultdict[tuple[int, int | None], dict[Any, Any]]
"""What has been trained of each trial, by its seed and its split's: see `Trial.memo`."""

Given = tuple[Any, Any, Any, Schedule]
"""Initial state, records, encoded labels and schedule of a run."""


def _trained(step: Step, contributes: bool) -> Callable[..., tuple[Any, ...]]:
    """What is trained on a trial's arguments: honestly, on contributed records without errors, and attacked."""

    def every(plain: Given | None, poisoned: Given, tampering: list[Tampering], key: Any) -> tuple[Any, ...]:
        honest = None if plain is None else train(step, *plain, None, key)
        middle = train(step, *poisoned, None, key) if contributes else None
        return honest, middle, *(train(step, *poisoned, t, key) for t in tampering)

    return every


def collect(runs: Runs, number: int, trial: Attacked, models: tuple[Any, ...]) -> None:
    """A trial's released models, judged, to where they belong; a wrapped trial is only named."""
    memo, name = trial.trial.memo, trial.trial.honestly
    models = (memo.setdefault(name, models[0]), *models[1:])
    if any(has_wrapped(trial.trial.step.engine, model[0]) for model in models if model is not None):
        runs.wrapped.append(number)
        return
    honest, middle, *attacked = models
    runs.honest.append(trial.judged(None, *honest))
    if middle is not None:
        runs.poisoned.append(trial.judged(None, *middle))
    for i, (kind, model) in enumerate(zip((runs.attacked, *runs.varied), attacked, strict=True)):
        kind.append(trial.judged(i, *model))
