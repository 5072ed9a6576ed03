"""Trials: one job on one split of the data, trained honestly and under attack from the same keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import data, engines, models, protocols
from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.core.engine import Engine
from turncoat.core.secure import Secured
from turncoat.core.surface import Surface
from turncoat.data import Dataset, Part, Splits
from turncoat.goals import Case, Ended, Goal, Judged
from turncoat.models import Model, Params
from turncoat.refusal import Refusal
from turncoat.training import Training, batch_order, each, predictions, secure_step, start, train

LARGE = Training(epochs=10, batch=100, learning_rate=0.1)
SMALL = Training(epochs=20, batch=32, learning_rate=0.5)
"""Default hyper-parameters for at least, and for fewer than, 10,000 training records."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on, and how much of how much is done."""


@dataclass(frozen=True)
class Job:
    """A training job: data, model, and the protocol and engine that it runs under.

    `epochs`, `batch` and `learning_rate` default by the data set's size; there is no momentum or weight decay
    unless they are given.
    """

    data: str = "digits"
    model: str = "lr"
    hidden: tuple[int, ...] = (128,)
    protocol: str = "crypten"
    engine: str = "reals"
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None

    def training(self, records: int) -> Training:
        """The job's hyper-parameters on this many training records; Refusal if they make no run."""
        base = LARGE if records >= 10_000 else SMALL
        given = {f.name: v for f in fields(Training) if (v := getattr(self, f.name)) is not None}
        training = replace(base, **given)
        training.check(records)
        return training


@dataclass(frozen=True, eq=False)
class Trial:
    """One split of the data, and one job on its victim part, with what the goal draws for it."""

    seed: int
    splits: Splits
    shape: tuple[int, ...]
    model: Model
    training: Training
    step: Secured

    @property
    def keys(self) -> list[Any]:
        """Keys of initial weights, batch order and adversary."""
        return list(jax.random.split(jax.random.key(self.seed), 3))

    @property
    def randomness(self) -> Any:
        """The key of the engine's own draws, one for honest and attacked runs."""
        return jax.random.fold_in(jax.random.key(self.seed), 3)

    def arguments(self, victim: Part | None = None) -> tuple[Params, Any, Any, Any]:
        """`(params, x, y, order)` of a training run on the victims' records, or on others in their place."""
        initial, order, _ = self.keys
        part = self.splits.victim if victim is None else victim
        batches = batch_order(order, len(part), self.training)
        params = start(self.model.init(initial), self.training)
        return params, jnp.asarray(part.x), self.model.encode(part.y), batches

    def draw(self, goal: Goal) -> tuple[Trial, Case]:
        """The trial with the case that the goal draws for it."""
        case = goal.draw(self.splits, np.random.default_rng([self.seed, 1]))
        return replace(self, splits=replace(self.splits, victim=case.victim)), case


def trial(
    dataset: Dataset, job: Job, seed: int, step: Secured | None = None, split_seed: int | None = None
) -> Trial:
    """A job on one split; `step` saves compiling again where the job has run before.

    `split_seed` is the split's seed where it is not the trial's own.
    """
    splits = data.split(dataset, seed if split_seed is None else split_seed)
    model = models.get(job.model, dataset.shape, dataset.classes, job.hidden)
    training = job.training(len(splits.victim))
    if step is None:
        step = secure_step(model, training, protocols.get(job.protocol), engines.get(job.engine))
    return Trial(seed, splits, dataset.shape, model, training, step)


def job_surface(t: Trial) -> Surface:
    """The attack surface of one step of a trial's job, from the shapes of its arguments."""
    victim = t.splits.victim
    x, labels = (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (victim.x, victim.y))
    y = jax.eval_shape(t.model.encode, labels)
    params = jax.eval_shape(lambda key: start(t.model.init(key), t.training), jax.random.key(0))
    return t.step.surface(params, x, y, jax.ShapeDtypeStruct((t.training.batch,), jnp.int32))


def view(t: Trial, attack: Attack, surface: Surface, program: Secured, case: Case | None = None) -> View:
    """What the adversary of this trial may know."""
    own, victim = t.splits.adversary, t.splits.victim
    return View(
        x=own.x,
        y=own.y,
        records=len(victim),
        model=t.model,
        training=t.training,
        program=program,
        surface=surface,
        goal=attack.goal,
        key=t.keys[2],
        told={} if case is None else case.told,
        party=victim.party,
        shape=t.shape,
    )


