"""The trade-off of true and false positives: points at a false positive rate, and the curve."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from turncoat.metrics.rates import Interval, clopper_pearson, rate
from turncoat.refusal import Refusal


class Point(NamedTuple):
    """A threshold, and the rates of members and non-members that score above it."""

    threshold: float
    tpr: Interval
    fpr: Interval


def at_fpr(
    members: ArrayLike, others: ArrayLike, fpr: float, ids: ArrayLike | None = None, confidence: float = 0.95
) -> Point:
    """The true positive rate at the lowest threshold whose false positive rate is at most `fpr`.

    `members` and `others` are scores, high for members, of any number of models together. A score equal to
    the threshold is not above it, so ties never raise the false positive rate. `ids` as in `distinct_rate`.
    """
    inside, outside = _scores(members), np.sort(_scores(others))
    if not 0 <= fpr <= 1:
        raise Refusal(f"a false positive rate lies between 0 and 1, not at {fpr}")
    allowed = int(np.floor(fpr * len(outside) + 1e-9))  # 0.001 * 1000 is a little under 1
    threshold = -np.inf if allowed >= len(outside) else float(outside[len(outside) - 1 - allowed])
    return above(inside, others, threshold, ids, confidence)


def above(
    members: ArrayLike,
    others: ArrayLike,
    threshold: float,
    ids: ArrayLike | None = None,
    confidence: float = 0.95,
) -> Point:
    """Both rates above a threshold chosen beforehand.

    Where scores are -log of a p-value, the threshold -log(f) judges every record by its own distribution,
    at the same nominal rate f: the decision of an adversary who is after one record only.
    """
    inside, outside = _scores(members) > threshold, _scores(others) > threshold
    found = rate(outside, confidence) if ids is None else distinct_rate(outside, ids, confidence)
    return Point(threshold, rate(inside, confidence), found)


def distinct_rate(flags: ArrayLike, ids: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean of flags with the interval that the number of distinct `ids` allows.

    One record seen under many models that share their training data is one witness, not many: it counts
    once, with the mean of its flags; the interval of the whole number below and above holds the mean.
    """
    values = np.asarray(flags, np.float64)
    _, index = np.unique(np.asarray(ids), return_inverse=True)
    if index.shape != values.shape or not values.size:
        raise Refusal(f"{values.shape} flags need one id each, not {index.shape}")
    each = np.bincount(index, values) / np.bincount(index)
    low, high = (int(f(np.round(each.sum(), 9))) for f in (np.floor, np.ceil))
    below, over = (clopper_pearson(k, len(each), confidence) for k in (low, high))
    return Interval(float(each.mean()), below.low, over.high, len(each), confidence)


def roc(
    members: ArrayLike, others: ArrayLike, points: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates at about `points` thresholds, evenly spaced on a log axis.

    The first point is the lowest rate that the non-members can show (1 / n), the last (1, 1).
    """
    inside, outside = np.sort(_scores(members)), np.sort(_scores(others))
    n = len(outside)
    allowed = np.unique(np.geomspace(1, n, points).round().astype(int))
    thresholds = np.where(allowed >= n, -np.inf, outside[np.maximum(n - 1 - allowed, 0)])
    false = n - np.searchsorted(outside, thresholds, side="right")
    true = len(inside) - np.searchsorted(inside, thresholds, side="right")
    return false / n, true / len(inside)


def _scores(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not array.size or np.isnan(array).any():
        raise Refusal("scores must be a vector of at least one number, none of them NaN")
    return array
