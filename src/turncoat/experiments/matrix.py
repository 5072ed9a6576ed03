"""Attacks against defences: what each defence leaves of each attack, and at which price.

An attack is run once, its deviating messages counted by site (once more for each set of measures around the step,
which the adversary knows). A check changes nothing of a run but whether it is aborted, a screen nothing but whether
its model is used, so under each defence the success of a run is its success here, with the probability that nothing
is found, which follows from the counts (see `metrics.detection`). Beside that each attack is planned again in the
knowledge of each defence (see `adaptive`): without that column nothing is said of whether a defence suffices, and
with it no more than that the plans tried do not break it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from turncoat import attacks, defences
from turncoat.attacks import Attack
from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.defences.measures import Measure
from turncoat.experiments import aborts, honest
from turncoat.experiments.adaptive import Adversary, Effort
from turncoat.experiments.cell import by_site, cell, counted, counting, messages, under
from turncoat.experiments.experiment import check_trials
from turncoat.experiments.judged import Run
from turncoat.experiments.memory import Memory
from turncoat.experiments.overhead import overhead, timed
from turncoat.experiments.records import of_job, versions
from turncoat.experiments.runs import Runs, run_trials
from turncoat.experiments.trial import Progress
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.refusal import Refusal, first_line
from turncoat.results.audit import Honest
from turncoat.results.matrix import Adaptive, Matrix, Priced, Row
from turncoat.results.values import Measured
from turncoat.settings import check_seed

DEFENCES = ("everything", "matrices", "loss", "sampled", "sampled:alpha=0.01", "sampled-matrices:alpha=0.01")
"""What attacks are set against by default."""


def defend(
    target: Deployed,
    names: Sequence[str] = tuple(attacks.CATALOGUE),
    against: Sequence[str] = DEFENCES,
    effort: Effort = Effort(),
    progress: Progress = lambda *_: None,
    memory: Memory | None = None,
    time_too: bool = False,
) -> Matrix:
    """Every attack against every defence, on one job; an attack that was refused is named with the reason.

    `time_too`: the time of training under each defence is measured, which takes minutes of compiling. Raises Refusal
    for unknown names, a defence of sites that the job lacks, and honest training that does not work.
    """
    began = time.perf_counter()
    check_trials(effort.trials)
    check_seed(effort.seed)
    check(target.job)
    known = {name: _known(target, defences.get(name)) for name in against}
    every = [defence for defence, _ in known.values()]
    ways = {way: counting(target, way, every) for way in ((), *(d.measures for d in every))}
    memory = Memory() if memory is None else memory
    knowing = Adversary(target, effort, progress, memory)
    works = {
        way: honest.check(one, effort.trials, effort.seed, progress, memory) for way, one in ways.items()
    }
    timing = progress if time_too else None
    prices = tuple(_prices(known, target, works, timing))
    rows, refused = [], {}
    for done, name in enumerate(names):
        progress("the whole matrix", done, len(names))
        try:
            row = _row(_planned(name, effort), ways, known, knowing)
            rows.append(_again(row, known, knowing) if effort.again else row)
        except Refusal as reason:
            refused[name] = str(reason)
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            refused[name] = f"failed unexpectedly with {type(error).__name__}: {first_line(error)}"
            warnings.warn(f"{name} {refused[name]}; please report it", stacklevel=2)
    return Matrix(
        **of_job(target),
        trials=effort.trials,
        seed=effort.seed,
        honest=works[()],
        defences=prices,
        rows=tuple(rows),
        refused=refused,
        seconds=time.perf_counter() - began + memory.elsewhere,
        versions=versions(),
    )


def _prices(
    known: Known,
    target: Deployed,
    works: Mapping[tuple[Measure, ...], Honest],
    timing: Progress | None,
) -> Iterator[Priced]:
    """What each defence costs, its time too where `timing` is told how far that is."""
    for done, (name, (defence, checks)) in enumerate(known.items()):
        took = None
        if timing is not None:
            timing("timing defences", done, len(known))
            took = timed(defence, target)
        yield overhead(name, defence, checks, target, works[defence.measures].accuracy, took)


def _planned(name: str, effort: Effort) -> Attack:
    """An attack at its defaults; the search within its minutes."""
    return attacks.get(name, {"minutes": effort.minutes} if name == "search" else {})


def _again(row: Row, known: Known, knowing: Adversary) -> Row:
    """The attack planned again for each defence: what that gains, or why there is no way in.

    Twice, since what is planned for one defence may do more against another than what was planned for that.
    """
    found: dict[str, Adaptive] = {}
    closed: dict[str, str] = {}
    for name, (defence, _) in [*known.items()] * 2:
        try:
            found[name] = knowing.against(row.attack, defence)
        except Refusal as reason:
            closed[name] = str(reason)
    return row.model_copy(update={"adaptive": found, "closed": closed})


Known = Mapping[str, tuple[Defence, Checks]]


def _known(target: Deployed, defence: Defence) -> tuple[Defence, Checks]:
    """A defence, and what it checks of the job."""
    found = under(target, defence).checks
    assert found is not None
    return defence, found


Ways = Mapping[tuple[Measure, ...], Deployed]
"""The job, unchecked, with each set of measures around its step."""


def _row(attack: Attack, ways: Ways, known: Known, knowing: Adversary) -> Row:
    """One attack, run without any check, and what each defence makes of that."""
    plain, effort = ways[()], knowing.effort
    run = effort.trials, effort.seed, knowing.progress, knowing.memory
    attack.check(plain.job)
    found: dict[Any, Runs] = {(): run_trials(plain, (attack,), *run)}
    closed: dict[Any, str] = {}
    for way in filter(None, ways):
        try:
            found[way] = run_trials(ways[way], (attack,), *run)
        except Refusal as reason:  # the measures leave this attack no way in
            closed[way] = str(reason)

    def runs_under(defence: Defence) -> list[Run]:
        if counted(attack, defence):
            return found[defence.measures].attacked
        return run_trials(under(plain, defence), (attack,), *run).attacked

    attacked = found[()].attacked
    return Row(
        attack=attack.name,
        goal=attack.goal.sentence,
        success_name=attack.goal.success_name,
        honest=Measured.of(aborts.summary(attack.goal, found[()].honest).success),
        passive=Measured.of(aborts.summary(attack.goal, attacked).success),
        messages=round(float(np.mean([messages(r) for r in attacked]))),
        sites=tuple(sorted({n for r in attacked for n, m in by_site(r).items() if m})),
        cells={
            name: cell(attack, runs_under(defence), defence, checks)
            for name, (defence, checks) in known.items()
            if defence.measures in found
        },
        unable={name: closed[one[0].measures] for name, one in known.items() if one[0].measures in closed},
    )
