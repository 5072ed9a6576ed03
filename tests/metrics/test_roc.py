"""Rates at a false positive rate against a search over all thresholds, and their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from turncoat.metrics import clopper_pearson, crossed_rate
from turncoat.metrics.roc import Scored, above, at_fpr, roc, threshold_at
from turncoat.refusal import Refusal

whole = st.lists(st.integers(-4, 4), min_size=1, max_size=30)  # few values, so that ties are common


def naive_tpr(members, others, fpr):
    """The best true positive rate of all rules "score > t" that keep the false positive rate."""
    best = 0.0
    for t in [min([*members, *others]) - 1, *members, *others]:
        if sum(o > t for o in others) <= fpr * len(others):
            best = max(best, sum(m > t for m in members) / len(members))
    return best


@settings(deadline=None)
@given(whole, whole, st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_the_threshold_is_the_best_that_keeps_the_rate(members, others, fpr):
    point = at_fpr(Scored([members], [others]), fpr)
    assert point.threshold == threshold_at(others, fpr)
    assert point.tpr.mean == naive_tpr(members, others, fpr)
    assert point.fpr.mean <= fpr + 1e-12
    assert point.tpr.low <= point.tpr.mean <= point.tpr.high


def test_a_threshold_far_from_all_members_leaves_their_own_interval():
    others = np.arange(10_000.0)
    point = at_fpr(Scored([np.repeat([0.0, 20_000.0], [900, 100])], [others]), 0.001)
    assert point.tpr[:2] == pytest.approx(clopper_pearson(100, 1000)[:2], abs=0.003)
    assert point.fpr[:5] == clopper_pearson(10, 10_000)[:5]
    assert (point.fpr.low, point.fpr.high) == pytest.approx((0.00048, 0.00184), abs=1e-5)


def test_a_threshold_that_hangs_on_one_record_widens_the_interval():
    """900 members lie above all non-members but one: without that one the rate would be .9 and not 0."""
    members, others = np.repeat([0.0, 5.0], [100, 900]), np.append(np.zeros(999), 9.0)
    point = at_fpr(Scored([members], [others]), 0.0005)
    assert point.tpr.mean == 0 and point.tpr.high > 0.85
    assert "resampled" in point.tpr.how


def test_one_trial_that_supplies_the_false_positives_widens_the_interval():
    rng = np.random.default_rng(0)
    members, others = rng.normal(2, 1, (5, 40)), rng.normal(0, 1, (5, 200))
    even = at_fpr(Scored(list(members), list(others)), 0.01).tpr
    others[0] += 1.5
    uneven = at_fpr(Scored(list(members), list(others)), 0.01).tpr
    assert uneven.high - uneven.low > 1.15 * (even.high - even.low)


def test_too_few_non_members_allow_none():
    point = at_fpr(Scored([[1.0, 5.0]], [np.arange(5.0)]), 0.001)
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
    once, often = [np.array([1.0, 0, 0, 0])] * 10, [np.arange(4)] * 10
    members = [np.array([2.0])] * 10
    alone = above(Scored(members, once), [0.5] * 10).fpr
    same = above(Scored(members, once, other_ids=often), [0.5] * 10).fpr
    assert alone.mean == same.mean == 0.25
    assert same.high > 0.6 > 0.5 > alone.high
    assert same == crossed_rate([o > 0.5 for o in once], often)


def test_thresholds_chosen_beforehand_are_each_trials_own():
    point = above(Scored([[1.0, 2.0, 3.0], [3.0]], [[0.0, 2.0], [2.0]]), [1.5, 2.5])
    assert (point.tpr.mean, point.fpr.mean, point.threshold) == (
        pytest.approx(3 / 4),
        pytest.approx(1 / 3),
        2,
    )


@pytest.mark.parametrize("scores", [[], [np.nan], [[1.0]]])
def test_what_is_no_vector_of_numbers_is_refused(scores):
    with pytest.raises(Refusal, match="scores"):
        at_fpr(Scored([scores], [[1.0]]), 0.1)
    with pytest.raises(Refusal, match="scores"):
        roc([1.0], scores)


@pytest.mark.parametrize("fpr", [-0.1, 1.5])
def test_a_rate_outside_0_to_1_is_refused(fpr):
    with pytest.raises(Refusal, match="false positive rate"):
        at_fpr(Scored([[1.0]], [[0.0]]), fpr)


def test_ids_that_do_not_fit_are_refused():
    with pytest.raises(Refusal, match="one id each"):
        above(Scored([[1.0]], [[1.0, 0.0]], other_ids=[[1]]), [0.5])


def test_the_interval_holds_the_rate_of_all_models_and_records():
    """`python -m bench.coverage tpr` has the grid; the interval over all flags as one binomial misses more often."""
    rng, hits, times = np.random.default_rng(3), 0, 60
    true = stats.norm.sf(stats.norm.isf(0.01) - 2 / np.sqrt(1.34))
    for _ in range(times):
        model, record = 0.3 * rng.normal(size=(5, 1)), 0.5 * rng.normal(size=400)
        ids = np.array([rng.permutation(400)[:200] for _ in range(5)])
        members = 2 + model + np.sqrt(1.25) * rng.normal(size=(5, 20))
        others = model + record[ids] + rng.normal(size=ids.shape)
        found = at_fpr(Scored(list(members), list(others), None, list(ids)), 0.01).tpr
        hits += found.low <= true <= found.high
    assert hits >= 54  # fewer of 60 have a chance of 2 % at a coverage of 95 %
