"""Rates over models and records, both drawn: trials share test records, and records share a model.

The variance of a mean of flags is estimated as for two-way clusters (Cameron, Gelbach and Miller, Journal of
Business & Economic Statistics 29, 2011): that of the trials' sums, plus that of the records' sums, less what both
count. The interval is Clopper and Pearson's at the number of independent flags that would have this variance
(Korn and Graubard, Survey Methodology 24, 1998), lowered for the few degrees of freedom that few trials leave, so
that it stays within 0 to 1. `docs/statistics.md` has its simulated coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from turncoat.metrics.rates import Interval, check_confidence, clopper_pearson
from turncoat.refusal import Refusal

CORRELATION = 0.2
"""How alike flags of one model are assumed to be at most where (nearly) all flags agree: the intraclass
correlation of a beta-binomial rate. Agreeing flags cannot show how much models differ."""

MOST_IDS = 10**7  # up to here ids are their own numbers
FEW = 5  # records that changed, below which their variance says too little

TWO_LEVEL = "two-level: over models and records"
ONE_MODEL = "Clopper-Pearson over the records of one model: other models may differ"
PAIRED = "two-level, paired by trial and record"
ONE_PAIR = "over the records of one pair of models: other models may differ"


class Spread(NamedTuple):
    """A weighted mean over trials and records, and what an interval for it rests on.

    `variance` is the mean's if models and records are drawn anew, with `degrees` of freedom; `skew` the third
    standardised moment of the trials' sums times the standard error that they give the mean; `flags` how many
    equally weighted flags there are, of so many `trials` and distinct `records`.
    """

    mean: float
    variance: float
    degrees: float
    skew: float
    trials: int
    records: int
    flags: float


def crossed_rate(
    flags: Sequence[ArrayLike],
    ids: Sequence[ArrayLike] | None = None,
    confidence: float = 0.95,
    weights: Sequence[ArrayLike] | None = None,
) -> Interval:
    """The share of true flags over trials and records, with an interval for other models and other records.

    `flags` has one vector per trial, one flag per record; `ids` says which record each is about, so that trials
    that share records are crossed (None: no record occurs twice); `weights` are the flags' own (equal unless
    given). Where every trial has one flag and no record recurs the flags are one binomial, and the interval is
    Clopper and Pearson's; of one trial it holds for other records under that model alone, and `how` says so.
    Raises `Refusal` for no flags, other values, or ids that do not fit.
    """
    values = [_flags(f) for f in flags]
    spread, count = two_way(values, ids, weights), sum(map(len, values))
    plain = weights is None and spread.records == count
    if plain and spread.trials == count:
        return clopper_pearson(round(spread.mean * count), count, confidence)
    if plain and spread.trials == 1:
        return clopper_pearson(round(spread.mean * count), count, confidence, ONE_MODEL)
    return effective_rate(spread, confidence, ONE_MODEL if spread.trials == 1 else TWO_LEVEL)


def effective_rate(spread: Spread, confidence: float = 0.95, how: str = TWO_LEVEL) -> Interval:
    """Clopper and Pearson's interval at the number of independent flags that `spread` is worth.

    Where the trials' rates are skewed, the end on that side moves out (Johnson, Journal of the American
    Statistical Association 73, 1978). Near 0 and 1 flags agree and show nothing of how models differ: no end lies
    nearer to 0 or 1 than flags that all agree would allow (`unanimous`).
    """
    check_confidence(confidence)
    mean, tail, size = spread.mean, (1 - confidence) / 2, spread.flags
    quantile = -float(special.stdtrit(spread.degrees, tail))
    if spread.variance > 0:
        centre = mean if 0 < mean < 1 else abs(mean - 0.5 / (spread.flags + 1))  # 0 or 1 in this sample only
        size = min(size, centre * (1 - centre) / spread.variance * (special.ndtri(tail) / quantile) ** 2)
    successes, failures = mean * size, (1 - mean) * size
    low = float(special.betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(special.betainccinv(successes + 1, failures, tail)) if failures else 1.0
    shift = spread.skew * (1 + 2 * quantile**2) / (6 * np.sqrt(spread.trials))
    least = unanimous(spread.trials, spread.flags, spread.records, confidence)
    low, high = min(low + min(shift, 0.0), least, mean), max(high + max(shift, 0.0), 1 - least, mean)
    return Interval(mean, float(max(low, 0.0)), float(min(high, 1.0)), round(spread.flags), confidence, how)


@lru_cache(maxsize=1024)
def unanimous(trials: int, flags: float, records: int, confidence: float = 0.95) -> float:
    """The lower end of a rate when every flag was true: what both the trials and the records allow.

    The least rate at which `trials` models of beta-binomial flags, correlated by `CORRELATION`, would all have
    succeeded with probability (1 - confidence) / 2, and at which `records` independent records would have.
    """
    tail = (1 - confidence) / 2
    least = tail ** (1 / records)
    if trials == 1:
        return float(least)
    each, odds = flags / trials, (1 - CORRELATION) / CORRELATION

    def all_succeed(rate: float) -> float:
        a, b = rate * odds, (1 - rate) * odds
        return trials * float(special.betaln(a + each, b) - special.betaln(a, b))

    low, high = 1e-9, 1 - 1e-12
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if all_succeed(middle) < np.log(tail) else (low, middle)
    return float(min(least, low))


def crossed_difference(
    before: Sequence[ArrayLike],
    after: Sequence[ArrayLike],
    ids: Sequence[ArrayLike] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """The mean of after minus before, flags paired by trial and by record, for other models and records.

    Shapes as in `crossed_rate`. A t interval with the two-way variance; where (nearly) no record changed, as wide
    as so many records that agree allow, and where (nearly) all did, no nearer to all than `unanimous` flags
    allow. Raises `Refusal` where the flags make no pairs.
    """
    check_confidence(confidence)
    pairs = [(_flags(b), _flags(a)) for b, a in zip(before, after, strict=True)]
    if any(len(b) != len(a) for b, a in pairs):
        raise Refusal("the flags before and after make no pairs; judge both on the same records")
    changed = [a - b for b, a in pairs]
    spread, tail = two_way(changed, ids), (1 - confidence) / 2
    half = -float(special.stdtrit(spread.degrees, tail)) * np.sqrt(spread.variance)
    if sum(np.count_nonzero(c) for c in changed) < FEW:
        half = max(half, 1 - tail ** (1 / spread.records))
    most = unanimous(spread.trials, spread.flags, spread.records, confidence)
    low, high = min(spread.mean - half, most), max(spread.mean + half, -most)
    low, high = max(low, -1.0), min(high, 1.0)
    how = ONE_PAIR if spread.trials == 1 else PAIRED
    return Interval(spread.mean, float(low), float(high), round(spread.flags), confidence, how)


def two_way(
    values: Sequence[NDArray[np.float64]],
    ids: Sequence[ArrayLike] | None = None,
    weights: Sequence[ArrayLike] | None = None,
) -> Spread:
    """The weighted mean of values over trials and records, and its variance if both are drawn anew."""
    value = np.concatenate(values) if len(values) else np.zeros(0)
    if not value.size:
        raise Refusal("a rate needs at least one trial; raise the number of trials or test records")
    lengths = [len(v) for v in values]
    trials = sum(n > 0 for n in lengths)
    weight = np.ones(value.size) if weights is None else np.concatenate([np.asarray(w) for w in weights])
    share = weight / weight.sum()
    mean = float((weight * value).sum() / weight.sum())
    error = share * (value - mean)
    sums = _summed(np.repeat(np.arange(len(values)), lengths), error)
    of_trials = variance_of_sum(sums, trials)
    by_record, records = _by_record(error, ids)
    of_both = float(error @ error) if trials > 1 else 0.0
    further = max(variance_of_sum(by_record, records) - of_both, 0.0)
    spread = np.sqrt(sums @ sums / trials)
    skew = float(np.sum((sums / spread) ** 3) / trials * np.sqrt(of_trials)) if spread > 0 else 0.0
    degrees = satterthwaite((of_trials, trials), (further, records))
    return Spread(mean, of_trials + further, degrees, skew, trials, records, 1 / float(share @ share))


def variance_of_sum(parts: NDArray[np.float64], units: int) -> float:
    """The variance of a sum of independent parts around mean 0, from the parts of `units` units; 0 for one."""
    return float(parts @ parts) * units / (units - 1) if units > 1 else 0.0


def satterthwaite(*parts: tuple[float, int]) -> float:
    """The degrees of freedom of a sum of variances, each with the number of units that it was taken from."""
    total = sum(variance for variance, _ in parts)
    weighed = sum(variance**2 / max(units - 1, 1) for variance, units in parts)
    return total**2 / weighed if weighed > 0 else max(parts[0][1] - 1.0, 1.0)


def _by_record(
    error: NDArray[np.float64], ids: Sequence[ArrayLike] | None
) -> tuple[NDArray[np.float64], int]:
    """Each record's sum of errors, and how many records there are; ids that are small integers need no sorting."""
    if ids is None:
        return error, error.size
    record = np.concatenate([np.asarray(i) for i in ids])
    if record.shape != error.shape:
        raise Refusal(f"{error.size} flags need one id each, not {record.shape}")
    if record.dtype.kind not in "iu" or record.min() < 0 or record.max() > MOST_IDS:
        record = np.unique(record, return_inverse=True)[1]
    return _summed(record, error), int(np.count_nonzero(np.bincount(record)))


def _summed(group: NDArray[np.integer[Any]], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(group, values).astype(np.float64)


def _flags(flags: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(flags)
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise Refusal("flags must be true or false (or 1 and 0); compare the scores with a threshold first")
    return array.astype(np.float64).ravel()
