"""An experiment: one attack on one training job, honest and attacked from the same keys, as a Result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from turncoat import attacks, engines, protocols
from turncoat.attacks import Attack
from turncoat.core.engine import Engine
from turncoat.core.protocol import Protocol
from turncoat.data import Dataset
from turncoat.defences.defence import Defence
from turncoat.experiments import aborts, records, screening
from turncoat.experiments.honest import fault, majority
from turncoat.experiments.judged import Run
from turncoat.experiments.memory import Memory
from turncoat.experiments.runs import Runs, accuracy_change, gain, per_trial, run_trials
from turncoat.experiments.sweeps import swept, with_sweeps
from turncoat.experiments.trial import Progress
from turncoat.goals.goal import Goal
from turncoat.jobs.checks import check
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.job import Job
from turncoat.jobs.setup import Setup
from turncoat.jobs.task import NOTES
from turncoat.metrics.power import AS_USUAL, Victim, noticed
from turncoat.refusal import Refusal
from turncoat.results.result import Noticed, Result
from turncoat.results.values import Measured
from turncoat.settings import check_seed

MOST_TRIALS = 100_000


def check_trials(trials: int) -> None:
    """Refuses a number of trials that no experiment has."""
    if not 1 <= trials <= MOST_TRIALS:
        raise Refusal(f"an experiment needs at least one trial and at most {MOST_TRIALS:,}, not {trials}")


@dataclass(frozen=True)
class Experiment:
    """An attack on a job, over several trials; a job by names is made one when it runs.

    Trial t uses the seed `seed + t` for everything: split, initial weights, batch order, adversary. So one
    trial of ten can be run again alone.
    """

    attack: str = "backdoor"
    job: Setup | Deployed = field(default_factory=Setup)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 10
    seed: int = 0
    victim: Victim = AS_USUAL

    def __post_init__(self) -> None:
        check_trials(self.trials)
        check_seed(self.seed)
        attacks.get(self.attack, self.settings)
        if isinstance(self.job, Setup):
            protocols.get(self.job.protocol)
            engines.get(self.job.engine)

    @property
    def command(self) -> str | None:
        """The command line that runs it again, quoted for a shell; None for a job made in Python."""
        return records.again(self.attack, self.job, self.settings, self.trials, self.seed)


def deployed(
    job: Job | Setup,
    protocol: Protocol | str | None,
    engine: Engine | str | None,
    defence: Defence | str | None = None,
) -> Setup | Deployed:
    """A job under a protocol and on an engine, by default CrypTen's and `reals`, and under a defence, if any."""
    if isinstance(job, Job):
        return Deployed.of(job, protocol or Setup.protocol, engine or Setup.engine, defence)
    if protocol is None and engine is None and defence is None:
        return job
    chosen = protocol or job.protocol, engine or job.engine, defence or job.defence
    return Deployed.of(job.job(), *chosen)


def attack(
    name: str,
    job: Job | Setup = Setup(),
    *,
    protocol: Protocol | str | None = None,
    engine: Engine | str | None = None,
    trials: int = 10,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    **settings: Any,
) -> Result:
    """Runs one attack on a training job, honest beside attacked: `turncoat attack` as a function.

        job = turncoat.jobs.lr("fmnist")
        result = turncoat.attack("backdoor", job, protocol="crypten", trials=10, strength=0.03)
        print(result.attacked.success.mean, result.accuracy_change)

    `name` is one of `turncoat.attacks.CATALOGUE`, `settings` are the attack's own, each at its default unless
    given (`turncoat.attacks.kind(name).known()` lists them), beside `defence`, a value or a name of
    `turncoat.defences.CATALOGUE`. Trial t of `trials` draws its split, initial
    weights, batch order and adversary from `seed + t`, so one trial of ten can be run again alone;
    `progress(what, done, total)` is called before each. The `Result` has the attack's sweeps as curves, and
    the paper's published numbers where it has any for this attack, data set and model. Raises Refusal for
    unknown names, settings or data, and for an attack that the job leaves no way in.
    """
    target = deployed(job, protocol, engine, settings.pop("defence", None))
    experiment = Experiment(name, target, settings, trials, seed)
    return run(experiment, progress, sweep=True)


def run(
    experiment: Experiment,
    progress: Progress = lambda *_: None,
    command: str | None = None,
    dataset: Dataset | None = None,
    sweep: bool = False,
    memory: Memory | None = None,
) -> Result:
    """Runs an experiment; the Result holds everything that a report shows.

    Published numbers of the attack on this data set and model stand beside ours. `command` is the line that runs it
    again, by default the experiment's; `dataset` the job's data where they have been loaded before; `sweep` runs the
    attack's sweeps too; what `memory` holds, or its store, is not computed again, and its time counts all the same.
    Raises Refusal for unknown names, data that cannot be used, or an attack that the job leaves no way in.
    """
    memory = Memory() if memory is None else memory
    began, before = time.perf_counter(), memory.elsewhere
    target = experiment.job.deployed(experiment.seed, dataset)
    attack = checked(experiment, target)
    points = swept(experiment.attack, attack) if sweep and target.defence is None else []
    every = (attack, *(point.attack for point in points))
    runs = run_trials(target, every, experiment.trials, experiment.seed, progress, memory)
    runs = replace(runs, attacked=screening.unused(runs.attacked, attack, target.defence))
    result = with_sweeps(to_result(experiment, attack, target, runs), points, runs)
    paper = records.paper(experiment.attack, experiment.job)
    line = experiment.command if command is None else command
    seconds = time.perf_counter() - began + memory.elsewhere - before
    return result.model_copy(update={"seconds": seconds, "paper": paper, "command": line})


