"""An audit: all attacks on one training job, or the surface of a user's own function, and a verdict."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from turncoat import attacks, data
from turncoat.core.engine import Engine
from turncoat.core.protocol import Protocol
from turncoat.defences.defence import Defence
from turncoat.experiments import honest, pace
from turncoat.experiments.aborts import can_abort
from turncoat.experiments.attacked import Cells
from turncoat.experiments.blocks import ahead
from turncoat.experiments.experiment import Experiment, check_trials, deployed, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.pace import Pace
from turncoat.experiments.records import named, versions
from turncoat.experiments.remedies import remedies
from turncoat.experiments.trial import Progress, Trial
from turncoat.experiments.verdict import (
    Checked,
    Evidence,
    clean_sites,
    next_steps,
    reasons,
    severity,
    site_rows,
    verdict,
)
from turncoat.jobs import user_step
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.job import Job
from turncoat.jobs.setup import Setup
from turncoat.metrics.power import AS_USUAL, Victim
from turncoat.refusal import Refusal, first_line
from turncoat.results.audit import AuditResult, Unrun
from turncoat.results.result import Result
from turncoat.settings import check_seed

Only = Mapping[str, Mapping[str, Any]] | None
"""The attacks to run by name, each with settings; None: all of them at their defaults."""
MINUTES = 1.0
"""What an audit gives the universal search: enough for small jobs, and little beside the other attacks."""


class How(TypedDict, total=False):
    """How much an audit runs, from which seed, and whom it tells how far it is; see `audited` for the defaults."""

    trials: int
    seed: int
    minutes: float
    victim: Victim
    progress: Progress


def audit(
    job: Job | Setup = Setup(),
    *,
    protocol: Protocol | str | None = None,
    engine: Engine | str | None = None,
    defence: Defence | str | None = None,
    **how: Unpack[How],
) -> AuditResult:
    """Runs every attack that a training job leaves a way in, and judges passive security for this job.

        found = turncoat.audit(turncoat.jobs.mlp("fmnist"), protocol="crypten")
        print(found.severity, found.verdict)
        for result in found.results:
            print(result.attack, result.attacked.success.mean)

    Honest training comes first, and must have learned something. Each attack runs at its default settings, with
    `trials` (5) honest and as many attacked trainings, of which trial t draws everything from `seed` (0) + t;
    `progress(what, done, total)` is called before each. The `AuditResult` holds the verdict and its reasons, a
    `Result` for each attack, and the attack surface of one step; an attack that was refused, or that failed
    unexpectedly, is named in `unrun`. `defence`, a value or a name of `turncoat.defences.CATALOGUE`, is what the
    honest parties check; `victim` is how those who train test the released model: by default its accuracy on the test
    part, unpaired, with 5 % false alarms. The universal search takes `minutes` (1) at most, its compiling included; 0
    leaves it out.
    Raises Refusal for unknown names, data that cannot be used, and a job whose honest training does not work.
    """
    asked = deployed(job, protocol, engine, defence)
    more: dict[str, Any] = {name: value for name, value in how.items() if name != "minutes"}
    return audited(asked, only=every(how.get("minutes", MINUTES)), **more)


def audited(
    asked: Setup | Deployed,
    *,
    trials: int = 5,
    seed: int = 0,
    victim: Victim = AS_USUAL,
    progress: Progress = lambda *_: None,
    only: Only = None,
    memory: Memory | None = None,
) -> AuditResult:
    """`audit` of a job that has its protocol, engine and defence, by the attacks of `only`."""
    memory = Memory() if memory is None else memory
    began = time.perf_counter()
    check_trials(trials)
    check_seed(seed)
    target = asked.deployed(seed)
    check(target.job)
    dataset = target.job.data
    surface = Trial.of(target, seed).surface
    known = [n for n in attacks.CATALOGUE if can_abort(target) or not attacks.get(n).goal.of_aborts]
    wanted = {n: settings for n, settings in (every() if only is None else only).items() if n in known}
    experiments = [
        Experiment(name, target, settings, trials, seed, victim) for name, settings in wanted.items()
    ]
    cells = _cells(experiments, target, memory)
    whole = pace.of(cells, trials, progress)
    works = honest.check(target, trials, seed, whole.stage(0), memory)
    times = memory.times[:trials]
    ahead(memory, [one for one in cells.values() if one], progress)
    whole.costs = pace.costs(cells, trials, times)
    results, unrun = _attacked(experiments, whole, memory)
    for name in (n for n in known if n not in wanted):
        unrun += (_unrun(name, "was not asked for."),)
    made = named(asked)
    embedded = made is not None and made.data in data.names()
    everywhere = target.checks is not None and all(c.share == 1 for c in target.checks.policy.values())
    checked = Checked(target.defence.soundness) if everywhere and target.defence else None
    left = tuple(u.attack for u in unrun)
    found = Evidence(surface, results, left, embedded=embedded, honest=works, checked=checked)
    of_job: dict[str, Any] = {"data": dataset.name, "data_label": dataset.label, "model": target.job.name}
    seconds = time.perf_counter() - began + memory.elsewhere
    return AuditResult(
        **_concluded(found, map(_of_data, dataset.notes)),
        unrun=unrun,
        remedies=remedies(target, surface, results),
        **of_job,
        honest=works,
        seconds=seconds,
    )


def every(minutes: float = MINUTES) -> dict[str, dict[str, Any]]:
    """All attacks at their defaults, but that a search takes so many minutes at most; 0 leaves it out."""
    if not 0 <= minutes < float("inf"):
        raise Refusal(f"the search takes 0 or more minutes, not {minutes:g}")
    found: dict[str, dict[str, Any]] = {}
    for name, kind in attacks.CATALOGUE.items():
        timed = any(setting.name == "minutes" for setting in kind.known())
        if minutes or not timed:
            found[name] = {"minutes": float(minutes)} if timed else {}
    return found


def _of_data(note: str) -> str:
    return f"Of the data: {note}."


def _cells(experiments: Sequence[Experiment], target: Deployed, memory: Memory) -> dict[str, Cells | None]:
    """All trials of each attack by its name, None where the job leaves it no way in as far as it says itself."""
    found: dict[str, Cells | None] = {}
    for one in experiments:
        attack = attacks.get(one.attack, one.settings)
        try:
            attack.check(target.job)
            found[one.attack] = Cells(target, attack, one.trials, one.seed, memory)
        except Refusal:
            found[one.attack] = None
    return found


def _attacked(
    experiments: Sequence[Experiment], whole: Pace, memory: Memory
) -> tuple[list[Result], tuple[Unrun, ...]]:
    """The results of the attacks that could be run, and why each of the others could not."""
    results, unrun = [], []
    for number, experiment in enumerate(experiments, 1):
        name = experiment.attack
        try:
            results.append(run(experiment, whole.stage(number), memory=memory))
        except Refusal as reason:
            unrun.append(_unrun(name, f"{reason}."))
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            said = f"failed unexpectedly with {type(error).__name__}: {first_line(error)}; please report it."
            unrun.append(_unrun(name, said, failed=True))
            warnings.warn(f"`{name}` {said}", stacklevel=3)
    return results, tuple(unrun)


def _unrun(name: str, why: str, failed: bool = False) -> Unrun:
    return Unrun(attack=name, harm=attacks.get(name).goal.harm, why=why, failed=failed)


def audit_target(t: user_step.Target, command: str | None = None) -> AuditResult:
    """A user's own function: its surface, with the cleanest shift of each output confirmed by running it."""
    began = time.perf_counter()
    surface = t.surface()
    clean = {o: s for o, s in surface.shiftable().items() if s is not None}
    true = [o for o, s in clean.items() if user_step.confirmed(t, o, s)]
    confirmed = (
        f"Run on its example arguments, {len(true)} of these {len(clean)} shifts moved the output by the same "
        "amount for different secrets."
    )
    found = Evidence(surface, untried=tuple(attacks.CATALOGUE), trained=False)
    named: dict[str, Any] = {
        "data": "example arguments",
        "data_label": "its example arguments",
        "model": t.name,
    }
    more = (*([confirmed] if clean else []), *surface.hints)
    seconds = time.perf_counter() - began
    return AuditResult(**_concluded(found, more), **named, seconds=seconds, command=command)


def _concluded(found: Evidence, more: Iterable[str]) -> dict[str, Any]:
    """What every audit says of what it found, as fields of its result; `more` are further reasons."""
    surface = found.surface
    return {
        "severity": severity(found),
        "verdict": verdict(found),
        "trained": found.trained,
        "reasons": (*reasons(found), *more),
        "next_steps": next_steps(found),
        "protocol": surface.protocol,
        "engine": surface.engine,
        "results": tuple(found.results),
        "surface": site_rows(surface),
        "shiftable": clean_sites(surface),
        "versions": versions(),
    }
