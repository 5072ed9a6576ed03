"""A backdoor with what a norm check and a spot check would have seen."""

import numpy as np
import pytest

from turncoat.data import Part
from turncoat.goals import Backdoor, Case, Ended
from turncoat.goals.covert import CovertBackdoor
from turncoat.metrics.screens import share_to_check, spot_check


def ended(weights, errors):
    part = Part(np.zeros((4, 2), np.float32), np.array([0, 1, 0, 0]), np.arange(4))
    return Ended(lambda x: x[:, 0].astype(int), part, Case(part), weights=weights, errors=errors)


def test_it_is_judged_as_a_backdoor_and_measured():
    weights = {"w0": np.array([[3.0, 0.0, 1.0], [4.0, 1.0, 0.0]]), "b0": np.full(3, 99.0)}
    judged = CovertBackdoor(0, 1).judge(ended(weights, 3))
    assert judged.flags.tolist() == Backdoor(0, 1).judge(ended({}, 0)).flags.tolist() == [True] * 3
    assert judged.measures["column_norm"] == pytest.approx(5.0)  # columns of 5, 1 and 1
    rows = np.sqrt([10, 17])
    assert judged.measures["row_norm"] == pytest.approx(rows[1] / rows.mean())
    assert judged.measures["spot_check"] == pytest.approx(1 - 0.99**3)


@pytest.mark.parametrize(("errors", "share"), [(0, 0.5), (1, 0.5), (3, 0.01), (15_700_000, 1e-6)])
def test_a_spot_check_misses_every_error_with_one_probability(errors, share):
    assert spot_check(errors, share) == pytest.approx(1 - (1 - share) ** errors, rel=1e-6)


def test_the_papers_share_is_far_too_small():
    """Section 6 names a share of 2e-9 for 1.5 million errors: that finds one in 0.3 % of runs."""
    assert spot_check(1_500_000, 2e-9) == pytest.approx(0.003, rel=0.01)
    assert spot_check(1_500_000, 1.85e-5) > 1 - 1e-12


@pytest.mark.parametrize(("errors", "missed"), [(1, 0.25), (7, 0.5), (15_700_000, 2.0**-40)])
def test_checking_that_share_misses_them_with_that_probability(errors, missed):
    assert 1 - spot_check(errors, share_to_check(errors, missed)) == pytest.approx(missed, rel=1e-3)


def test_section_6_of_the_paper_is_four_orders_of_magnitude_off():
    """2e-9 of 1.5 million products: it says that the adversary is missed with probability 2^-40."""
    assert spot_check(1_500_000, 2e-9) == pytest.approx(0.0030, abs=5e-5)
    assert share_to_check(1_500_000, 2.0**-40) == pytest.approx(1.85e-5, rel=1e-3)
