"""Attacks against defences: what each defence leaves of each attack, and at which price.

An attack is run once, its deviating messages counted by site (once more for each set of measures around the step,
which the adversary knows). A check changes nothing of a run but whether it is aborted, so under each defence the
success of a run is its success here, with the probability that nothing is found, which follows from the counts (see
`metrics.detection`). No attack is planned with the checks in mind: the strongest of them against each defence is a
lower bound of what an adversary can do who knows it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from turncoat import attacks, defences
from turncoat.attacks import Attack
from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.defences.measures import Measure
from turncoat.defences.price import Price, price
from turncoat.engines.replicated.bill import bill
from turncoat.experiments import aborts, honest
from turncoat.experiments.experiment import check_trials
from turncoat.experiments.judged import Run
from turncoat.experiments.memory import Memory
from turncoat.experiments.records import versions
from turncoat.experiments.runs import Runs, run_trials
from turncoat.experiments.trial import Progress
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.metrics import mean_interval
from turncoat.refusal import Refusal, first_line
from turncoat.results.audit import Honest
from turncoat.results.matrix import Cell, Matrix, Priced, Row
from turncoat.results.values import Measured
from turncoat.settings import check_seed

DEFENCES = ("everything", "matrices", "loss", "sampled", "sampled:alpha=0.01", "sampled-matrices:alpha=0.01")
"""What attacks are set against by default."""


def defend(
    target: Deployed,
    names: Sequence[str] = tuple(attacks.CATALOGUE),
    against: Sequence[str] = DEFENCES,
    trials: int = 5,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    memory: Memory | None = None,
) -> Matrix:
    """Every attack against every defence, on one job; an attack that was refused is named with the reason.

    Raises Refusal for unknown names, a defence of sites that the job lacks, and honest training that does not work.
    """
    began = time.perf_counter()
    check_trials(trials)
    check_seed(seed)
    check(target.job)
    known = {name: _known(target, defences.get(name)) for name in against}
    ways = {d.measures: counting(target, d) for d, _ in known.values()} | {(): counting(target)}
    first = Memory() if memory is None else memory
    memories = {way: Memory.beside(first) for way in ways}
    works = {way: honest.check(one, trials, seed, progress, memories[way]) for way, one in ways.items()}
    rows, refused = [], {}
    for done, name in enumerate(names):
        progress("the whole matrix", done, len(names))
        try:
            rows.append(_row(attacks.get(name), ways, known, (trials, seed, progress), memories))
        except Refusal as reason:
            refused[name] = str(reason)
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            refused[name] = f"failed unexpectedly with {type(error).__name__}: {first_line(error)}"
            warnings.warn(f"{name} {refused[name]}; please report it", stacklevel=2)
    return Matrix(
        **_of_job(target),
        trials=trials,
        seed=seed,
        honest=works[()],
        defences=tuple(_priced(n, *one, target, works[one[0].measures]) for n, one in known.items()),
        rows=tuple(rows),
        refused=refused,
        seconds=time.perf_counter() - began + sum(one.read for one in memories.values()),
        versions=versions(),
    )


def under(target: Deployed, defence: Defence) -> Deployed:
    """The same job under a defence."""
    return replace(target, defence=defence)


def _of_job(target: Deployed) -> dict[str, Any]:
    protocol, engine = target.names
    data = target.job.data
    return {
        "data": data.name,
        "data_label": data.label,
        "model": target.job.name,
        "protocol": protocol,
        "engine": engine,
    }


Known = Mapping[str, tuple[Defence, Checks]]


def _known(target: Deployed, defence: Defence) -> tuple[Defence, Checks]:
    """A defence, and what it checks of the job."""
    found = under(target, defence).checks
    assert found is not None
    return defence, found


Ways = Mapping[tuple[Measure, ...], Deployed]
"""The job, unchecked, with each set of measures around its step."""


def counting(target: Deployed, defence: Defence | None = None) -> Deployed:
    """The job with the measures of a defence, its messages counted and none looked at."""
    return under(target, Defence("nothing", measures=() if defence is None else defence.measures))


def _row(attack: Attack, ways: Ways, known: Known, run: tuple[Any, ...], memory: Mapping[Any, Memory]) -> Row:
    """One attack, run without any check, and what each defence makes of that."""
    plain, (trials, seed, progress) = ways[()], run
    attack.needs.check(plain.job)
    attack.goal.check_task(plain.job.data)
    attack.goal.check(plain.job.data)
    found: dict[Any, Runs] = {(): run_trials(plain, (attack,), trials, seed, progress, memory[()])}
    unable: dict[Any, str] = {}
    for way in filter(None, ways):
        try:
            found[way] = run_trials(ways[way], (attack,), trials, seed, progress, memory[way])
        except Refusal as reason:  # the measures leave this attack no way in
            unable[way] = str(reason)
    success = {way: Measured.of(aborts.summary(attack.goal, r.attacked).success) for way, r in found.items()}
    attacked = found[()].attacked
    return Row(
        attack=attack.name,
        goal=attack.goal.sentence,
        success_name=attack.goal.success_name,
        honest=Measured.of(aborts.summary(attack.goal, found[()].honest).success),
        passive=success[()],
        messages=round(float(np.mean([_messages(r) for r in attacked]))),
        sites=tuple(sorted({n for r in attacked for n, m in _by_site(r).items() if m})),
        cells={
            name: _cell(found[one[0].measures].attacked, success[one[0].measures], *one)
            for name, one in known.items()
            if one[0].measures in found
        },
        unable={name: unable[one[0].measures] for name, one in known.items() if one[0].measures in unable},
    )


def _cell(runs: Sequence[Run], passive: Measured, defence: Defence, checks: Checks) -> Cell:
    """The passive success, interval and all, times the probability that nothing is found."""
    missed = [defence.missed_by(_by_site(r), checks.policy) for r in runs]
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


def _by_site(run: Run) -> dict[str, float]:
    messages: Mapping[str, Any] = {} if run.tally is None else run.tally.messages
    return {name: float(n) for name, n in messages.items()}


def _messages(run: Run) -> float:
    return sum(_by_site(run).values())


def _priced(name: str, defence: Defence, checks: Checks, target: Deployed, works: Honest) -> Priced:
    ways = {str(c) for c in checks.policy.values() if c.share}
    sites = sum(c.share > 0 for c in checks.policy.values())
    found = priced(defence, target)
    more = {} if found is None else {"factor": found.factor, "looked_at": found.multiplications / found.all}
    return Priced(
        defence=name,
        ways=tuple(sorted(ways)),
        sites=sites,
        deterrence=defence.least(checks.policy),
        accuracy=works.accuracy,
        **more,
    )


def priced(defence: Defence, target: Deployed) -> Price | None:
    """The price of a defence by what the job's step sends on engine `replicated`; None if it does not run there."""
    plain = Deployed.of(target.job, target.protocol, "replicated")
    args, more = plain.shapes(plain.records)
    measured, passive = under(plain, defence).on(plain.engine).secured, plain.step.secured
    try:
        spent = bill(passive, *args, **more).total.bytes
        return price(defence, measured.surface(*args, **more), bill(measured, *args, **more), spent)
    except Refusal:
        return None
