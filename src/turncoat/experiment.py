"""An experiment: one attack on one training job, honest and attacked from the same keys, as a Record."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import turncoat
from turncoat import attacks, data, engines, models, protocols
from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.core.secure import Secured
from turncoat.core.surface import Surface
from turncoat.data import Dataset, Part, Splits
from turncoat.goals import Goal
from turncoat.metrics import paired_difference, rate
from turncoat.models import Model, Params
from turncoat.record import Measured, Outcome, Paper, Record
from turncoat.refusal import Refusal
from turncoat.training import Training, batch_order, each, predictions, secure_step, train

LARGE = Training(epochs=10, batch=100, learning_rate=0.1)
SMALL = Training(epochs=20, batch=32, learning_rate=0.5)
"""Default hyper-parameters for at least, and for fewer than, 10,000 training records."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on, and how much of how much is done."""


@dataclass(frozen=True)
class Job:
    """A training job: data, model, and the protocol and engine that it runs under.

    `epochs`, `batch` and `learning_rate` default to the data set's size (see `training_of`).
    """

    data: str = "digits"
    model: str = "lr"
    hidden: tuple[int, ...] = (128,)
    protocol: str = "crypten"
    engine: str = "reals"
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None

    def training(self, records: int) -> Training:
        """The job's hyper-parameters on this many training records; Refusal if they make no run."""
        base = LARGE if records >= 10_000 else SMALL
        given = {n: v for n in ("epochs", "batch", "learning_rate") if (v := getattr(self, n)) is not None}
        training = replace(base, **given)
        training.check(records)
        return training


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
        if self.trials < 1:
            raise Refusal(f"an experiment needs at least one trial, not {self.trials}")
        if self.seed < 0:
            raise Refusal(f"the seed must be at least 0, not {self.seed}")
        attacks.get(self.attack, self.settings)
        protocols.get(self.job.protocol)
        engines.get(self.job.engine)


@dataclass(frozen=True, eq=False)
class Trial:
    """One split of the data, and one job on its victim part."""

    seed: int
    splits: Splits
    model: Model
    training: Training
    step: Secured

    @property
    def keys(self) -> list[Any]:
        """Keys of initial weights, batch order and adversary."""
        return list(jax.random.split(jax.random.key(self.seed), 3))

    def arguments(self) -> tuple[Params, Any, Any, Any]:
        """`(params, x, y, order)` of a training run on the victims' records."""
        start, order, _ = self.keys
        victim = self.splits.victim
        batches = batch_order(order, len(victim), self.training)
        return self.model.init(start), jnp.asarray(victim.x), self.model.encode(victim.y), batches


def trial(dataset: Dataset, job: Job, seed: int, step: Secured | None = None) -> Trial:
    """A job on one split; `step` saves compiling again where the job has run before."""
    splits = data.split(dataset, seed)
    model = models.get(job.model, dataset.x.shape[1], dataset.classes, job.hidden)
    training = job.training(len(splits.victim))
    if step is None:
        step = secure_step(model, training, protocols.get(job.protocol), engines.get(job.engine))
    return Trial(seed, splits, model, training, step)


def job_surface(t: Trial) -> Surface:
    """The attack surface of one step of a trial's job, from the shapes of its arguments."""
    victim = t.splits.victim
    x, labels = (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (victim.x, victim.y))
    params, y = jax.eval_shape(t.model.init, jax.random.key(0)), jax.eval_shape(t.model.encode, labels)
    return t.step.surface(params, x, y, jax.ShapeDtypeStruct((t.training.batch,), jnp.int32))


def view(t: Trial, attack: Attack, surface: Surface, program: Secured) -> View:
    """What the adversary of this trial may know."""
    own, records = t.splits.adversary, len(t.splits.victim)
    return View(own.x, own.y, records, t.model, t.training, program, surface, attack.goal, t.keys[2])


@dataclass(frozen=True, eq=False)
class Run:
    """One training run, judged by the harness on the test part: Booleans per record, and tampered products."""

    correct: np.ndarray
    success: np.ndarray
    errors: int


def judge(model: Model, test: Part, goal: Goal, params: Params, errors: Any) -> Run:
    """Test accuracy and success of a released model."""

    def predict(x: np.ndarray) -> np.ndarray:
        return predictions(model, params, x)

    return Run(predict(test.x) == test.y, goal.flags(predict, test.x, test.y), int(errors))


