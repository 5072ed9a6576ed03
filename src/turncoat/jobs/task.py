"""What a job predicts: one class of several, several labels at once, or numbers; and when an answer is right."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

NO_CLASS = -1
"""What a ruined model answers: NaN has no largest entry, so its class 0 would be an accident."""

NOTES = {
    "classes": "",
    "labels": "a record counts as correct if all of its labels are",
    "numbers": "a record counts as correct if it is predicted better than by the mean of the training records",
}
"""What accuracy means, where that is not plain."""


def encoder(task: str, outputs: int) -> Any:
    """What makes of targets what a step takes by default, float32: rows of zeros with a one, or the targets."""
    if task == "classes":
        return partial(jax.nn.one_hot, num_classes=outputs, dtype=jnp.float32)
    return partial(jnp.asarray, dtype=jnp.float32)


def answers(task: str, scores: Any) -> Any:
    """What scores (n, outputs) say of records: classes (n,), bits (n, outputs), or the numbers themselves."""
    scores = np.asarray(scores)
    if task == "numbers":
        return scores
    if task == "labels":
        return np.asarray(scores > 0)
    return scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.int64)


def none(task: str, count: int, outputs: int) -> Any:
    """What a ruined model answers to records: nothing that is right."""
    if task == "classes":
        return np.full(count, NO_CLASS)
    return np.full((count, outputs), NO_CLASS if task == "labels" else np.nan)


def right(task: str, answered: np.ndarray, y: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Which answers are right (n,), of records with targets y; `trained` are the targets of the training records.

    A number is right if it is nearer than the mean of the training records.
    """
    if task == "classes":
        return np.asarray(answered == y)
    if task == "labels":
        return np.asarray((answered == y).all(1))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(_away(answered, y) < _away(trained.mean(0), y))


def commonest(task: str, y: np.ndarray, trained: np.ndarray, correct: np.ndarray) -> Any:
    """Which records (n,) the one best answer to all gets right, of numbers those that a model does not."""
    if task == "numbers":
        return ~correct
    values, counts = np.unique(trained, return_counts=True, axis=0)
    best = np.asarray(values[np.argmax(counts)] == y)
    return best if task == "classes" else best.all(1)


def wrong(task: str, y: np.ndarray, outputs: int) -> Any:
    """Targets that are wrong: the next class, the opposite labels, or as far on the other side of the mean."""
    if task == "classes":
        return (y + 1) % outputs
    return 1 - y if task == "labels" else 2 * y.mean(0) - y


def _away(a: np.ndarray, y: np.ndarray) -> Any:
    return np.sum((np.asarray(a, np.float64) - y) ** 2, 1)
