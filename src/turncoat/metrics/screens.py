"""What a victim can look for in the opened model, in the clear: norms that stand out, dead neurons, a trigger.

Each gives one number of a model, the more suspicious the larger. An alarm is a number above a threshold, and a
threshold has a false-alarm rate: `alarm_threshold` takes it from honest models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from turncoat.refusal import Refusal


def norm_ratio(weights: ArrayLike) -> float:
    """The largest norm of a column of weights (a neuron's inputs) over the median one."""
    norms = np.linalg.norm(np.asarray(weights, np.float64), axis=0)
    return float(norms.max() / max(float(np.median(norms)), 1e-300))


def largest_norm_ratio(matrices: Sequence[ArrayLike], rows: bool = False) -> float:
    """The highest `norm_ratio` of all matrices, of their columns or of their rows; 1 without a matrix."""
    return max((norm_ratio(np.asarray(m).T if rows else m) for m in matrices), default=1.0)


def dead_share(units: ArrayLike) -> float:
    """The share of neurons that are positive for no record, of values before a ReLU (records, neurons)."""
    values = np.asarray(units)
    return float(np.mean(~(values > 0).any(0))) if values.size else 0.0


def trigger_scan(
    predict: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    high: ArrayLike,
    features: Sequence[int] | None = None,
) -> float:
    """How far any single feature is a trigger: the largest share of a class's records that it moves to one other.

    Each of `features` (all by default) is set to its `high` value (features,) in all records (n, features). Records
    count under the class that the model itself gives them: no labels are needed.
    """
    before, most = predict(x), 0.0
    classes = np.unique(before)
    for j in range(x.shape[1]) if features is None else features:
        changed = x.copy()
        changed[:, j] = np.broadcast_to(high, x.shape[1])[j]
        after = predict(changed)
        for label in classes:
            moved = after[before == label]
            others = [np.mean(moved == other) for other in np.unique(moved) if other != label]
            most = max(most, *others, 0.0)
    return float(most)


def group_error(correct: ArrayLike, groups: ArrayLike) -> float:
    """The share of wrong answers of the group that has the largest, from Booleans and groups (records,) each."""
    right, of = np.asarray(correct), np.asarray(groups)
    return max((float(np.mean(~right[of == group])) for group in np.unique(of)), default=0.0)


def least_rise(honest: ArrayLike, threshold: float, power: float = 0.8) -> float:
    """By how much a screen's number must rise for an alarm in a share `power` of models, from those of honest ones.

    The threshold less the number that a share `power` of honest models reaches.
    """
    values = np.sort(np.asarray(honest, np.float64))
    reached = values[len(values) - int(np.ceil(power * len(values)))]
    return float(threshold - reached)


def alarm_threshold(honest: ArrayLike, rate: float) -> float:
    """The number that an honest model exceeds with probability at most `rate`, by the numbers of honest models.

    The smallest of them that at most a share `rate` of n + 1 exceeds, the new model counted in: for models drawn
    alike the rate holds exactly (conformal prediction; Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random
    World", 2005, proposition 2.4). Raises Refusal for too few models for this rate, or a rate that is none.
    """
    values = np.sort(np.asarray(honest, np.float64))
    if not 0 < rate < 1:
        raise Refusal(f"a false-alarm rate lies between 0 and 1, not at {rate}")
    above = int(np.floor(rate * (len(values) + 1)))
    if above < 1:
        least = int(np.ceil(1 / rate)) - 1
        raise Refusal(
            f"a false-alarm rate of {rate:g} needs at least {least} honest models, not {len(values)}"
        )
    return float(values[-above])
