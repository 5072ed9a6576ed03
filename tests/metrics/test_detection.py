"""Detection by random checks: exact numbers, its inverses, and a simulation that knows no formula."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.metrics.detection import (
    detected,
    errors_afforded,
    missed,
    missed_together,
    share_needed,
)
from turncoat.refusal import Refusal


def exactly(errors, share):
    """The same in rational numbers."""
    return 1 - (1 - Fraction(share)) ** errors


@pytest.mark.parametrize(
    ("errors", "share"), [(0, 0.5), (1, 0.5), (1, 1.0), (2, 1e-17), (300, 2e-9), (40, 0.3)]
)
def test_detection_is_exact_for_shares_of_any_size(errors, share):
    assert detected(errors, share) == pytest.approx(float(exactly(errors, share)), rel=1e-14)
    assert missed(errors, share) == pytest.approx(float(1 - exactly(errors, share)), rel=1e-14)


def test_section_6_of_the_paper_is_four_orders_of_magnitude_off():
    """2e-9 of 1.5 million products: it says that the adversary is missed with probability 2^-40."""
    assert detected(1_500_000, 2e-9) == pytest.approx(0.0030, abs=5e-5)
    assert share_needed(1_500_000, 2.0**-40) == pytest.approx(1.85e-5, rel=1e-3)
    assert missed(1_500_000, 1.85e-5) == pytest.approx(2.0**-40, rel=0.05)


def test_two_errors_pass_a_check_of_one_in_a_hundred():
    assert missed(2, 0.01) == pytest.approx(0.9801)
    assert errors_afforded(0.01, 0.05) == 5


@given(st.integers(1, 10**8), st.floats(1e-12, 0.999))
def test_the_share_needed_leaves_them_unseen_with_just_that_probability(errors, missing):
    assert missed(errors, share_needed(errors, missing)) == pytest.approx(missing, rel=1e-6)


@given(st.floats(1e-9, 1.0), st.floats(1e-6, 0.999))
@settings(max_examples=300)
def test_one_error_more_than_can_be_afforded_is_too_many(share, caught):
    most = errors_afforded(share, caught)
    assert detected(most, share) <= caught < detected(most + 1, share) * (1 + 1e-12)


def test_no_number_of_errors_is_found_where_nothing_is_checked():
    assert errors_afforded(0, 0.5) is None
    assert errors_afforded(1, 0.5) == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), max_size=5))
def test_errors_under_several_shares_are_missed_independently(groups):
    alone = np.prod([missed(errors, share) for errors, share in groups])
    assert missed_together(groups) == pytest.approx(alone, abs=1e-12)


def test_soundness_counts_once_and_only_where_there_are_errors():
    assert missed_together([(3, 1.0), (2, 1.0)], 0.25) == 0.25
    assert missed_together([(0, 1.0), (5, 0.0)], 0.25) == missed(0, 1.0, 0.25) == 1
    assert missed(1, 0.0, 0.25) == 1
    assert detected(1, 1.0, 0.25) == 0.75
    assert detected(1, 0.1, 0.25) == 0


def test_a_simulation_of_the_checks_agrees():
    """Coins for every message, deviating or not: 200,000 runs each, within 5 standard errors."""
    rng, runs = np.random.default_rng(5), 200_000
    for errors, share in [(1, 0.3), (2, 0.01), (17, 0.05)]:
        found = np.mean((rng.random((runs, errors)) < share).any(1))
        expected = detected(errors, share)
        assert abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / runs)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: missed(1, 1.5), "alpha is a probability"),
        (lambda: missed(1, float("nan")), "alpha is a probability"),
        (lambda: missed(-1, 0.5), "0 or more, not -1"),
        (lambda: missed(float("inf"), 0.5), "0 or more"),
        (lambda: detected(1, 0.5, -1), "soundness is a probability"),
        (lambda: share_needed(0, 0.5), "at least one error"),
        (lambda: share_needed(3, 0), "between 0 and 1, not 0"),
        (lambda: errors_afforded(0.5, 1), "between 0 and 1, not 1"),
        (lambda: errors_afforded(-0.5, 0.5), "alpha is a probability"),
    ],
)
def test_numbers_that_are_no_probabilities_are_refused(call, said):
    with pytest.raises(Refusal, match=said):
        call()
