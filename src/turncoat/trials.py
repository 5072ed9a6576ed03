"""Trials: one job on one split of the data, from one seed, and what the adversary may know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import data, engines, models, protocols
from turncoat.adversary.view import View
from turncoat.attacks import Attack
from turncoat.core.secure import Secured
from turncoat.core.surface import Surface
from turncoat.data import Dataset, Part, Splits
from turncoat.goals import Case, Goal
from turncoat.models import Model, Params
from turncoat.training import Training, batch_order, secure_step, start

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
