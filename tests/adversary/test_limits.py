"""Budgets: what they allow, in numbers, and which errors are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.adversary.limits import Budget, kept, nearest
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

MOST = [
    ({}, np.inf),
    ({"errors": 7}, 7),
    ({"alpha": 0.01}, 68),  # 0.99^68 = 0.505, 0.99^69 = 0.4998
    ({"alpha": 0.01, "errors": 7}, 7),
    ({"alpha": 0.01, "caught": 0.01}, 1),
    ({"alpha": 0.5, "caught": 0.75}, 2),
]


@pytest.mark.parametrize(("settings", "most"), MOST, ids=str)
def test_how_many_errors_a_budget_has(settings, most):
    assert Budget(**settings).most == most


@given(st.floats(1e-6, 0.4), st.floats(0.41, 0.99))
def test_one_more_error_would_be_met_too_often(alpha, caught):
    most = Budget(alpha=alpha, caught=caught).most
    assert 1 - (1 - alpha) ** most <= caught + 1e-6 < 1 - (1 - alpha) ** (most + 1) + 2e-6


REFUSED = [
    ({"alpha": 1.0}, "one error is met more often"),
    ({"alpha": 0.6}, "one error is met more often"),
    ({"alpha": 1.5}, "at most 1"),
    ({"caught": 1.0}, "below 1"),
    ({"errors": 0}, "at least 1"),
    ({"largest": 0.0}, "above 0"),
    ({"norm": 0.0}, "above 0"),
]


@pytest.mark.parametrize(("settings", "says"), REFUSED, ids=str)
def test_no_budget(settings, says):
    with pytest.raises(Refusal, match=says):
        Budget(**settings)


def test_the_largest_errors_are_kept_within_their_costs():
    values = [np.array([[3.0, -9.0], [0.0, 1.0]]), np.array([5.0, 2.0])]
    dear, cheap = kept(values, [4, 1], 6)
    np.testing.assert_array_equal(dear, [[0, -9], [0, 0]])
    np.testing.assert_array_equal(cheap, [5, 2])
    assert all((k == v).all() for k, v in zip(kept(values, [4, 1], 100), values, strict=True))


def test_where_errors_may_be_made():
    surface = Setup(model="mlp", hidden=(8,)).deployed().surface(100)
    shifting = {s for s in surface.shiftable().values() if s is not None}
    assert {place.site for place in Budget().places(surface)} == shifting
    one = sorted(shifting)[0]
    assert [place.site for place in Budget(sites=f" {one}").places(surface)] == [one]
    bit = next(site.name for site in surface if site.is_bit)
    for sites, says in (("nowhere", "there is no site 'nowhere'"), (bit, "holds no numbers")):
        with pytest.raises(Refusal, match=says):
            Budget(sites=sites).places(surface)


def test_the_last_of_places_that_all_only_bend_is_searched_alone_first():
    """A bound on the norm makes all updates depend on each other; behind the gradient there is least in between."""
    bounded = Setup(defence="clip-norm:largest=0.1+checked:sites=bound/*").deployed()
    surface = bounded.surface(100)
    left = surface.without([n for n in surface.sites if n.startswith("bound/")])
    places = Budget().places(left)
    assert len(places) > 1
    assert [p.site for p in nearest(left, places)] == ["dense0/grad_weights"]
    assert nearest(left, places[-1:]) == []
    plain = Setup().deployed().surface(100)
    assert nearest(plain, Budget().places(plain)) == []