def checked(experiment: Experiment, target: Deployed) -> Attack:
    """The attack of an experiment; Refusal where the job is unsound or leaves it no way in."""
    attack = attacks.get(experiment.attack, experiment.settings)
    check(target.job)
    attack.check(target.job)
    aborts.check(attack.goal, target)
    return attack


def to_result(experiment: Experiment, attack: Attack, target: Deployed, runs: Runs) -> Result:
    """The runs as a typed, serialisable value."""
    goal, dataset = attack.goal, target.job.data
    protocol, engine = target.names
    trials = _per_trial(runs)
    given, defaults = records.settings(experiment.job, attack, experiment.settings)
    summaries = {kind: aborts.summary(goal, of_kind) for kind, of_kind in runs.kinds.items()}
    outcomes: dict[str, Any] = {k: aborts.outcome(of_kind, summaries[k]) for k, of_kind in runs.kinds.items()}
    curves = {f"{n} ({kind})": c for kind, s in summaries.items() for n, c in s.curves.items()}
    result = Result(
        attack=experiment.attack,
        harm=goal.harm,
        goal=goal.sentence,
        success_name=goal.success_name,
        data=dataset.name,
        data_label=dataset.label,
        model=target.job.name,
        protocol=protocol,
        engine=engine,
        trials=len(runs.honest),
        errors=round(float(np.mean(trials["errors"]))),
        sites=_tampered(runs.attacked),
        **outcomes,
        **_against_honest(runs, experiment.victim),
        defence=aborts.defended(target, runs.honest, runs.attacked),
        bar=goal.bar,
        seconds=0.0,
        threat=attack.needs.threat(),
        notes=_notes(attack, target.job.task, runs, experiment.trials) + dataset.notes,
        given=given,
        defaults=defaults,
        seed=experiment.seed,
        seeds=tuple(experiment.seed + i for i in range(experiment.trials) if i not in runs.wrapped),
        per_trial=trials,
        curves=curves or None,
        gallery=summaries["attacked"].gallery,
        versions=records.versions(),
    )
    return _with_end(result, goal)


def _with_end(result: Result, goal: Goal) -> Result:
    """Whether it reached the goal, or may have: without a model it has not, unless the goal is about aborts."""
    opened = goal.of_aborts or result.attacked.aborted < result.trials
    reached = opened and goal.reached(result)
    doubt = opened and not reached and goal.in_doubt(result)
    return result.model_copy(update={"reached": reached, "in_doubt": doubt})


def _notes(attack: Attack, kind: str, runs: Runs, trials: int) -> tuple[str, ...]:
    """What must be known to read a result."""
    notes = [attack.variant, NOTES[kind], fault(runs.honest)]
    if lost := len(runs.wrapped):
        notes.append(
            f"numbers wrapped around in {lost} of {trials} trials, which are left out: neither success nor failure"
        )
    if ruined := _ruined(runs.attacked):
        notes.append(
            f"the attacked model is ruined in {ruined} of {len(runs.attacked)} trials: NaN or infinity is in it, and "
            "it classifies nothing"
        )
    if stopped := _aborted(runs.attacked):
        notes.append(
            f"the honest parties aborted {stopped} of {len(runs.attacked)} attacked runs: nothing of them is opened, "
            "and accuracy and further measures are those of the others"
        )
    if seen := sum(bool(r.flagged) for r in runs.attacked):
        notes.append(
            f"screens flag the opened model of {seen} of {len(runs.attacked)} attacked runs: "
            + ("what it gave away it has given away" if attack.needs.reads != "nothing" else "it is not used")
        )
    return tuple(filter(None, notes))


def _tampered(runs: list[Run]) -> tuple[str, ...]:
    """The sites at which errors were made in any run."""
    counts = [r.tally.messages for r in runs if r.tally is not None]
    return tuple(sorted({name for each in counts for name, n in each.items() if int(n)}))


def _ruined(runs: list[Run]) -> int:
    return sum(r.ruined for r in runs)


def _aborted(runs: list[Run]) -> int:
    return sum(r.aborted for r in runs)


def _against_honest(runs: Runs, victim: Victim) -> dict[str, Any]:
    """What the attack changed, whether that is noticed, and what no training at all would give."""
    compared: dict[str, Any] = {
        "gain": Measured.of(gain(runs.honest, runs.attacked)),
        "majority": majority(runs.honest),
    }
    honest, attacked = aborts.both_released(runs.honest, runs.attacked)
    if not honest:
        return compared
    change = accuracy_change(honest, attacked)
    found = noticed([r.correct for r in honest], [r.correct for r in attacked], change, victim)
    unpaired, paired = map(Measured.of, found)
    told = vars(victim) | {"records": victim.records or len(runs.honest[0].correct)}
    seen = Noticed(unpaired=unpaired, paired=paired, **told)
    return {**compared, "accuracy_change": Measured.of(change), "noticed": seen}


def _per_trial(runs: Runs) -> dict[str, Any]:
    found = {
        f"{k}_{n}": values for k, of_kind in runs.kinds.items() for n, values in per_trial(of_kind).items()
    }
    stopped = {"aborted": [int(r.aborted) for r in runs.attacked]} if _aborted(runs.attacked) else {}
    return {**found, "errors": [r.errors for r in runs.attacked], **stopped}