@dataclass(frozen=True, eq=False)
class Run:
    """One training run, judged by the harness on the test part: Booleans per record, and tampered products."""

    correct: np.ndarray
    judged: Judged
    errors: int


@dataclass(frozen=True, eq=False)
class Runs:
    """Every trial's runs, from the same keys: honest, on contributed records without errors, attacked.

    `wrapped` are the numbers of trials left out because a run of theirs wrapped around (see `has_wrapped`).
    """

    honest: list[Run] = field(default_factory=list)
    poisoned: list[Run] = field(default_factory=list)
    attacked: list[Run] = field(default_factory=list)
    wrapped: list[int] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, list[Run]]:
        """The kinds of run that there are, by name."""
        kinds = {"honest": self.honest, "poisoned": self.poisoned, "attacked": self.attacked}
        return {name: runs for name, runs in kinds.items() if runs}


def judge(
    t: Trial, attack: Attack, case: Case, v: View, plan: Any, order: Any, tampered: bool
) -> Callable[..., Run]:
    """The harness's judgement of a released model: test accuracy, and success by the goal."""

    def judged(params: Params, errors: Any) -> Run:
        def predict(x: np.ndarray) -> np.ndarray:
            return predictions(t.model, params, x)

        test = t.splits.test
        taken = None if attack.exploit is None else attack.exploit(v, plan, params)
        ended = Ended(predict, test, case, taken, tampered, np.asarray(order), t.shape)
        return Run(predict(test.x) == test.y, attack.goal.judge(ended), int(errors))

    return judged


def contributed(victim: Part, records: tuple[Any, Any]) -> Part:
    """The victims' records, the last of them replaced by a colluding contributor's."""
    x, y = (np.asarray(a) for a in records)
    if len(x) > len(victim):
        raise Refusal(f"a contributor of {len(x)} records does not fit into {len(victim)}; let it give fewer")
    kept = len(victim) - len(x)
    return replace(
        victim,
        x=np.concatenate([victim.x[:kept], x.astype(victim.x.dtype)]),
        y=np.concatenate([victim.y[:kept], y.astype(victim.y.dtype)]),
    )


def has_wrapped(engine: Engine, params: Params) -> bool:
    """Whether a monitored engine has marked a model: then its run is neither a success nor a failure."""
    return isinstance(engine, engines.Monitored) and any(
        bool(np.isnan(leaf).any()) for leaf in jax.tree.leaves(params)
    )


def run_trials(
    job: Job, dataset: Dataset, attack: Attack, trials: int, seed: int, progress: Progress
) -> Runs:
    """Honest and attacked runs of every trial, from the same keys."""
    first, _ = trial(dataset, job, seed).draw(attack.goal)
    step, surface = first.step, job_surface(first)
    program = secure_step(first.model, first.training, step.protocol, engines.reals)
    judges: list[list[Callable[..., Run]]] = []
    what = "training honestly and under attack"
    split_seed = seed if attack.goal.one_split else None

    def inputs() -> Iterator[tuple]:
        for i in range(trials):
            progress(what, i, trials)
            t, case = trial(dataset, job, seed + i, step, split_seed).draw(attack.goal)
            v = view(t, attack, surface, program, case)
            plan = attack.prepare(v)
            plain = t.arguments()
            judges.append([judge(t, attack, case, v, plan, plain[3], k) for k in (False, False, True)])
            added = contributed(t.splits.victim, attack.contribute(v)) if attack.contribute else None
            yield plain, t.arguments(added), plan, t.randomness

    def every(plain: tuple, poisoned: tuple, plan: Any, key: Any) -> tuple:
        honestly: Callable[..., Any] = partial(train, step, key=key)
        middle = honestly(*poisoned) if attack.contribute else None
        params, x, y, order = poisoned
        attacked = train(step, params, x, y, order, attack.tamper, plan, attack.needs.data_order, key)
        return honestly(*plain), middle, attacked

    runs = Runs()
    for i, ended in enumerate(each(every, inputs())):
        if any(model is not None and has_wrapped(step.engine, model[0]) for model in ended):
            runs.wrapped.append(i)
            continue
        for kind, judged, model in zip(
            (runs.honest, runs.poisoned, runs.attacked), judges[i], ended, strict=True
        ):
            if model is not None:
                kind.append(judged(*model))
    progress(what, trials, trials)
    if not runs.honest:
        raise Refusal(
            "numbers wrapped around in the ring in every trial: lower the strength of the attack or the precision"
        )
    return runs
