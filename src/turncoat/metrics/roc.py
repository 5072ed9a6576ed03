"""The trade-off of true and false positives: points at a false positive rate, and the curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from turncoat.metrics.crossed import Spread, crossed_rate, effective_rate, satterthwaite, two_way
from turncoat.metrics.rates import Interval
from turncoat.refusal import Refusal

RESAMPLES = 200
SPARE = 6  # so many times the scores that a rate allows are looked at for a resample's threshold

RESAMPLED = "two-level: models and records resampled, the threshold picked anew in each resample"
RECORDS_RESAMPLED = "records of one model resampled with their threshold: other models may differ"


class Point(NamedTuple):
    """A threshold, and the rates of members and non-members that score above it."""

    threshold: float
    tpr: Interval
    fpr: Interval


class Scored(NamedTuple):
    """Scores of members and of non-members, one vector per trial each, and which records they are about.

    Without ids no record occurs twice.
    """

    members: Sequence[ArrayLike]
    others: Sequence[ArrayLike]
    member_ids: Sequence[ArrayLike] | None = None
    other_ids: Sequence[ArrayLike] | None = None


def threshold_at(others: ArrayLike, fpr: float) -> float:
    """The lowest threshold that at most a share `fpr` of the non-members' scores lies above.

    A score equal to the threshold is not above it, so ties never raise the false positive rate.
    """
    if not 0 <= fpr <= 1:
        raise Refusal(f"a false positive rate lies between 0 and 1, not at {fpr}")
    outside = np.sort(_scores(others))
    allowed = int(np.floor(fpr * len(outside) + 1e-9))  # 0.001 * 1000 is a little under 1
    return -np.inf if allowed >= len(outside) else float(outside[len(outside) - 1 - allowed])


def at_fpr(scored: Scored, fpr: float, confidence: float = 0.95) -> Point:
    """The true positive rate at the lowest pooled threshold whose false positive rate is at most `fpr`.

    Its interval is for other models and other records, and counts that the threshold is estimated: trials and
    records are resampled, members and non-members together, with the threshold picked in each resample; and its
    lower end allows that the few false positives seen come from few trials (`_cautious`).
    """
    threshold = threshold_at(np.concatenate([_scores(o) for o in scored.others]), fpr)
    point = above(scored, [threshold] * len(scored.members), confidence)
    trials, flags = len(scored.members), point.tpr.n
    member, records = _numbered(scored.member_ids, scored.members)
    other, _ = _numbered(scored.other_ids, scored.others)
    if not np.isfinite(threshold):
        return point
    tpr, rng = point.tpr.mean, np.random.default_rng(0)
    by_trial, skew = _variance(
        _resampled(scored, fpr, rng, _trials(scored.members), _trials(scored.others)), trials
    )
    by_record, _ = _variance(_resampled(scored, fpr, rng, member, other), records)
    further = max(by_record - tpr * (1 - tpr) / flags * (trials > 1), 0.0)
    degrees = satterthwaite((by_trial, trials), (further, records))
    spread = Spread(tpr, by_trial + further, degrees, skew, trials, records, flags)
    how = RESAMPLED if trials > 1 else RECORDS_RESAMPLED
    resampled = effective_rate(spread, confidence, how)
    low = min(resampled.low, _cautious(scored, fpr, point, confidence))
    return point._replace(threshold=threshold, tpr=resampled._replace(low=low))


def above(scored: Scored, thresholds: Sequence[float], confidence: float = 0.95) -> Point:
    """Both rates above thresholds chosen beforehand, one for each trial; the point's is their mean.

    Where scores are -log of a p-value, the threshold -log(f) judges every record by its own distribution,
    at the same nominal rate f: the decision of an adversary who is after one record only.
    """
    inside, outside = (
        [_scores(s) > t for s, t in zip(kind, thresholds, strict=True)]
        for kind in (scored.members, scored.others)
    )
    return Point(
        float(np.mean(thresholds)),
        crossed_rate(inside, scored.member_ids, confidence),
        crossed_rate(outside, scored.other_ids, confidence),
    )


def _cautious(scored: Scored, fpr: float, point: Point, confidence: float) -> float:
    """A lower end of the true positive rate by the threshold of the least rate that `fpr` may stand for.

    Resamples never hold a score above the highest seen, so a threshold that few models supply is too low in all of
    them. The false positive rate at the threshold has a two-level interval on the log scale; at its lower end stands
    a higher threshold. What that costs is added to the rate's own lower half by squares (Zou and Donner,
    Statistics in Medicine 27, 2008).
    """
    spread = two_way(
        [(_scores(o) > point.threshold).astype(np.float64) for o in scored.others], scored.other_ids
    )
    if not spread.mean:
        return point.tpr.low
    quantile = -float(special.stdtrit(spread.degrees, (1 - confidence) / 2))
    least = fpr * np.exp(-quantile * np.sqrt(spread.variance) / spread.mean)
    inside, outside = (np.concatenate([_scores(s) for s in kind]) for kind in (scored.members, scored.others))
    cost = point.tpr.mean - float(np.mean(inside > threshold_at(outside, least)))
    return max(point.tpr.mean - float(np.hypot(point.tpr.mean - point.tpr.low, cost)), 0.0)


def _resampled(
    scored: Scored,
    fpr: float,
    rng: np.random.Generator,
    member: NDArray[np.intp],
    other: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The true positive rate in each resample of the units (trials or records) that scores belong to.

    Each unit has a random weight, exponential with mean 1 (Rubin, Annals of Statistics 9, 1981), shared by members
    and non-members of the same unit.
    """
    weights = rng.standard_exponential((RESAMPLES, 1 + int(max(member.max(), other.max()))), np.float32)
    inside, outside = (np.concatenate([_scores(s) for s in kind]) for kind in (scored.members, scored.others))
    most = min(len(outside), int(SPARE * fpr * len(outside)) + 50)
    top = np.argpartition(outside, -most)[-most:]
    top = top[np.argsort(outside[top])[::-1]]
    allowed = fpr * (weights @ np.bincount(other, minlength=weights.shape[1]).astype(np.float32))
    passed = np.cumsum(weights[:, other[top]], 1) <= allowed[:, None]
    thresholds = outside[top][np.minimum(passed.sum(1), most - 1)]
    high = np.flatnonzero(inside > thresholds.min())  # the others lie below every threshold
    high = high[np.argsort(-inside[high])]
    above_each = np.searchsorted(-inside[high], -thresholds, side="left")
    sums = np.cumsum(weights[:, member[high]], 1, dtype=np.float64)
    sums = np.concatenate([np.zeros((RESAMPLES, 1)), sums], 1)[np.arange(RESAMPLES), above_each]
    return np.asarray(sums / (weights @ np.bincount(member, minlength=weights.shape[1]).astype(np.float32)))


def _variance(resamples: NDArray[np.float64], units: int) -> tuple[float, float]:
    """The variance over resamples, made unbiased for so many units, and their skew times the standard error."""
    if units < 2:
        return 0.0, 0.0
    variance = float(np.var(resamples)) * (units + 1) / (units - 1)
    if not variance:
        return 0.0, 0.0
    third = float(np.mean((resamples - resamples.mean()) ** 3)) / float(np.std(resamples)) ** 3
    return variance, third * np.sqrt(variance)


def _trials(scores: Sequence[ArrayLike]) -> NDArray[np.intp]:
    """The number of the trial of each score."""
    return np.repeat(np.arange(len(scores)), [len(np.asarray(s)) for s in scores])


def _numbered(ids: Sequence[ArrayLike] | None, scores: Sequence[ArrayLike]) -> tuple[NDArray[np.intp], int]:
    """The records of the scores as numbers from 0, and how many there are."""
    if ids is None:
        return np.arange(sum(len(np.asarray(s)) for s in scores)), sum(len(np.asarray(s)) for s in scores)
    known, number = np.unique(np.concatenate([np.asarray(i) for i in ids]), return_inverse=True)
    return number, len(known)


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
