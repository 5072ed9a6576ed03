"""Rates and means, each with the interval that its number of trials allows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from turncoat.refusal import Refusal

ONE_TRIAL = "one trial: no interval over trials"


class Interval(NamedTuple):
    """A mean and the confidence interval around it.

    `n` is what the interval counts (trials, records), `how` in a few words how it was made.
    """

    mean: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    how: str = ""


def clopper_pearson(
    successes: int, trials: int, confidence: float = 0.95, how: str = "Clopper-Pearson"
) -> Interval:
    """The exact two-sided interval for a binomial rate.

    It covers the true rate with at least `confidence` for independent trials, whatever the rate. With no
    success `low` is 0, with only successes `high` is 1. Raises `Refusal` for no trials, or for successes
    outside 0 to `trials`.
    Source: Clopper and Pearson, Biometrika 26 (1934), in its form by quantiles of the beta distribution.
    """
    check_confidence(confidence)
    if trials < 1:
        raise Refusal("a rate needs at least one trial; raise the number of trials or test records")
    if not 0 <= successes <= trials:
        raise Refusal(f"{successes} successes in {trials} trials cannot be; give a number from 0 to {trials}")
    tail = (1 - confidence) / 2
    failures = trials - successes
    low = special.betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = special.betainccinv(successes + 1, failures, tail) if failures else 1.0
    return Interval(successes / trials, float(low), float(high), int(trials), confidence, how)


def mean_interval(
    values: ArrayLike, confidence: float = 0.95, bounds: tuple[float, float] | None = None
) -> Interval:
    """The mean of one value per trial with its Student-t interval.

    `values` has shape (trials,). `bounds` are the least and greatest possible value, such as (0, 1) for a
    rate; the interval is cut there. Equal values give width 0. One trial says nothing about the spread:
    the interval is then all of `bounds`, and without bounds it shrinks to the value itself, with n = 1
    to tell. Raises `Refusal` for no trials or for values that are not finite.
    """
    check_confidence(confidence)
    array = _finite_vector(values)
    mean = float(array.mean())
    if array.size == 1:
        low, high = bounds or (mean, mean)
        return Interval(mean, float(low), float(high), 1, confidence, ONE_TRIAL)
    error = float(array.std(ddof=1)) / np.sqrt(array.size)
    half = -float(special.stdtrit(array.size - 1, (1 - confidence) / 2)) * error
    low, high = mean - half, mean + half
    if bounds:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    # Rounding may put the mean of equal values an ulp outside of them.
    return Interval(
        mean, float(min(low, mean)), float(max(high, mean)), array.size, confidence, "t over trials"
    )


def ratio_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The geometric mean of one positive value per trial with its Student-t interval on the log scale.

    For ratios and other positive quantities that some trials multiply: the interval stays positive. `values` has
    shape (trials,); a value of 0 has no logarithm, and then it is the mean's t interval, cut at 0. One trial is
    as in `mean_interval`. Raises `Refusal` for no trials or for values that are negative or not finite.
    """
    array = _finite_vector(values)
    if (array < 0).any():
        raise Refusal(f"a ratio is not negative, but one trial gave {array.min():g}")
    if array.size == 1 or not array.all():
        return mean_interval(array, confidence, None if array.size == 1 else (0.0, np.inf))
    logs = mean_interval(np.log(array), confidence)
    mean, low, high = (float(np.exp(v)) for v in logs[:3])
    return Interval(mean, low, high, logs.n, confidence, "geometric mean, t over trials on the log scale")


def paired_difference(
    honest: ArrayLike,
    attacked: ArrayLike,
    confidence: float = 0.95,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """The mean of attacked minus honest over paired trials, with its Student-t interval.

    Both have shape (trials,); entry i of each comes from the same seed. `bounds` and a single trial are
    as in `mean_interval`. Raises `Refusal` where the numbers of trials differ.
    """
    before, after = _finite_vector(honest), _finite_vector(attacked)
    if before.size != after.size:
        raise Refusal(f"{before.size} honest and {after.size} attacked trials make no pairs; run as many")
    return mean_interval(after - before, confidence, bounds)


def _finite_vector(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise Refusal(f"one value per trial is needed, not an array of shape {array.shape}; average it first")
    if not array.size:
        raise Refusal("a mean needs at least one trial; raise the number of trials")
    if not np.isfinite(array).all():
        raise Refusal("a trial gave a value that is not a finite number; lower the learning rate or strength")
    return array


def check_confidence(confidence: float) -> None:
    """Refuses a confidence that is no probability."""
    if not 0 < confidence < 1:
        raise Refusal(f"confidence {confidence} is not between 0 and 1; 0.95 is usual")
