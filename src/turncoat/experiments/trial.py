"""Trials: one job on one split of the data, from one seed, and what the adversary may know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import data, engines, protocols
from turncoat.adversary.view import View
from turncoat.core.secure import Secured
from turncoat.core.surface import Surface
from turncoat.core.values import struct
from turncoat.data import Dataset, Part, Splits
from turncoat.goals import Case, Goal
from turncoat.jobs import models
from turncoat.jobs.job import Job
from turncoat.jobs.loop import Training, batch_order, secure_step, start
from turncoat.jobs.models import Model, Params

Progress = Callable[[str, int, int], None]
"""Called with what is going on, and how much of how much is done."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One split of the data, and one job on its victim part; `case` is what a goal has drawn for it."""

    seed: int
    splits: Splits
    shape: tuple[int, ...]
    model: Model
    training: Training
    step: Secured
    case: Case

    @classmethod
    def of(cls, dataset: Dataset, job: Job, seed: int, split_seed: int | None = None) -> Trial:
        """A job on one split; `split_seed` is the split's seed where it is not the trial's own."""
        splits = data.split(dataset, seed if split_seed is None else split_seed)
        model = models.get(job.model, dataset.shape, dataset.classes, job.hidden)
        training = job.training(len(splits.victim))
        step = secure_step(model, training, protocols.get(job.protocol), engines.get(job.engine))
        return cls(seed, splits, dataset.shape, model, training, step, Case(splits.victim))

    def drawn(self, goal: Goal) -> Trial:
        """The trial with the case that the goal draws for it."""
        case = goal.draw(self.splits, np.random.default_rng([self.seed, 1]))
        return replace(self, splits=replace(self.splits, victim=case.victim), case=case)

    @property
    def keys(self) -> list[Any]:
        """Keys of initial weights, batch order and adversary."""
        return list(jax.random.split(jax.random.key(self.seed), 3))

    @property
    def randomness(self) -> Any:
        """The key of the engine's own draws, one for honest and attacked runs."""
        return jax.random.fold_in(jax.random.key(self.seed), 3)

    @property
    def order(self) -> Any:
        """Which of the victims' records stand in each batch: integers (steps, batch)."""
        return batch_order(self.keys[1], len(self.splits.victim), self.training)

    def arguments(self, victim: Part | None = None) -> tuple[Params, Any, Any, Any]:
        """`(params, x, y, order)` of a training run on the victims' records, or on as many others."""
        part = self.splits.victim if victim is None else victim
        params = start(self.model.init(self.keys[0]), self.training)
        return params, jnp.asarray(part.x), self.model.encode(part.y), self.order

    @property
    def program(self) -> Secured:
        """The job's step on the adversary's own machine: the same circuit on engine `reals`."""
        return secure_step(self.model, self.training, self.step.protocol, engines.reals)

    @property
    def surface(self) -> Surface:
        """The attack surface of one step, from the shapes of its arguments."""
        victim = self.splits.victim
        x, labels = (struct(a.shape, a.dtype) for a in (victim.x, victim.y))
        y = jax.eval_shape(self.model.encode, labels)
        params = jax.eval_shape(lambda key: start(self.model.init(key), self.training), jax.random.key(0))
        return self.step.surface(params, x, y, struct((self.training.batch,), np.int32))

    def view(self, goal: Goal) -> View:
        """What the adversary that wants this may know of the trial, as it was drawn."""
        own, victim = self.splits.adversary, self.splits.victim
        return View(
            x=own.x,
            y=own.y,
            records=len(victim),
            model=self.model,
            training=self.training,
            program=self.program,
            surface=self.surface,
            goal=goal,
            key=self.keys[2],
            told=self.case.told,
            party=victim.party,
            shape=self.shape,
        )
