"""Two-level intervals: against naive sums and linear models, at their edges, and by their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from turncoat.metrics import clopper_pearson, crossed_difference, crossed_rate
from turncoat.metrics.crossed import two_way, unanimous
from turncoat.refusal import Refusal


@st.composite
def trials(draw):
    """A few trials over a few records: values and ids."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    values = [np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), float) for n in sizes]
    return values, [draw(st.permutations(range(6)))[:n] for n in sizes]


def cluster_variance(error, group):
    """The sum over pairs of one cluster, pair by pair, with the usual correction."""
    names = set(group)
    pairs = sum(
        a * b for a, g in zip(error, group, strict=True) for b, h in zip(error, group, strict=True) if g == h
    )
    return pairs * len(names) / max(len(names) - 1, 1)


@settings(max_examples=60, deadline=None)
@given(trials())
def test_the_variance_is_that_of_two_way_clusters(given_trials):
    values, ids = given_trials
    every = np.concatenate(values)
    error = (every - every.mean()) / len(every)
    trial = np.repeat(np.arange(len(values)), [len(v) for v in values]).tolist()
    record = [i for each in ids for i in each]
    of_trials, of_records = cluster_variance(error, trial), cluster_variance(error, record)
    if len(set(record)) == 1:
        of_records = 0
    found = two_way(values, ids)
    assert found.mean == pytest.approx(every.mean())
    assert found.variance == pytest.approx(of_trials + max(of_records - np.sum(error**2), 0), abs=1e-12)
    assert (found.trials, found.records, found.flags) == (
        len(values),
        len(set(record)),
        pytest.approx(len(every)),
    )


@settings(max_examples=60, deadline=None)
@given(trials(), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_rate_lies_in_its_interval_whatever_the_ids_are_called(given_trials, confidence):
    values, ids = given_trials
    found = crossed_rate(values, ids, confidence)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found == crossed_rate(values, [[f"record {i}" for i in each] for each in ids], confidence)
    assert found == crossed_rate(values, [[2 * 10**7 + i for i in each] for each in ids], confidence)


def test_a_single_binomial_keeps_its_exact_interval():
    assert crossed_rate([[True], [True], [False]]) == clopper_pearson(2, 3)
    assert crossed_rate([[1], [1], [0]], [[5], [6], [9]], 0.5) == clopper_pearson(2, 3, 0.5)
    assert crossed_rate([[1], [1], [0]], [[5], [5], [5]]) != clopper_pearson(2, 3)


def test_one_model_is_its_records_and_says_so():
    found = crossed_rate([np.repeat([1, 0], [90, 10])])
    assert found[:5] == clopper_pearson(90, 100)[:5]
    assert found.how == "Clopper-Pearson over the records of one model: other models may differ"


def test_many_alike_trials_are_worth_their_flags():
    rng = np.random.default_rng(0)
    found, plain = crossed_rate(rng.random((200, 50)) < 0.7), clopper_pearson(7000, 10_000)
    assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.2)
    assert found.how == "two-level: over models and records"


def test_trials_that_differ_are_worth_students_interval_over_trials():
    rates = np.linspace(0.3, 0.7, 41)
    flags = [np.arange(1000) < 1000 * r for r in rates]
    half = stats.t.isf(0.025, 40) * rates.std(ddof=1) / np.sqrt(41)
    found = crossed_rate(flags)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.003)


def test_records_that_all_models_share_are_worth_one_model():
    same = np.arange(400) < 300
    found = crossed_rate([same] * 40, [np.arange(400)] * 40)
    plain = clopper_pearson(300, 400)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.003)


@pytest.mark.parametrize(("models", "low"), [(3, 0.946), (5, 0.967), (10, 0.984), (40, 0.996)])
def test_flags_that_all_agree_respect_both_models_and_records(models, low):
    flags = np.ones((models, 1000), bool)
    found = crossed_rate(flags, [np.arange(1000)] * models)
    assert found[:3] == (1, pytest.approx(low, abs=5e-4), 1)
    none = crossed_rate(~flags, [np.arange(1000)] * models)
    assert none[:3] == (0, 0, pytest.approx(1 - found.low))
    few = crossed_rate(flags[:, :5], [np.arange(5)] * models)
    assert few.low <= clopper_pearson(5, 5).low


def test_the_bound_of_agreeing_flags_is_where_beta_binomial_models_would_agree_so_rarely():
    rate, models, records = unanimous(5, 5 * 30, 10**9), 5, 30
    all_agree = stats.betabinom.pmf(records, records, 4 * rate, 4 * (1 - rate)) ** models
    assert all_agree == pytest.approx(0.025, rel=1e-6)


