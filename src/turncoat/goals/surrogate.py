"""Surrogates: what a goal comes to as a number that falls smoothly as the goal comes nearer.

Success is a share of answers, which has no useful slope. A goal's surrogate says which answers to which records it
wants; what is lost by a model's scores of them is the cross-entropy. Only the search of an adversary that
differentiates its own rehearsals uses it: success is judged by the goal itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

INDEPENDENT = -1


@dataclass(frozen=True, eq=False)
class Own:
    """What the adversary has to make a surrogate of: its own records, and what it is told of the trial.

    `x` (n, features), `y` (n,) classes of `classes`, `party` (n,) whose each record is like, where that is known;
    `shape` is that of one record before flattening.
    """

    x: np.ndarray
    y: np.ndarray
    shape: tuple[int, ...]
    classes: int
    party: np.ndarray | None = None
    told: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Wanted:
    """Answers that a goal wants: of records `x` (k, features) the classes `y` (k,), or any others if `away`.

    `of` (k,): the adversary's own record that each was made from, so that none is judged by a model that was trained
    on it; `INDEPENDENT` for others. `kept` (n,) says which of its own records are to be answered rightly still.
    """

    x: np.ndarray
    y: np.ndarray
    of: np.ndarray
    kept: np.ndarray
    away: bool = False


@dataclass(frozen=True, eq=False)
class Members:
    """Members at `records` chosen places, that are to be recognised by how likely they are `target`."""

    records: int
    target: int
    kept: np.ndarray


@dataclass(frozen=True, eq=False)
class Copies:
    """Copies of the first `records` records of the first batch in the model, of any records there."""

    records: int
    kept: np.ndarray


def lost(xp: ModuleType, scores: Any, y: Any, away: bool = False) -> Any:
    """The cross-entropy of each record's answer: (n,) of scores (n, classes), or (n, 1) of two classes.

    `xp` is the module that computes, `numpy` or `jax.numpy`. `away`: what is lost by answering y.
    """
    if scores.shape[1] == 1:
        scores = xp.concatenate([xp.zeros_like(scores), scores], 1)
    own = xp.arange(scores.shape[1])[None] == y[:, None]
    best = xp.max(scores, 1, keepdims=True)
    shifted = scores - best
    total = xp.log(xp.sum(xp.exp(shifted), 1))
    if not away:
        return total - xp.sum(xp.where(own, shifted, xp.zeros_like(shifted)), 1)
    rest = xp.where(own, xp.full_like(shifted, -xp.inf), shifted)
    among = xp.max(rest, 1)
    others = among + xp.log(xp.sum(xp.exp(rest - among[:, None]), 1))
    return total - others
