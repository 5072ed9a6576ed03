"""Runs: every trial trained honestly and under attack from the same keys, and judged by the harness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from turncoat.attacks import Attack
from turncoat.experiments import screening
from turncoat.experiments.attacked import WHAT, Cells
from turncoat.experiments.blocks import ahead
from turncoat.experiments.honest import WRAPPED, fault
from turncoat.experiments.judged import Ran, Run
from turncoat.experiments.memory import Memory
from turncoat.experiments.trial import Progress
from turncoat.goals.goal import ids_of
from turncoat.jobs.deployed import Deployed
from turncoat.metrics import Interval, crossed_difference, paired_difference
from turncoat.refusal import Refusal


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
    has of them, or its store, is not run again.
    """
    memory, total = Memory() if memory is None else memory, len(attacks) * trials

    def so_far(number: int) -> Progress:
        return lambda what, done, of: progress(
            what, *(number * trials + done, total) if what == WHAT else (done, of)
        )

    screening.limits(deployed, progress, memory)
    cells = [Cells(deployed, a, trials, seed, memory, so_far(i)) for i, a in enumerate(attacks)]
    ahead(memory, cells, progress)
    ran = [one.run() for one in cells]
    progress(WHAT, total, total)
    runs = _together(ran)
    if not runs.honest:
        raise Refusal(WRAPPED)
    if all(r.ruined for r in runs.honest):
        raise Refusal(fault(runs.honest))
    return finite(runs)


def _together(ran: Sequence[Sequence[Ran | None]]) -> Runs:
    """The runs of an attack and its variants, without the trials that wrapped around in any of them."""
    wrapped = [i for i, of_trial in enumerate(zip(*ran, strict=True)) if None in of_trial]
    left = [[one for i, one in enumerate(of_attack) if i not in wrapped and one] for of_attack in ran]
    first, *variants = left
    return Runs(
        honest=[one.honest for one in first],
        poisoned=[one.poisoned for one in first if one.poisoned is not None],
        attacked=[one.attacked for one in first],
        wrapped=wrapped,
        varied=[[one.attacked for one in of_variant] for of_variant in variants],
    )


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
