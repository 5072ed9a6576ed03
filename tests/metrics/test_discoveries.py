"""Names of members: p-values against a count, Benjamini and Hochberg against their definition, null audits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turncoat.metrics.discoveries import calibrated, named
from turncoat.refusal import Refusal


def test_p_values_are_conformal_below_the_tail():
    reference = np.arange(100.0)
    assert calibrated([-5.0, 0.0, 49.5, 80.0], reference) == pytest.approx(np.array([101, 101, 51, 21]) / 101)


def test_p_values_go_on_beyond_the_highest_reference_and_fall():
    reference = np.random.default_rng(0).exponential(size=1000)
    found = calibrated(np.arange(1.0, 30.0), reference)
    assert (np.diff(found) < 0).all() and found[-1] < 1e-8
    exact = np.exp(-np.arange(1.0, 30.0))
    assert (found[6:] > exact[6:]).all()  # longer than the truth, on purpose


def test_reference_scores_of_one_value_leave_the_conformal_p_value():
    assert calibrated([1.0, 2.0], np.ones(9)).tolist() == [1.0, 0.1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.sampled_from([0.05, 0.1, 0.5]))
def test_names_are_the_largest_set_that_the_definition_allows(p, q):
    best = max((k for k in range(1, len(p) + 1) if sorted(p)[k - 1] <= q * k / len(p)), default=0)
    limit = sorted(p)[best - 1] if best else -1.0
    assert named(p, q).tolist() == [x <= limit for x in p]


def test_members_that_stand_out_are_named_and_few_others():
    rng, wrong, right = np.random.default_rng(1), 0, 0
    for _ in range(50):
        scores = rng.exponential(size=510)
        scores[:10] += 15
        chosen = named(calibrated(scores, rng.exponential(size=1000)), 0.1)
        right, wrong = right + chosen[:10].sum(), wrong + chosen[10:].sum()
    assert right > 450 and wrong <= 0.1 * (right + wrong)


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_null_audits_name_nobody_at_more_than_the_level(shift):
    """`python -m bench.coverage null` has 1,000 of each kind; here 300 with scores by 64 shadow models."""
    rng, audits = np.random.default_rng(2), 0
    for _ in range(300):
        z = stats.t.rvs(63, size=2000, random_state=rng) + shift
        scores = -stats.norm.logsf(z)
        audits += named(calibrated(scores[1000:], scores[:1000]), 0.01).any()
    assert audits <= 8  # at 1 % more than 8 of 300 have a chance of .3 %


def test_what_cannot_be_calibrated_is_refused():
    with pytest.raises(Refusal, match="hold some back"):
        calibrated([1.0], [])
    with pytest.raises(Refusal, match="between 0 and 1"):
        named([0.5], 0.0)
