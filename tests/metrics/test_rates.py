"""Rates and intervals against naive oracles, by their coverage, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from turncoat.metrics import (
    clopper_pearson,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from turncoat.refusal import Refusal

# Student's t, 97.5 % quantile, by degrees of freedom: from printed tables.
T975 = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 29: 2.045}


def at_least(successes: int, trials: int, p: float) -> float:
    """P(X >= successes) for X binomial, term by term."""
    return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(successes, trials + 1))


def bisect(increasing, value: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if increasing(middle) < value else (low, middle)
    return low


def naive_clopper_pearson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low = bisect(lambda p: at_least(successes, trials, p), tail) if successes else 0.0
    high = bisect(lambda p: at_least(successes + 1, trials, p), 1 - tail) if successes < trials else 1.0
    return low, high


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (41, 60), (59, 60)]
)
def test_clopper_pearson_inverts_the_binomial_distribution(successes, trials, confidence):
    measured = clopper_pearson(successes, trials, confidence)
    low, high = naive_clopper_pearson(successes, trials, confidence)
    assert measured.low == pytest.approx(low, abs=1e-9)
    assert measured.high == pytest.approx(high, abs=1e-9)
    assert measured.mean == successes / trials
    assert (measured.n, measured.confidence) == (trials, confidence)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**7), st.floats(0, 1), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_quantiles_are_those_of_scipys_distributions(trials, share, confidence):
    """By `scipy.special` alone, which is imported in a third of the time."""
    successes, tail = round(share * trials), (1 - confidence) / 2
    measured = clopper_pearson(successes, trials, confidence)
    if successes:
        expected = stats.beta.ppf(tail, successes, trials - successes + 1)
        assert measured.low == pytest.approx(expected, rel=1e-12)
    if successes < trials:
        expected = stats.beta.isf(tail, successes + 1, trials - successes)
        assert measured.high == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("trials", [2, 3, 10, 1000])
def test_students_quantile_is_that_of_scipys_distribution(trials, confidence):
    values = np.arange(float(trials))
    half = stats.t.isf((1 - confidence) / 2, trials - 1) * values.std(ddof=1) / math.sqrt(trials)
    measured = mean_interval(values, confidence)
    assert (measured.low, measured.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize("true_rate", [0.001, 0.05, 0.3, 0.5, 0.87, 0.999])
def test_clopper_pearson_covers_the_true_rate_at_least_as_often_as_it_says(true_rate):
    trials, confidence = 40, 0.9
    intervals = [clopper_pearson(k, trials, confidence) for k in range(trials + 1)]
    covers = np.array([i.low <= true_rate <= i.high for i in intervals])
    draws = np.random.default_rng(0).binomial(trials, true_rate, size=20_000)
    assert covers[draws].mean() >= confidence - 0.01


def test_the_ends_are_closed_where_all_or_none_succeed():
    none, all_of_them = clopper_pearson(0, 10), clopper_pearson(10, 10)
    assert none.low == 0 == none.mean
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert all_of_them.high == 1 == all_of_them.mean
    assert all_of_them.low == pytest.approx(0.025 ** (1 / 10))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10_000_000), st.floats(0, 1), st.floats(0.01, 0.999))
def test_the_rate_lies_in_its_interval(trials, share, confidence):
    measured = clopper_pearson(round(share * trials), trials, confidence)
    assert 0 <= measured.low <= measured.mean <= measured.high <= 1


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(Refusal):
        clopper_pearson(successes, trials)


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_a_confidence_outside_0_to_1_is_refused(confidence):
    with pytest.raises(Refusal, match="confidence"):
        clopper_pearson(1, 2, confidence)
    with pytest.raises(Refusal, match="confidence"):
        mean_interval([1.0, 2.0], confidence)


@pytest.mark.parametrize("degrees", T975)
def test_mean_interval_is_students(degrees):
    values = np.random.default_rng(degrees).normal(size=degrees + 1)
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / degrees)
    half = T975[degrees] * spread / math.sqrt(len(values))
    measured = mean_interval(values)
    assert measured.mean == pytest.approx(mean)
    assert (measured.low, measured.high) == pytest.approx((mean - half, mean + half), rel=1e-3, abs=1e-3)
    assert measured.n == degrees + 1


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_mean_interval_covers_the_mean_as_often_as_it_says(confidence):
    draws = np.random.default_rng(1).normal(0.7, 0.1, size=(3000, 5))
    intervals = [mean_interval(values, confidence) for values in draws]
    covered = np.mean([i.low <= 0.7 <= i.high for i in intervals])
    assert covered == pytest.approx(confidence, abs=0.02)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.0, 0.0, -2.5e-7])
def test_equal_values_give_an_interval_of_no_width_that_holds_the_mean(value):
    measured = mean_interval([value] * 10)
    assert measured.low <= measured.mean <= measured.high
    assert measured.high - measured.low <= 1e-15


def test_bounds_cut_the_interval():
    measured = mean_interval([1.0, 1.0, 0.9], bounds=(0, 1))
    assert measured.high == 1
    assert measured.low == mean_interval([1.0, 1.0, 0.9]).low


def test_one_trial_says_nothing_about_the_spread():
    assert mean_interval([0.8], bounds=(0, 1))[:4] == (0.8, 0.0, 1.0, 1)
    assert mean_interval([0.8])[:4] == (0.8, 0.8, 0.8, 1)
    assert paired_difference([0.8], [0.7], bounds=(-1, 1))[1:4] == (-1, 1, 1)


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")], [[1.0, 2.0]], 3.0])
def test_values_without_a_mean_are_refused(values):
    with pytest.raises(Refusal):
        mean_interval(values)


def test_paired_difference_ignores_what_the_pairs_share():
    shared = np.linspace(0, 100, 20)
    effect = np.random.default_rng(2).normal(-0.5, 0.01, size=20)
    measured = paired_difference(shared, shared + effect)
    assert measured.mean == pytest.approx(-0.5, abs=0.02)
    assert measured.high - measured.low < 0.02


def test_paired_difference_of_a_run_with_itself_is_exactly_0():
    values = np.random.default_rng(3).uniform(size=7)
    assert paired_difference(values, values)[:4] == (0, 0, 0, 7)


def test_unpaired_trials_are_refused():
    with pytest.raises(Refusal, match="pairs"):
        paired_difference([1.0, 2.0], [1.0])


def test_an_interval_says_how_it_was_made():
    assert clopper_pearson(1, 2).how == "Clopper-Pearson"
    assert mean_interval([1.0, 2.0]).how == paired_difference([1.0, 2.0], [2.0, 4.0]).how == "t over trials"
    assert mean_interval([1.0]).how == "one trial: no interval over trials"
    assert ratio_interval([1.0, 2.0]).how == "geometric mean, t over trials on the log scale"


def test_ratios_are_intervals_of_their_logarithms():
    """The norms of one run: their plain interval went from -146 to 1004."""
    values = [3.0, 30.0, 1200.0]
    measured, logs = ratio_interval(values), mean_interval(np.log(values))
    assert measured[:3] == pytest.approx(np.exp(logs[:3]))
    assert measured.mean == pytest.approx(np.prod(values) ** (1 / 3))
    assert mean_interval(values).low < 0 < measured.low


def test_a_ratio_of_0_has_no_logarithm():
    measured = ratio_interval([0.0, 0.0, 1.0])
    assert measured.low == 0 and measured.mean == pytest.approx(1 / 3) and measured.how == "t over trials"
    with pytest.raises(Refusal, match="-2"):
        ratio_interval([1.0, -2.0])


def test_one_ratio_says_nothing_about_the_spread():
    assert ratio_interval([5.0])[:4] == (5.0, 5.0, 5.0, 1)


@pytest.mark.parametrize("spread", [0.1, 2.0])
def test_ratios_cover_the_median_of_skewed_values(spread):
    draws = np.exp(spread * np.random.default_rng(4).normal(size=(2000, 3)))
    covered = np.mean([i.low <= 1 <= i.high for i in map(ratio_interval, draws)])
    assert covered >= 0.93