def run_trials(
    experiment: Experiment, dataset: Dataset, attack: Attack, progress: Progress
) -> tuple[list[Run], list[Run]]:
    """Honest and attacked runs of every trial, from the same keys."""
    first = trial(dataset, experiment.job, experiment.seed)
    step, surface = first.step, job_surface(first)
    program = secure_step(first.model, first.training, step.protocol, engines.reals)
    judges: list[Callable[[Params, Any], Run]] = []
    what = "training honestly and under attack"

    def inputs() -> Iterator[tuple]:
        for i in range(experiment.trials):
            progress(what, i, experiment.trials)
            t = trial(dataset, experiment.job, experiment.seed + i, step)
            judges.append(partial(judge, t.model, t.splits.test, attack.goal))
            yield (*t.arguments(), attack.prepare(view(t, attack, surface, program)))

    def both(params: Params, x: Any, y: Any, order: Any, plan: Any) -> tuple:
        honest = train(step, params, x, y, order)
        return honest, train(step, params, x, y, order, attack.tamper, plan, attack.needs.data_order)

    honest, attacked = [], []
    for i, (plain, tampered) in enumerate(each(both, inputs())):
        honest.append(judges[i](*plain))
        attacked.append(judges[i](*tampered))
    progress(what, experiment.trials, experiment.trials)
    return honest, attacked


def run(
    experiment: Experiment,
    progress: Progress = lambda *_: None,
    paper: Paper | None = None,
    command: str | None = None,
    dataset: Dataset | None = None,
) -> Record:
    """Runs an experiment; the Record holds everything that a report shows.

    `paper` are published numbers to show beside ours, `command` the line that runs it again, `dataset` the
    job's data where they have been loaded before. Raises
    Refusal for unknown names, data that cannot be used, or an attack that the job leaves no way in.
    """
    began = time.perf_counter()
    attack = attacks.get(experiment.attack, experiment.settings)
    if dataset is None:
        dataset = data.load(experiment.job.data, seed=experiment.seed)
    attack.goal.check(dataset.x.shape[1], dataset.classes)
    honest, attacked = run_trials(experiment, dataset, attack, progress)
    record = to_record(experiment, attack, dataset, honest, attacked)
    return record.model_copy(
        update={"seconds": time.perf_counter() - began, "paper": paper, "command": command}
    )


def to_record(
    experiment: Experiment, attack: Attack, dataset: Dataset, honest: list[Run], attacked: list[Run]
) -> Record:
    """The runs as a typed, serialisable value."""
    job = experiment.job
    per_trial: dict[str, Any] = {
        f"{name}_{what}": [float(np.mean(getattr(r, column))) for r in runs]
        for name, runs in (("honest", honest), ("attacked", attacked))
        for what, column in (("accuracy", "correct"), ("success", "success"))
    }
    change = paired_difference(per_trial["honest_accuracy"], per_trial["attacked_accuracy"], bounds=(-1, 1))
    given, defaults = _settings(experiment, attack)
    return Record(
        attack=experiment.attack,
        goal=attack.goal.sentence,
        data=dataset.name,
        data_label=dataset.label,
        model=job.model,
        protocol=job.protocol,
        engine=job.engine,
        trials=experiment.trials,
        errors=round(float(np.mean([r.errors for r in attacked]))),
        honest=_outcome(honest),
        attacked=_outcome(attacked),
        accuracy_change=Measured.of(change),
        seconds=0.0,
        threat=attack.needs.threat(),
        notes=(attack.variant,) if attack.variant else (),
        given=given,
        defaults=defaults,
        seed=experiment.seed,
        seeds=tuple(range(experiment.seed, experiment.seed + experiment.trials)),
        per_trial=per_trial | {"errors": [r.errors for r in attacked]},
        versions=versions(),
    )


def _outcome(runs: list[Run]) -> Outcome:
    """Pooled over trials and test records, with exact intervals."""
    return Outcome(
        accuracy=Measured.of(rate(np.concatenate([r.correct for r in runs]))),
        success=Measured.of(rate(np.concatenate([r.success for r in runs]))),
    )


def _settings(experiment: Experiment, attack: Attack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that was set, told apart by whether the user or a default did it."""
    plain = Job()
    job = {f.name: getattr(experiment.job, f.name) for f in fields(Job)}
    given = {n: v for n, v in job.items() if v != getattr(plain, n)} | dict(experiment.settings)
    everything = {n: v for n, v in job.items() if v is not None} | attack.settings
    return given, {n: v for n, v in everything.items() if n not in given}


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "turncoat": turncoat.__version__,
    }


def again(experiment: Experiment) -> str:
    """The command line that runs an experiment again."""
    job, plain = experiment.job, Job()
    options = {f.name: getattr(job, f.name) for f in fields(Job)}
    said = [f"--{n.replace('_', '-')} {_value(v)}" for n, v in options.items() if v != getattr(plain, n)]
    said += [f"--set {n}={v}" for n, v in experiment.settings.items()]
    said += [f"--trials {experiment.trials}", f"--seed {experiment.seed}"]
    return " ".join(["turncoat attack", experiment.attack, *said])


def _value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
