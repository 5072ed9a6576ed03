"""An audit: all attacks on one training job, or the surface of a user's own function, and a verdict."""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from turncoat import attacks, data
from turncoat.core.engine import Engine
from turncoat.core.protocol import Protocol
from turncoat.defences.defence import Defence
from turncoat.experiments import honest
from turncoat.experiments.experiment import Experiment, check_trials, deployed, run
from turncoat.experiments.records import named, versions
from turncoat.experiments.runs import Memory
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
from turncoat.refusal import Refusal, first_line
from turncoat.results.audit import AuditResult
from turncoat.results.result import Result
from turncoat.settings import check_seed


def audit(
    job: Job | Setup = Setup(),
    *,
    protocol: Protocol | str | None = None,
    engine: Engine | str | None = None,
    defence: Defence | str | None = None,
    trials: int = 5,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> AuditResult:
    """Runs every attack that a training job leaves a way in, and judges passive security for this job.

        found = turncoat.audit(turncoat.jobs.mlp("fmnist"), protocol="crypten")
        print(found.severity, found.verdict)
        for result in found.results:
            print(result.attack, result.attacked.success.mean)

    Honest training comes first, and must have learned something. Each attack runs at its default settings, with
    `trials` honest and as many attacked trainings, of which trial t draws everything from `seed + t`;
    `progress(what, done, total)` is called before each. The `AuditResult` holds the verdict and its reasons, a
    `Result` for each attack, and the attack surface of one step; an attack that was refused, or that failed
    unexpectedly, is named in the reasons. `defence`, a value or a name of `turncoat.defences.CATALOGUE`, is
    what the honest parties check.
    Raises Refusal for unknown names, data that cannot be used, and a job whose honest training does not work.
    """
    began = time.perf_counter()
    check_trials(trials)
    check_seed(seed)
    asked = deployed(job, protocol, engine, defence)
    target = asked.deployed(seed)
    check(target.job)
    dataset = target.job.data
    surface = Trial.of(target, seed).surface
    memory: Memory = defaultdict(dict)
    works = honest.check(target, trials, seed, _stage(progress, 0, "honest training"), memory)
    results, refused = _attacked(target, trials, seed, progress, memory)
    made = named(asked)
    embedded = made is not None and made.data in data.names()
    every = target.checks is not None and all(check.share == 1 for check in target.checks.policy.values())
    checked = Checked(target.defence.soundness) if every and target.defence else None
    found = Evidence(surface, results, tuple(refused), embedded=embedded, honest=works, checked=checked)
    of_job: dict[str, Any] = {"data": dataset.name, "data_label": dataset.label, "model": target.job.name}
    seconds = time.perf_counter() - began
    return AuditResult(
        **_concluded(found, (*refused.values(), *map(_of_data, dataset.notes))),
        **of_job,
        honest=works,
        seconds=seconds,
    )


def _stage(progress: Progress, number: int, name: str) -> Progress:
    """Progress of one stage, which also says how far the whole audit is: honest training is stage 0."""
    stages = 1 + len(attacks.CATALOGUE)

    def report(what: str, done: int, total: int) -> None:
        progress("the whole audit", number * total + done, stages * total)
        progress(name, done, total)

    return report


def _of_data(note: str) -> str:
    return f"Of the data: {note}."


def _attacked(
    target: Deployed, trials: int, seed: int, progress: Progress, memory: Memory
) -> tuple[list[Result], dict[str, str]]:
    """The results of the attacks that could be run, and a sentence for each of the others by its name."""
    results, refused = [], {}
    for number, name in enumerate(attacks.CATALOGUE, 1):
        stage = _stage(progress, number, name)
        try:
            results.append(run(Experiment(name, target, {}, trials, seed), stage, memory=memory))
        except Refusal as reason:
            refused[name] = f"`{name}` was not run: {reason}."
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            refused[name] = (
                f"`{name}` failed unexpectedly with {type(error).__name__}: {first_line(error)}; please report it."
            )
            warnings.warn(refused[name], stacklevel=3)
    return results, refused


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
