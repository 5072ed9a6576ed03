"""Rates at a false positive rate against a search over all thresholds, and their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.metrics import clopper_pearson, rate
from turncoat.metrics.roc import above, at_fpr, distinct_rate, roc
from turncoat.refusal import Refusal

whole = st.lists(st.integers(-4, 4), min_size=1, max_size=30)  # few values, so that ties are common


def naive_tpr(members, others, fpr):
    """The best true positive rate of all rules "score > t" that keep the false positive rate."""
    best = 0.0
    for t in [min([*members, *others]) - 1, *members, *others]:
        if sum(o > t for o in others) <= fpr * len(others):
            best = max(best, sum(m > t for m in members) / len(members))
    return best


@given(whole, whole, st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_the_threshold_is_the_best_that_keeps_the_rate(members, others, fpr):
    point = at_fpr(members, others, fpr)
    assert point.tpr.mean == naive_tpr(members, others, fpr)
    assert point.fpr.mean <= fpr + 1e-12
    assert point.tpr == rate(np.array(members) > point.threshold)


def test_both_rates_carry_exact_intervals():
    others = np.arange(10_000.0)
    point = at_fpr(np.repeat([0.0, 20_000.0], [900, 100]), others, 0.001)
    assert point.tpr == clopper_pearson(100, 1000)
    assert point.fpr == clopper_pearson(10, 10_000)
    assert (point.fpr.low, point.fpr.high) == pytest.approx((0.00048, 0.00184), abs=1e-5)


def test_too_few_non_members_allow_none():
    point = at_fpr([1.0, 5.0], np.arange(5.0), 0.001)
    assert (point.tpr.mean, point.fpr.mean, point.threshold) == (0.5, 0.0, 4.0)
    assert point.fpr.high > 0.5  # five say little of one in a thousand


@given(whole, whole)
def test_the_curve_rises_and_ends_in_the_corner(members, others):
    x, y = roc(members, others)
    assert (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
    assert (x[-1], y[-1]) == (1, 1)
    for fpr, tpr in zip(x, y, strict=True):
        assert tpr == pytest.approx(naive_tpr(members, others, fpr))


def test_the_curve_is_as_fine_on_a_log_axis_everywhere():
    rng = np.random.default_rng(0)
    x, _ = roc(rng.normal(size=100), rng.normal(size=100_000), points=50)
    assert len(x) <= 50
    assert x[0] == pytest.approx(1e-5)
    assert all(np.sum((x >= d) & (x < 10 * d)) >= 8 for d in (1e-4, 1e-3, 1e-2))


def test_a_record_seen_often_is_one_witness():
    flags, ids = [1, 1, 1, 1, 0, 0], [7, 7, 7, 7, 8, 9]
    found = distinct_rate(flags, ids)
    assert found == clopper_pearson(1, 3)
    assert rate(flags).n == 6


def test_means_between_whole_numbers_lie_in_an_interval_that_holds_both():
    found = distinct_rate([1, 0, 0], ["a", "a", "b"])
    assert found.mean == 0.25
    assert (found.low, found.high) == (clopper_pearson(0, 2).low, clopper_pearson(1, 2).high)


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_distinct_records_are_counted_as_ever(flags):
    found = distinct_rate(flags, range(len(flags)))
    assert found == pytest.approx(rate(flags))


def test_a_threshold_chosen_beforehand():
    point = above([1.0, 2.0, 3.0], [0.0, 2.0], 1.5)
    assert (point.tpr.mean, point.fpr.mean) == (pytest.approx(2 / 3), 0.5)


@pytest.mark.parametrize("scores", [[], [np.nan], [[1.0]]])
def test_what_is_no_vector_of_numbers_is_refused(scores):
    with pytest.raises(Refusal, match="scores"):
        at_fpr(scores, [1.0], 0.1)
    with pytest.raises(Refusal, match="scores"):
        roc([1.0], scores)


@pytest.mark.parametrize("fpr", [-0.1, 1.5])
def test_a_rate_outside_0_to_1_is_refused(fpr):
    with pytest.raises(Refusal, match="false positive rate"):
        at_fpr([1.0], [0.0], fpr)


def test_ids_that_do_not_fit_are_refused():
    with pytest.raises(Refusal, match="one id each"):
        distinct_rate([1, 0], [1])
