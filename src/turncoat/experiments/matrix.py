"""Attacks against defences: what each defence leaves of each attack, and at which price.

An attack is run once, its deviating messages counted by site. A check changes nothing of a run but whether it is
aborted, so under each defence the success of a run is its success here, with the probability that nothing is found,
which follows from the counts (see `metrics.detection`). Attacks are as planned without a defence in mind: the
strongest of them against each defence is a lower bound of what an adversary can do who knows it.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from turncoat import attacks, defences
from turncoat.attacks import Attack
from turncoat.defences.defence import Defence
from turncoat.defences.ideal import Checks
from turncoat.defences.price import Price, price
from turncoat.engines.replicated.bill import bill
from turncoat.experiments import aborts, honest
from turncoat.experiments.experiment import check_trials
from turncoat.experiments.records import versions
from turncoat.experiments.runs import Memory, Run, run_trials
from turncoat.experiments.trial import Progress
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.metrics import mean_interval
from turncoat.refusal import Refusal, first_line
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
) -> Matrix:
    """Every attack against every defence, on one job; an attack that was refused is named with the reason.

    Raises Refusal for unknown names, a defence of sites that the job lacks, and honest training that does not work.
    """
    began = time.perf_counter()
    check_trials(trials)
    check_seed(seed)
    check(target.job)
    known = {name: _known(target, defences.get(name)) for name in against}
    memory: Memory = defaultdict(dict)
    works = honest.check(target, trials, seed, progress, memory)
    counted, rows, refused = under(target, defences.get("nothing")), [], {}
    for done, name in enumerate(names):
        progress("the whole matrix", done, len(names))
        try:
            rows.append(_row(attacks.get(name), counted, known, (trials, seed, progress, memory)))
        except Refusal as reason:
            refused[name] = str(reason)
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            refused[name] = f"failed unexpectedly with {type(error).__name__}: {first_line(error)}"
            warnings.warn(f"{name} {refused[name]}; please report it", stacklevel=2)
    return Matrix(
        **_of_job(target),
        trials=trials,
        seed=seed,
        honest=works,
        defences=tuple(_priced(name, *one, target) for name, one in known.items()),
        rows=tuple(rows),
        refused=refused,
        seconds=time.perf_counter() - began,
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


def _row(attack: Attack, target: Deployed, known: Known, run: tuple[Any, ...]) -> Row:
    """One attack, run without any check, and what each defence makes of that."""
    attack.needs.check(target.job)
    attack.goal.check_task(target.job.data)
    attack.goal.check(target.job.data)
    found = run_trials(target, (attack,), *run)
    before = [aborts.summary(attack.goal, runs).success for runs in (found.honest, found.attacked)]
    return Row(
        attack=attack.name,
        goal=attack.goal.sentence,
        success_name=attack.goal.success_name,
        honest=Measured.of(before[0]),
        passive=Measured.of(before[1]),
        messages=round(float(np.mean([_messages(r) for r in found.attacked]))),
        sites=tuple(sorted({n for r in found.attacked for n, m in _by_site(r).items() if m})),
        cells={name: _cell(found.attacked, Measured.of(before[1]), *one) for name, one in known.items()},
    )


def _cell(runs: Sequence[Run], passive: Measured, defence: Defence, checks: Checks) -> Cell:
    """The passive success, interval and all, times the probability that nothing is found."""
    missed = [defence.missed_by(_by_site(r), checks.policy) for r in runs]
    left = {
        "mean": passive.mean * float(np.mean(missed)),
        "low": passive.low * min(missed),
        "high": passive.high * max(missed),
        "how": f"{passive.how}; times the probability that nothing is found",
    }
    detected = mean_interval([1 - m for m in missed], bounds=(0.0, 1.0))
    return Cell(detected=Measured.of(detected), success=passive.model_copy(update=left))


def _by_site(run: Run) -> dict[str, float]:
    messages: Mapping[str, Any] = {} if run.tally is None else run.tally.messages
    return {name: float(n) for name, n in messages.items()}


def _messages(run: Run) -> float:
    return sum(_by_site(run).values())


def _priced(name: str, defence: Defence, checks: Checks, target: Deployed) -> Priced:
    ways = {str(c) for c in checks.policy.values() if c.share}
    sites = sum(c.share > 0 for c in checks.policy.values())
    found = priced(defence, target)
    more = {} if found is None else {"factor": found.factor, "looked_at": found.multiplications / found.all}
    return Priced(
        defence=name, ways=tuple(sorted(ways)), sites=sites, deterrence=defence.least(checks.policy), **more
    )


def priced(defence: Defence, target: Deployed) -> Price | None:
    """The price of a defence by what the job's step sends on engine `replicated`; None if it does not run there."""
    shared = Deployed.of(target.job, target.protocol, "replicated")
    args, more = shared.shapes(shared.records)
    secured = shared.step.secured
    try:
        return price(defence, secured.surface(*args, **more), bill(secured, *args, **more))
    except Refusal:
        return None