def test_a_single_failure_does_not_narrow_the_interval():
    flags = np.ones((3, 200), bool)
    alike = crossed_rate(flags)
    flags[0, 0] = False
    assert crossed_rate(flags).low <= alike.low


def test_weights_count_as_they_say():
    flags, weights = [np.array([1, 1, 0]), np.array([0, 1, 1])], [np.array([1, 1, 2]), np.array([1, 1, 2])]
    assert crossed_rate(flags, weights=weights).mean == 5 / 8
    same = crossed_rate(flags, weights=[np.full(3, 7.0)] * 2)
    assert same == pytest.approx(crossed_rate(flags)[:3] + same[3:])


@pytest.mark.parametrize("flags", [[[0.5, 1.0]], [[2, 0]], [[float("nan")]], [["yes"]]])
def test_scores_are_no_flags(flags):
    with pytest.raises(Refusal, match="flags"):
        crossed_rate(flags)


def test_what_makes_no_rate_is_refused():
    for nothing in ([], [[]]):
        with pytest.raises(Refusal, match="at least one trial"):
            crossed_rate(nothing)
    with pytest.raises(Refusal, match="one id each"):
        crossed_rate([[1, 0], [1, 1]], [[1, 2], [1]])
    with pytest.raises(Refusal, match="no pairs"):
        crossed_difference([[1, 0]], [[1]])
    with pytest.raises(Refusal, match="confidence"):
        crossed_rate([[1, 0], [1, 1]], confidence=95)


def test_paired_flags_ignore_what_the_pairs_share():
    rng = np.random.default_rng(1)
    before = rng.random((5, 2000)) < rng.uniform(0.2, 0.9, (5, 1))
    after = before & (rng.random((5, 2000)) > 0.02)
    found = crossed_difference(before, after)
    assert found.mean == pytest.approx(after.mean() - before.mean())
    assert found.high - found.low < 0.02
    assert found.how == "two-level, paired by trial and record"


def test_predictions_of_which_none_changed_allow_what_their_number_allows():
    same = np.ones((3, 100), bool)
    found = crossed_difference(same, same, [np.arange(100)] * 3)
    assert found.mean == 0
    assert found.high == -found.low == pytest.approx(clopper_pearson(0, 100).high)
    assert "other models may differ" in crossed_difference(same[:1], same[:1]).how


def target(centre, spread):
    """The mean of a logistic of a normal, by quadrature."""
    x, w = np.polynomial.hermite_e.hermegauss(40)
    return special.expit(centre + spread * x) @ w / w.sum()


COVERED = [(3, 2.0, 0.3), (3, 0.0, 1.0), (10, 4.0, 0.3), (10, -3.0, 1.0)]


@pytest.mark.parametrize(("models", "centre", "spread"), COVERED)
def test_nominal_95_percent_cover_at_least_93(models, centre, spread):
    """Pooled Clopper-Pearson covers less than 90 % here; `python -m bench.coverage` has the whole grid."""
    rng, hits, pooled, times, records = np.random.default_rng(5), 0, 0, 400, 200
    true = target(centre, np.hypot(spread, 1.5))
    for _ in range(times):
        odds = centre + spread * rng.normal(size=(models, 1)) + 1.5 * rng.normal(size=records)
        flags = rng.random((models, records)) < special.expit(odds)
        found = crossed_rate(flags, [np.arange(records)] * models)
        naive = clopper_pearson(int(flags.sum()), flags.size)
        hits, pooled = hits + (found.low <= true <= found.high), pooled + (naive.low <= true <= naive.high)
    assert hits >= 0.92 * times  # two standard errors of 400 draws below .95 is .928
    assert pooled < 0.9 * times


@pytest.mark.parametrize("models", [3, 10])
def test_changes_are_covered_although_records_are_shared(models):
    rng, hits, times, records = np.random.default_rng(6), 0, 400, 150
    true = target(0.7, np.hypot(0.1, 1.5)) - target(1.0, 1.5)
    for _ in range(times):
        odds, luck = 1.0 + 1.5 * rng.normal(size=records), rng.random((models, records))
        moved = odds - 0.3 + 0.1 * rng.normal(size=(models, 1))
        before, after = luck < special.expit(odds), luck < special.expit(moved)
        found = crossed_difference(before, after, [np.arange(records)] * models)
        hits += found.low <= true <= found.high
    assert hits >= 0.92 * times
