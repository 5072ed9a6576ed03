"""An experiment: one attack on one training job, honest and attacked from the same keys, as a Result."""

from __future__ import annotations

import csv
import io
import platform
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import chain
from typing import Any

import jax
import numpy as np

from turncoat import attacks, engines, protocols
from turncoat.attacks import Attack
from turncoat.data import Dataset
from turncoat.experiments.honest import accuracy, fault, majority
from turncoat.experiments.runs import Run, Runs, accuracy_change, gain, per_trial, run_trials
from turncoat.experiments.sweeps import swept, with_sweeps
from turncoat.experiments.trial import Progress
from turncoat.jobs.job import Job
from turncoat.metrics.power import ALARMS, noticed
from turncoat.refusal import Refusal
from turncoat.results.published import published
from turncoat.results.result import Noticed, Outcome, Paper, Result
from turncoat.results.values import Measured
from turncoat.settings import check_seed
from turncoat.version import __version__

MOST_TRIALS = 100_000


def check_trials(trials: int) -> None:
    """Refuses a number of trials that no experiment has."""
    if not 1 <= trials <= MOST_TRIALS:
        raise Refusal(f"an experiment needs at least one trial and at most {MOST_TRIALS:,}, not {trials}")


@dataclass(frozen=True)
class Experiment:
    """An attack on a job, over several trials.

    Trial t uses the seed `seed + t` for everything: split, initial weights, batch order, adversary. So one
    trial of ten can be run again alone.
    """

    attack: str = "backdoor"
    job: Job = field(default_factory=Job)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_trials(self.trials)
        check_seed(self.seed)
        attacks.get(self.attack, self.settings)
        protocols.get(self.job.protocol)
        engines.get(self.job.engine)


def attack(
    name: str,
    job: Job = Job(),
    *,
    trials: int = 10,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    **settings: Any,
) -> Result:
    """Runs one attack on a training job, honest beside attacked: `turncoat attack` as a function.

        job = turncoat.Job(data="fmnist", model="lr", protocol="crypten")
        result = turncoat.attack("backdoor", job, trials=10, strength=0.03)
        print(result.attacked.success.mean, result.accuracy_change)

    `name` is one of `turncoat.attacks.CATALOGUE`, `settings` are the attack's own, each at its default unless
    given (`turncoat.attacks.kind(name).known()` lists them). Trial t of `trials` draws its split, initial
    weights, batch order and adversary from `seed + t`, so one trial of ten can be run again alone;
    `progress(what, done, total)` is called before each. The `Result` has the attack's sweeps as curves, and
    the paper's published numbers where it has any for this attack, data set and model. Raises Refusal for
    unknown names, settings or data, and for an attack that the job leaves no way in.
    """
    experiment = Experiment(name, job, settings, trials, seed)
    paper = published(name, job.data, job.model)
    return run(experiment, progress, paper, again(experiment), sweep=True)


def run(
    experiment: Experiment,
    progress: Progress = lambda *_: None,
    paper: Paper | None = None,
    command: str | None = None,
    dataset: Dataset | None = None,
    sweep: bool = False,
) -> Result:
    """Runs an experiment; the Result holds everything that a report shows.

    `paper` are published numbers to show beside ours, `command` the line that runs it again, `dataset` the
    job's data where they have been loaded before, `sweep` runs the attack's sweeps too. Raises Refusal for
    unknown names, data that cannot be used, or an attack that the job leaves no way in.
    """
    began = time.perf_counter()
    attack = attacks.get(experiment.attack, experiment.settings)
    if dataset is None:
        dataset = experiment.job.dataset(experiment.seed)
    attack.goal.check(dataset)
    points = swept(experiment.attack, attack) if sweep else []
    every = (attack, *(point.attack for point in points))
    runs = run_trials(experiment.job, dataset, every, experiment.trials, experiment.seed, progress)
    result = with_sweeps(to_result(experiment, attack, dataset, runs), points, runs)
    return result.model_copy(
        update={"seconds": time.perf_counter() - began, "paper": paper, "command": command}
    )


