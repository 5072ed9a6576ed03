"""The universal search: errors that an adversary finds by differentiating its own rehearsals of the whole training.

It knows nothing of the model. Over errors that are the same in all rehearsals it lowers the mean, over random starts
and random halves of its own records, of goal's surrogate + clean weight * clean loss + price * size of the errors. A
third of its records and the starts that go with them are held out: what comes of errors there decides how much clean
answers weigh, what errors cost, when to stop, and which errors are used in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.adversary.course import Course, Effort, Found, Pace
from turncoat.adversary.forms import Ending, Parts, Starts
from turncoat.adversary.limits import Budget
from turncoat.adversary.rehearsals import Rehearsals
from turncoat.adversary.variables import BOLD, FIRST, Variables

CHECK = 20
"""Iterations between two looks at the held-out rehearsals."""
PATIENCE = 5
"""So many looks without anything better, and the search ends."""
REHEARSED, HELD, KEPT = 2, 6, 12
"""Rehearsals that a slope is the mean of, held-out ones, and starts from which all of them are that skip steps."""
CAREFULLY = 2
"""A careful slope is the mean of so many times as many rehearsals, in turn, so that nothing is compiled again."""
WEIGHT, LEAST, MOST = 3.0, 0.3, 100.0
"""What clean loss weighs beside the goal's: at first, and between which bounds."""
CLEAN = 1.0
"""The least that it weighs in a careful descent: networks that answer badly have slopes that mislead."""
RATE = 0.03
"""The first step of the descent, in units of a weight."""
FEW = 0.4
"""The same of the errors that matter most, where their number has a limit."""
CAREFUL = 0.1
"""The same once slopes have misled it, when errors move by how far their slopes agree."""
AT_ROWS = 0.1
"""The same of errors at rows of a batch."""
PRUNED = 0.6
"""The share of the iterations after which a number of errors is within its limit."""
SOME = 0.5
"""The held-out success up to which a careful descent lets clean answers weigh less, whatever they cost."""
CLEARLY = 0.1
"""By so much less must errors be worth than the best for it to return to those."""


@dataclass(frozen=True)
class Manner:
    """How a descent goes: `enough`, the held-out success from which on errors become fewer rather than better.

    Then the goal's held-out loss is at most `sure`, as the victims' records are others, and errors cost `price` at
    first. `careful`: from the start, and not only since slopes misled it.
    """

    enough: float
    sure: float
    price: float
    careful: bool


WHOLE = Manner(0.97, 0.05, 0.02, careful=False)
LATE = Manner(0.9, 0.4, 0.3, careful=True)
"""Errors that are made in all of training, and in the last steps alone: of those no training makes up for what they
do beside, so that they have to be few, where the first kind may be all over the model."""


