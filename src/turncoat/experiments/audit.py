"""An audit: all attacks on one training job, and a verdict that a practitioner can act on."""

from __future__ import annotations

import time
import warnings
from typing import Any, Literal

from turncoat import attacks, data
from turncoat.core.surface import Surface
from turncoat.experiments.experiment import Experiment, again, check_trials, run, versions
from turncoat.experiments.trial import Progress, Trial
from turncoat.jobs import user_step
from turncoat.jobs.job import Job
from turncoat.refusal import Refusal, first_line
from turncoat.results.audit import AuditResult, SiteRow
from turncoat.results.published import published
from turncoat.results.result import Result
from turncoat.settings import check_seed

Severity = Literal["broken", "weakened", "held"]

SUCCESS = 0.5  # from this rate on, beyond the honest run's, an attack has reached its goal
NOTICEABLE = 0.01  # an accuracy loss up to this is within what honest runs differ by


def audit(
    job: Job = Job(),
    *,
    trials: int = 5,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    command: str | None = None,
) -> AuditResult:
    """Runs every attack that a training job leaves a way in, and judges passive security for this job.

        found = turncoat.audit(turncoat.Job(data="fmnist", model="mlp", protocol="crypten"))
        print(found.severity, found.verdict)
        for result in found.results:
            print(result.attack, result.attacked.success.mean)

    Each attack runs at its default settings, with `trials` honest and as many attacked trainings, of which
    trial t draws everything from `seed + t`; `progress(what, done, total)` is called before each. The
    `AuditResult` holds the verdict and its reasons, a `Result` for each attack, and the attack surface of one
    step; an attack that was refused, or that failed unexpectedly, is named in the reasons. `command` is the
    line to show that runs it again.
    Raises Refusal for unknown names and data that cannot be used.
    """
    began = time.perf_counter()
    check_trials(trials)
    check_seed(seed)
    dataset = data.load(job.data, seed=seed)
    surface = Trial.of(dataset, job, seed).surface
    results, refused = [], []
    for name in attacks.CATALOGUE:
        try:
            experiment = Experiment(name, job, {}, trials, seed)
            paper = published(name, job.data, job.model)
            results.append(run(experiment, progress, paper, again(experiment), dataset))
        except Refusal as reason:
            refused.append(f"`{name}` was not run: {reason}.")
        except Exception as error:  # a fault of ours in one attack must not lose what the others found
            refused.append(
                f"`{name}` failed unexpectedly with {type(error).__name__}: {first_line(error)}; please report it."
            )
            warnings.warn(refused[-1], stacklevel=2)
    found = concluded(surface, results, (*map(showed, results), *surface_reasons(surface), *refused))
    named: dict[str, Any] = {"data": dataset.name, "data_label": dataset.label, "model": job.model}
    return AuditResult(**found, **named, seconds=time.perf_counter() - began, command=command)


def audit_target(t: user_step.Target, command: str | None = None) -> AuditResult:
    """A user's own step: its surface, with the cleanest shift of each output confirmed by running it."""
    began = time.perf_counter()
    surface = t.surface()
    clean = {o: s for o, s in surface.shiftable().items() if s is not None}
    held = [o for o, s in clean.items() if user_step.confirmed(t, o, s)]
    confirmed = (
        f"Run on its example arguments, {len(held)} of these {len(clean)} shifts moved the output by the same "
        "amount for different secrets."
    )
    found = concluded(
        surface, [], (*surface_reasons(surface), *([confirmed] if clean else []), *surface.hints)
    )
    named: dict[str, Any] = {
        "data": "example arguments",
        "data_label": "its example arguments",
        "model": t.name,
    }
    return AuditResult(**found, **named, seconds=time.perf_counter() - began, command=command)


def concluded(surface: Surface, results: list[Result], reasons: tuple[str, ...]) -> dict[str, Any]:
    """What every audit says of a surface and of the attacks that were run, as fields of its result."""
    severity, verdict = judged(results, surface)
    return {
        "severity": severity,
        "verdict": verdict,
        "reasons": reasons,
        "next_steps": next_steps(surface, results),
        "protocol": surface.protocol,
        "engine": surface.engine,
        "results": tuple(results),
        "surface": site_rows(surface),
        "shiftable": clean_sites(surface),
        "versions": versions(),
    }


