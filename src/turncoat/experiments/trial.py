"""Trials: one job on one split of its data, from one seed, and what the adversary may know of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import data
from turncoat.adversary.view import View
from turncoat.core.surface import Surface
from turncoat.data import Part, Splits
from turncoat.defences.ideal import Tally
from turncoat.engines.shuffling import places
from turncoat.goals import Case, Goal
from turncoat.jobs.deployed import Deployed, Step
from turncoat.jobs.job import Job
from turncoat.jobs.loop import Schedule, schedule, shuffle_key

Progress = Callable[[str, int, int], None]
"""Called with what is going on, and how much of how much is done."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One split of the data, and one job on its victim part; `case` is what a goal has drawn for it.

    `memo` holds what has been trained already, honestly or by the adversary on its own records: attacks on one trial
    share it.
    """

    seed: int
    splits: Splits
    deployed: Deployed
    case: Case
    memo: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, deployed: Deployed, seed: int, split_seed: int | None = None, memo: dict[Any, Any] | None = None
    ) -> Trial:
        """A job on one split; `split_seed` is the split's seed where it is not the trial's own."""
        splits = data.split(deployed.job.data, seed if split_seed is None else split_seed)
        return cls(seed, splits, deployed, Case(splits.victim), {} if memo is None else memo)

    def drawn(self, goal: Goal) -> Trial:
        """The trial with the case that the goal draws for it."""
        case = goal.draw(self.splits, np.random.default_rng([self.seed, 1]))
        return replace(self, splits=replace(self.splits, victim=case.victim), case=case)

    @property
    def job(self) -> Job:
        return self.deployed.job

    @property
    def step(self) -> Step:
        """What the parties run."""
        return self.deployed.step

    @property
    def keys(self) -> list[Any]:
        """Keys of initial weights, batch order and adversary."""
        return list(jax.random.split(jax.random.key(self.seed), 3))

    @property
    def randomness(self) -> Any:
        """The key of the engine's own draws, one for honest and attacked runs."""
        return jax.random.fold_in(jax.random.key(self.seed), 3)

    @cached_property
    def schedule(self) -> Schedule:
        """Which of the victims' records stand in each batch: integers (steps, batch), and the key of public draws."""
        return schedule(self.keys[1], len(self.splits.victim), self.job)

    @property
    def order(self) -> np.ndarray:
        """The victims' records in each batch as they are, wherever a secret shuffle has put them: (steps, batch)."""
        public = np.asarray(self.schedule.order)
        if not self.step.shuffled:
            return public
        placed: np.ndarray = np.asarray(places(shuffle_key(self.randomness), len(self.splits.victim)))
        return np.take(placed, public)

    def arguments(self, victim: Part | None = None) -> tuple[Any, Any, Any, Schedule]:
        """`(state, x, y, schedule)` of a training run on the victims' records, or on as many others."""
        part = self.splits.victim if victim is None else victim
        return self.job.init(self.keys[0]), jnp.asarray(part.x), self.job.labelled(part.y), self.schedule

    @property
    def honestly(self) -> tuple[str, str]:
        """Names its honest run in `memo`: that on the victims' records, whoever draws them."""
        return "honest", hashlib.sha256(self.splits.victim.index.tobytes()).hexdigest()

    @property
    def honest(self) -> tuple[Any, Tally]:
        """What the honest run in `memo` released and counted, kept there by its leaves."""
        leaves, tally = self.memo[self.honestly]
        return jax.tree.unflatten(jax.tree.structure(self.job.released), leaves), tally

    @property
    def surface(self) -> Surface:
        """The attack surface of one step, from the shapes of its arguments."""
        return self.deployed.surface(len(self.splits.victim))

    def view(self, goal: Goal) -> View:
        """What the adversary that wants this may know of the trial, as it was drawn."""
        own, victim = self.splits.adversary, self.splits.victim
        return View(
            x=own.x,
            y=own.y,
            records=len(victim),
            job=self.job,
            program=self.deployed.program,
            surface=self.surface,
            goal=goal,
            key=self.keys[2],
            told=self.case.told,
            party=victim.party,
            own_party=own.party,
            initial=self.job.init(self.keys[0]) if self.job.initial == "public" else None,
            checked=self.deployed.looked_at,
            memo=self.memo,
        )