@dataclass(frozen=True, eq=False)
class Descent:
    """A search among `variables` of these rehearsals, that may cost the accuracy `loss`.

    `said(what, done, total)` is told how far it is.
    """

    rehearsals: Rehearsals
    variables: Variables
    budget: Budget
    effort: Effort
    loss: float
    said: Callable[[str, int, int], None]

    def run(self) -> Found:
        """The errors that did best in held-out rehearsals; none at all, where none did better than that."""
        course, pace, done = self.start(), Pace.of(self.effort), 0
        while done < pace.total and course.waited < PATIENCE:
            self.said("searching for errors", done, pace.total)
            self.descend(course, done, done / pace.total)
            done += 1
            pace = pace.after(done)
            if done % CHECK == 0 or done >= pace.total:
                self.look(course, done / pace.total)
        self.said("searching for errors", pace.total, pace.total)
        return course.best or self.nothing

    # ---- one iteration ------------------------------------------------------------------------------------

    def start(self) -> Course:
        """Errors as small as tells one neuron from another, or as stand out where it is careful."""
        careful = self.manner.careful and not self.variables.alike
        values = self.variables.drawn(self.keys[0], BOLD if careful else FIRST)
        zero = jax.tree.map(jnp.zeros_like, values)
        weight = LEAST if isfinite(self.budget.most) else WEIGHT
        return Course(values, zero, zero, weight, careful=careful)

    @property
    def manner(self) -> Manner:
        """How it goes about it."""
        return LATE if self.rehearsals.skipped else WHOLE

    def rate(self, careful: bool) -> float:
        """The first step: few errors have to be larger."""
        if isfinite(self.budget.most):
            return FEW
        if self.variables.few:
            return AT_ROWS
        return CAREFUL if careful else RATE

    def descend(self, course: Course, number: int, share: float) -> None:
        """One step of Adam, with a proximal step and a projection after it, when this share of them is done."""
        ending, slopes = self.slope(course, jax.random.fold_in(self.keys[2], number))
        if not self.variables.alike and course.worsened(ending):
            return self.back(course)
        course.moves += 1
        rate = self.rate(course.careful) * course.brake * 0.5 * (1 + np.cos(np.pi * share))
        moments = course.values, course.mean, course.square
        course.values, course.mean, course.square = self.variables.moved(
            moments, slopes, course.moves, rate, course.price, course.careful
        )
        if course.left is not None:
            course.values = jax.tree.map(kept_only, course.values, course.left)
        jax.block_until_ready(course.values)  # the clock is to see what was done, not what was asked for

    def slope(self, course: Course, key: Any) -> tuple[Ending, Parts]:
        """What comes of rehearsals under these errors, and its slope."""
        errors, turns = self.variables.errors(course.values), CAREFULLY if course.careful else 1
        starts = self.drawn(key, turns)
        found = [self.rehearsals.slope(errors, each, self.own, course.weight) for each in starts]
        mean: tuple[Ending, Parts] = jax.tree.map(lambda *parts: sum(parts) / turns, *found)
        return mean

    def look(self, course: Course, share: float) -> None:
        """What held-out rehearsals say, and what follows from it, after this share of the iterations."""
        self.prune(course, share)
        found = self.judged(course.values)
        course.looks.append(found)
        if found.worth > (course.best or self.nothing).worth + 1e-4:
            course.best, course.waited = found, 0
        elif course.best is not None:
            course.waited += 1
            worse = found.worth < course.best.worth - CLEARLY
            if course.careful and worse and course.best.ending.success >= SOME:
                course.again(_arrays(course.best.values))
        if not np.isfinite(found.worth):
            self.back(course)
        lost = self.lost(found.ending)
        reached = found.ending.success >= self.manner.enough
        if lost > self.loss and (found.ending.success >= SOME or not course.careful):
            course.weight = min(2 * course.weight, MOST)
        elif not reached:
            course.weight = max(course.weight / 1.5, CLEAN if course.careful else LEAST)
        good = reached and found.ending.goal <= self.manner.sure and (lost <= self.loss or course.careful)
        dear = good or found.flagged > 0.5  # smaller errors are seen less
        course.price = max(2 * course.price, self.manner.price) if dear else course.price / 4

    def back(self, course: Course) -> None:
        """From errors whose slopes mislead to a quarter of the way from better ones, carefully from there.

        Where all errors move by one scale, as the few that matter do, no care is needed, and steps stay long.
        """
        best = course.best or self.nothing if self.variables.alike else course.least(self.nothing)
        near = jax.tree.map(lambda b, v: b + (v - b) / 4, _arrays(best.values), course.values)
        if self.variables.alike:
            course.again(near)
        elif course.careful or best is not self.nothing:
            course.with_care(near)
        else:
            course.with_care(self.variables.drawn(self.keys[0], BOLD))

    def prune(self, course: Course, share: float) -> None:
        """Takes errors away until, after `PRUNED` of the iterations, they are within the budget and remain."""
        if isfinite(self.budget.most):
            ratio = min(self.budget.most / self.variables.all, 1.0)
            most = max(self.variables.all * ratio ** min(share / PRUNED, 1.0), self.budget.most)
            course.values = self.variables.fewest(course.values, most)
            course.left = jax.tree.map(lambda v: v != 0, course.values)

    def judged(self, values: Parts) -> Found:
        """Errors as they would be made, within the budget, and what comes of them in held-out rehearsals."""
        made = self.variables.fewest(values, self.budget.most)
        errors = self.variables.errors(made)
        return self.found(made, Ending(*map(float, self.held(errors))), self.flagged(errors))

    def found(self, made: Parts, ending: Ending, flagged: float = 0.0) -> Found:
        """Errors, and what they are worth: nothing where a held-out model is ruined, as a victim's would be.

        A model that is flagged is not used: what it would have answered is no success.
        """
        errors = self.variables.count(made)
        worth = min(ending.success, 0.995) * (1 - flagged) - 10 * max(self.lost(ending) - self.loss, 0)
        worth -= 0.005 * errors / self.variables.all + 0.1 * min(ending.goal, 10)
        sound = np.isfinite(worth) and (ending.sound == 1 or not self.rehearsals.wanted.kept.any())
        worth = worth if sound else -np.inf
        values = [[np.asarray(v) for v in part] for part in made]
        return Found(values, ending, errors, worth, flagged)

    @cached_property
    def nothing(self) -> Found:
        """No errors: what a search that finds nothing better comes to."""
        return self.found(jax.tree.map(jnp.zeros_like, self.start().values), self.honest)

    def lost(self, ending: Ending) -> float:
        """How much of the accuracy errors cost, where any is to be kept."""
        if not self.rehearsals.wanted.kept.any():
            return 0.0
        return float(self.honest.accuracy - ending.accuracy)

    # ---- whose records, which starts ----------------------------------------------------------------------

    @cached_property
    def keys(self) -> Any:
        """Of the first errors, the parting of its records, the rehearsals, and those that are held out."""
        return jax.random.split(jax.random.fold_in(self.rehearsals.view.key, 7), 4)

    @cached_property
    def parted(self) -> tuple[np.ndarray, np.ndarray]:
        """The adversary's records that a descent sees, two thirds of them, and those that are held out."""
        count = len(self.rehearsals.view.x)
        order = np.asarray(jax.random.permutation(self.keys[1], count))
        return order[: count * 2 // 3], order[count * 2 // 3 :]

    @cached_property
    def own(self) -> Any:
        return jnp.asarray(self.parted[0])

    @cached_property
    def honest(self) -> Ending:
        """What comes of held-out rehearsals without errors."""
        return Ending(*map(float, self.held(self.rehearsals.none)))

    def held(self, errors: Parts) -> Ending:
        """Rehearsals from other starts, on held-out records and as many others, judged on the held-out ones."""
        judged = jnp.zeros(len(self.rehearsals.view.x)).at[self.parted[1]].set(1)
        return self.rehearsals.ending(errors, *self.held_out, judged)

    def flagged(self, errors: Parts) -> float:
        """The share of the same rehearsals whose models screens would flag."""
        return self.rehearsals.flagged(errors, *self.held_out)

    @cached_property
    def held_out(self) -> tuple[Starts, Any]:
        """The starts of held-out rehearsals, and the records that they train on."""
        seen, out = self.parted
        records = jnp.asarray(np.concatenate([out, seen[: len(out)]]))
        return self.rehearsals.begin(jax.random.split(self.keys[3], HELD), records), records

    @cached_property
    def kept(self) -> Starts:
        """The starts that rehearsals have which skip steps: few enough to be trained once."""
        return self.rehearsals.begin(jax.random.split(self.keys[2], KEPT), self.own)

    def drawn(self, key: Any, turns: int) -> list[Starts]:
        """Starts for as many slopes: new ones, or some of those that are kept."""
        if not self.rehearsals.skipped:
            return [Starts(keys) for keys in jax.random.split(key, (turns, REHEARSED))]
        which = jax.random.choice(key, KEPT, (turns, REHEARSED), replace=False)
        return [jax.tree.map(lambda a, some=some: a[some], self.kept) for some in which]


def _arrays(values: list[list[np.ndarray]]) -> Parts:
    return [[jnp.asarray(v) for v in part] for part in values]


def kept_only(values: Any, kept: Any) -> Any:
    """The values where errors are still made, 0 elsewhere."""
    return jnp.where(kept, values, jnp.zeros_like(values))