# ---- the verdict ------------------------------------------------------------------------------------------


def reached(result: Result) -> bool:
    """Whether an attack reached its goal, by the lower end of its interval."""
    return result.attacked.success.low >= SUCCESS + result.honest.success.mean


def unnoticed(result: Result) -> bool:
    """Whether a check of test accuracy would have seen nothing."""
    return result.honest.accuracy.mean - result.attacked.accuracy.mean <= NOTICEABLE


def judged(results: list[Result], surface: Surface) -> tuple[Severity, str]:
    """How much one corrupt party gains, and the verdict in words."""
    covert = [r for r in results if reached(r) and unnoticed(r)]
    open_ = [r for r in results if reached(r) and not unnoticed(r)]
    if covert:
        best = max(covert, key=lambda r: r.attacked.success.mean)
        said = (
            "Passive security is not enough for this job. One corrupt party reached its goal "
            f"({best.goal}) in {best.attacked.success.mean:.1%} of cases, and a check of the model's accuracy "
            "would not have noticed."
        )
        return "broken", said
    if open_ or any(clean_sites(surface).values()):
        can = sum(bool(s) for s in clean_sites(surface).values())
        said = (
            "One corrupt party reached its goal, at a loss of accuracy that a check would notice."
            if open_
            else f"One corrupt party can add numbers of its choice to {can} of the {len(surface.outputs)} "
            "outputs of this step without knowing any secret. Which harm follows depends on what they are for."
        )
        return "weakened", said
    said = "No attack that was tried reached its goal, and no output can be shifted cleanly."
    return "held", said


def showed(result: Result) -> str:
    """What one attack showed, in a sentence."""
    change = result.attacked.accuracy.mean - result.honest.accuracy.mean
    return (
        f"`{result.attack}` succeeded in {result.attacked.success.mean:.1%} of cases "
        f"({result.honest.success.mean:.1%} on the honest model) with {result.errors:,} tampered products per "
        f"run; test accuracy changed by {100 * change:+.2f} points."
    )


def surface_reasons(surface: Surface) -> tuple[str, ...]:
    """What the surface says, in sentences."""
    clean = [o for o, sites in clean_sites(surface).items() if sites]
    entries = sum(site.entries for site in surface)
    found = [f"Every step has {len(surface)} sites with {entries:,} values that one party can change unseen."]
    if clean:
        some = ", ".join(clean[:4]) + (f" and {len(clean) - 4} more" if len(clean) > 4 else "")
        found.append(f"Numbers of the party's choice can be added to {some}, whatever the data.")
    return tuple(found)


def next_steps(surface: Surface, results: list[Result]) -> tuple[str, ...]:
    """What to do about it, the cheapest sufficient measure first."""
    if not results and not any(clean_sites(surface).values()):
        return ("Run the audit with your own data: `turncoat audit --data yours.npz`.",)
    return (
        "Use an actively secure protocol for training: it checks every product and aborts. With three parties "
        "and an honest majority MP-SPDZ's `sy-rep-ring` sends about 3.25 times the bytes of its passive "
        "counterpart per multiplication.",
        "If only a part can be checked, check the matrix products that form gradients first; a check of "
        "the activation functions alone leaves these shifts possible.",
        "Do not rely on test accuracy to notice an attack.",
        "Audit your own job: `turncoat audit --data yours.npz`, or `turncoat audit yourmodule:step`.",
    )


def clean_sites(surface: Surface) -> dict[str, tuple[str, ...]]:
    """For each output, the sites that shift it and do nothing else that depends on secrets."""
    return {o: tuple(surface.find(shifts=o, clean=True)) for o in surface.outputs}


def site_rows(surface: Surface) -> tuple[SiteRow, ...]:
    """The surface as the report takes it."""
    return tuple(
        SiteRow(
            name=row["name"],
            kind=row["kind"],
            shape=tuple(row["shape"]),
            products=surface[row["name"]].multiplications,
            phase=row["phase"],
            loops=tuple(row["loops"]),
            exposure=row["exposure"],
            passes={o: where for o in row["exposure"] if (where := surface.where(row["name"], o))},
        )
        for row in surface.rows()
    )
