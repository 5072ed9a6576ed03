"""How large a few changes of the released weights must be: a search on a model that the adversary rehearses.

What counts is a share of records on the right side of a boundary, which has no useful gradient, and there are
one or two sizes to find: a search up and down, each size in turn, by ever smaller factors, needs some dozen
evaluations and no step size. Differentiating through training would say no more, at the price of a training
run each: a change in the last step is in the released model as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.adversary.view import View
from turncoat.goals import Backdoor
from turncoat.jobs.leaves import filled, named
from turncoat.refusal import Refusal

Change = tuple[str, np.ndarray]
"""A released leaf, by name, and what is added to it."""

Rehearsal = tuple[Any, Sequence[Change]]
"""A model of the adversary's own, and where in it the changes go."""

FACTORS = (8.0, 2.0, 1.25)
LEAST, MOST = 1e-6, 1e5
SLACK = 1.5  # the backdoor must work at sizes that many times smaller: the victims' model is another; docs/tuning.md
CLEAN, TRIGGERED = 1000, 200  # records of the adversary's that a size is judged on


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["models", "changes", "x", "y", "triggered"],
    meta_fields=["scores", "names", "target"],
)
@dataclass(frozen=True, eq=False)
class Stage:
    """Rehearsed models and the changes to try on them, both stacked, and the records that they are judged on.

    `models` are released pytrees, `scores` what the job makes of one and of records; `names` are the leaves
    changed, `x` and `y` records as they are, `triggered` ones that are to take the class `target`.
    """

    scores: Callable[[Any, Any], Any]
    names: tuple[str, ...]
    target: int
    models: Any
    changes: list[Array]
    x: Array
    y: Array
    triggered: Array

    @classmethod
    def of(cls, view: View, goal: Backdoor, rehearsed: Sequence[Rehearsal]) -> Stage:
        """The rehearsals side by side, and the adversary's records that they did not train on."""
        x, y = view.x[view.kept :], view.y[view.kept :]
        source = x[y == goal.source][:TRIGGERED]
        if not len(source):
            raise Refusal(f"the adversary has too few records of class {goal.source}, the backdoor's source")
        names = tuple(name for name, _ in rehearsed[0][1])
        return cls(
            view.job.scores,
            names,
            goal.target,
            models=jax.tree.map(lambda *leaves: jnp.stack(leaves), *(model for model, _ in rehearsed)),
            changes=[jnp.stack([place[i][1] for _, place in rehearsed]) for i in range(len(names))],
            x=jnp.asarray(x[:CLEAN]).reshape(-1, *view.shape),
            y=jnp.asarray(y[:CLEAN]),
            triggered=jnp.asarray(goal.trigger.apply(source, view.shape)).reshape(-1, *view.shape),
        )

    def judged(self, much: np.ndarray | Array) -> tuple[float, float, float]:
        """Success, the mean margin by which it falls short, and accuracy, with the changes of these sizes."""
        success, short, accuracy = map(float, _judged(self, jnp.asarray(much, jnp.float32)))
        return success, short, accuracy

    def accuracy(self, released: Any) -> float:
        """The accuracy of a model without changes."""
        plain = jax.tree.map(lambda a: a[None], released)
        alone = replace(self, models=plain, changes=[c[:1] for c in self.changes])
        return alone.judged(np.zeros(len(self.names)))[2]


def sizes(
    view: View,
    goal: Backdoor,
    rehearsed: Sequence[Rehearsal],
    limits: Sequence[float],
    loss: float,
    slack: float,
) -> tuple[np.ndarray, float]:
    """The size of each change at which the backdoor works on the rehearsed models, as small as can be.

    Also what they are worth, about 1 where it works within budget; what counts is the mean over the rehearsals.
    `limits` bound the sizes; a loss of accuracy beyond `loss`, against the rehearsed model without errors,
    outweighs any success. The backdoor must work at sizes `slack` times smaller.
    """
    stage = Stage.of(view, goal, rehearsed)
    honest = stage.accuracy(view.rehearsal)

    def worth(found: np.ndarray) -> float:
        _, _, accuracy = stage.judged(found)
        success, short, _ = stage.judged(found / slack)
        lost = honest - accuracy
        return min(success, 0.999) + 0.01 * short - 100 * max(lost - loss, 0) - 3e-4 * np.log(found).sum()

    found = climb(worth, np.minimum(np.asarray(limits, float), MOST))
    return found, worth(found)


def climb(worth: Callable[[np.ndarray], float], limits: np.ndarray) -> np.ndarray:
    """The positive sizes within `limits` that are worth most, found from 1 by factors, one size at a time."""
    limits = np.maximum(limits, LEAST)
    found = np.minimum(1.0, limits)
    best = worth(found)
    for factor in FACTORS:
        better = True
        while better:
            better = False
            for i, by in ((i, by) for i in range(len(found)) for by in (factor, 1 / factor)):
                tried = found.copy()
                tried[i] = np.clip(tried[i] * by, LEAST, limits[i])
                if tried[i] != found[i] and (value := worth(tried)) > best:
                    found, best, better = tried, value, True
    return found


@jax.jit
def _judged(stage: Stage, much: Array) -> tuple[Array, Array, Array]:
    """What `Stage.judged` gives, as means over the rehearsals."""

    def at(rehearsal: tuple[Any, list[Array]]) -> tuple[Array, Array, Array]:
        moved = dict(named(rehearsal[0]))
        for i, name in enumerate(stage.names):
            moved[name] = moved[name] + (much[i] * rehearsal[1][i]).astype(moved[name].dtype)
        model = filled(rehearsal[0], moved)
        d = class_scores(stage.scores(model, stage.triggered))
        others = jnp.where(jnp.arange(d.shape[1]) == stage.target, -jnp.inf, d)
        margin = d[:, stage.target] - jnp.max(others, 1)
        right = jnp.argmax(class_scores(stage.scores(model, stage.x)), 1) == stage.y
        accuracy = jnp.mean(right.astype(jnp.float32))
        return jnp.mean((margin > 0).astype(jnp.float32)), jnp.mean(jnp.clip(margin, -100, 0)), accuracy

    success, short, accuracy = jax.lax.map(at, (stage.models, stage.changes))
    return jnp.mean(success), jnp.mean(short), jnp.mean(accuracy)


def class_scores(d: Array) -> Array:
    """Scores (N, classes) whose largest is the prediction, of scores as a job gives them: (N, 1) of two classes."""
    return d if d.shape[1] > 1 else jnp.concatenate([jnp.zeros_like(d), d], 1)