def to_result(experiment: Experiment, attack: Attack, dataset: Dataset, runs: Runs) -> Result:
    """The runs as a typed, serialisable value."""
    job, goal = experiment.job, attack.goal
    trials = _per_trial(runs)
    given, defaults = _settings(experiment, attack)
    summaries = {kind: goal.summary([r.judged for r in of_kind]) for kind, of_kind in runs.kinds.items()}
    outcomes: dict[str, Any] = {
        k: Outcome.of(accuracy(of_kind), summaries[k].success, summaries[k].measures, _ruined(of_kind))
        for k, of_kind in runs.kinds.items()
    }
    curves = {f"{n} ({kind})": c for kind, s in summaries.items() for n, c in s.curves.items()}
    result = Result(
        attack=experiment.attack,
        goal=goal.sentence,
        success_name=goal.success_name,
        data=dataset.name,
        data_label=dataset.label,
        model=job.model,
        protocol=job.protocol,
        engine=job.engine,
        trials=len(runs.honest),
        errors=round(float(np.mean(trials["errors"]))),
        **outcomes,
        **_against_honest(runs),
        bar=goal.bar,
        seconds=0.0,
        threat=attack.needs.threat(),
        notes=_notes(attack, runs, experiment.trials) + dataset.notes,
        given=given,
        defaults=defaults,
        seed=experiment.seed,
        seeds=tuple(experiment.seed + i for i in range(experiment.trials) if i not in runs.wrapped),
        per_trial=trials,
        curves=curves or None,
        gallery=summaries["attacked"].gallery,
        versions=versions(),
    )
    return result.model_copy(update={"reached": goal.reached(result)})


def _notes(attack: Attack, runs: Runs, trials: int) -> tuple[str, ...]:
    """What must be known to read a result."""
    notes = [attack.variant, fault(runs.honest)]
    if lost := len(runs.wrapped):
        notes.append(
            f"numbers wrapped around in {lost} of {trials} trials, which are left out: neither success nor failure"
        )
    if ruined := _ruined(runs.attacked):
        notes.append(
            f"the attacked model is ruined in {ruined} of {len(runs.attacked)} trials: NaN or infinity is in it, and "
            "it classifies nothing"
        )
    return tuple(filter(None, notes))


def _ruined(runs: list[Run]) -> int:
    return sum(r.ruined for r in runs)


def _against_honest(runs: Runs) -> dict[str, Any]:
    """What the attack changed, whether that is noticed, and what no training at all would give."""
    change = accuracy_change(runs.honest, runs.attacked)
    found = noticed([r.correct for r in runs.honest], [r.correct for r in runs.attacked], change)
    unpaired, paired = map(Measured.of, found)
    records = len(runs.honest[0].correct)
    return {
        "accuracy_change": Measured.of(change),
        "gain": Measured.of(gain(runs.honest, runs.attacked)),
        "noticed": Noticed(unpaired=unpaired, paired=paired, records=records, alarms=ALARMS),
        "majority": majority(runs.honest),
    }


def _per_trial(runs: Runs) -> dict[str, Any]:
    found = {
        f"{k}_{n}": values for k, of_kind in runs.kinds.items() for n, values in per_trial(of_kind).items()
    }
    return {**found, "errors": [r.errors for r in runs.attacked]}


def _settings(experiment: Experiment, attack: Attack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that was set, told apart by whether the user or a default did it."""
    plain = Job()
    job = {f.name: getattr(experiment.job, f.name) for f in fields(Job)}
    given = {n: v for n, v in job.items() if v != getattr(plain, n)} | dict(experiment.settings)
    everything = {n: v for n, v in job.items() if v not in (None, ())} | attack.settings
    return given, {n: v for n, v in everything.items() if n not in given}


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "turncoat": __version__,
    }


def again(experiment: Experiment) -> str:
    """The command line that runs an experiment again, quoted for a shell."""
    job, plain = experiment.job, Job()
    options = {f.name: getattr(job, f.name) for f in fields(Job)}
    said = [(f"--{n.replace('_', '-')}", _value(v)) for n, v in options.items() if v != getattr(plain, n)]
    said += [("--set", f"{n}={v}") for n, v in experiment.settings.items()]
    said += [("--trials", str(experiment.trials)), ("--seed", str(experiment.seed))]
    return shlex.join(["turncoat", "attack", experiment.attack, *chain.from_iterable(said)])


def _value(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(value)  # a column's name may have a comma in it
    return text.getvalue()
