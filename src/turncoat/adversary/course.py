"""Where a search stands: its errors, how long it may go on, and what it has learned so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.forms import Ending, Parts

ASTRAY = 1.0
"""Slopes mislead where what is descended on rises by more than so many times what it was at first, or 1."""
BRAKE = 0.5
"""What is left of the step after that."""


@dataclass(frozen=True)
class Effort:
    """How long a search may take: iterations, and minutes of the clock."""

    iterations: int
    minutes: float


@dataclass(frozen=True)
class Pace:
    """How many iterations there will be: all that were asked for, or those that the clock leaves time for.

    The first one, which compiles, tells nothing of how long the others take.
    """

    iterations: int
    until: float
    total: int
    since: float = 0.0

    @classmethod
    def of(cls, effort: Effort) -> Pace:
        """Before the first iteration."""
        return cls(effort.iterations, time.monotonic() + 60 * effort.minutes, effort.iterations)

    def after(self, done: int) -> Pace:
        """What so many iterations, ended now, leave."""
        now = time.monotonic()
        if done == 1:
            return replace(self, since=now, total=self.total if now < self.until else 1)
        each = max(now - self.since, 1e-9) / (done - 1)
        left = int((self.until - now) / each)
        return replace(self, total=min(self.iterations, done + max(left, 0)))


@dataclass(frozen=True, eq=False)
class Found:
    """Errors in units of what they move, what came of them in held-out rehearsals, and how many they are.

    `flagged` is the share of those whose models the defence's screens would flag.
    """

    values: list[list[np.ndarray]]
    ending: Ending
    errors: int
    worth: float
    flagged: float = 0.0


@dataclass
class Course:
    """Where a descent stands: the values and Adam's moments of them, and what is learned from held-out rehearsals.

    `careful` since slopes misled it; `moves` since it started from values without moments; `first`: what came of the
    first iteration's rehearsals.
    """

    values: Parts
    mean: Parts
    square: Parts
    weight: float
    price: float = 0.0
    left: Any = None
    best: Found | None = None
    waited: int = 0
    looks: list[Found] = field(default_factory=list)
    first: Ending | None = None
    careful: bool = False
    brake: float = 1.0
    moves: int = 0

    def worsened(self, ending: Ending) -> bool:
        """Whether what is descended on has become no number, or far larger than it was in the first iteration."""
        self.first = self.first or ending
        first, now = (float(e.goal + self.weight * e.clean) for e in (self.first, ending))
        return not now <= first + ASTRAY * max(abs(first), 1.0)

    def least(self, nothing: Found) -> Found:
        """Of no errors and all that were looked at, those where what is descended on is least."""
        sound = [f for f in (nothing, *self.looks) if np.isfinite(f.worth)]
        return min(sound, key=lambda f: f.ending.goal + self.weight * f.ending.clean, default=nothing)

    def again(self, values: Parts) -> None:
        """From these values, knowing of no slopes."""
        self.values = values
        self.mean, self.square = (jax.tree.map(jnp.zeros_like, m) for m in (self.mean, self.square))
        self.moves = 0

    def with_care(self, values: Parts) -> None:
        """From these values carefully; with half the step if it was careful before."""
        self.again(values)
        self.brake *= BRAKE if self.careful else 1
        self.careful = True
