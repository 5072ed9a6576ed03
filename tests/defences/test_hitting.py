"""The cheapest set of checks: the integer program and the greedy way, against trying all sets."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.defences.hitting import cheapest, cost, greedy, lone, needed
from turncoat.refusal import Refusal

SITES = "abcdef"
PRICES = {"a": 5.0, "b": 1.0, "c": 2.0, "d": 2.5, "e": 0.0, "f": 1e6}

# ways, the cheapest set, what the greedy way takes
CASES = [
    ((), "", ""),
    (("a",), "a", "a"),
    (("ab", "ac"), "bc", "bc"),
    (("ab", "ac", "ad"), "a", "bcd"),
    (("ab", "abc"), "b", "b"),
    (("e", "ef"), "e", "e"),
    (("ef", "ea"), "e", "e"),
    (("bc", "cd", "db"), "bc", "bc"),
]


def brute(ways, prices):
    """The least price at which a set meets each way, over all sets."""
    every = chain.from_iterable(combinations(SITES, n) for n in range(len(SITES) + 1))
    return min(cost(s, prices) for s in every if all(set(s) & set(w) for w in ways))


@pytest.mark.parametrize(("ways", "best", "taken"), CASES)
def test_known_sets(ways, best, taken):
    assert cheapest(map(set, ways), PRICES) == set(best)
    assert greedy(map(set, ways), PRICES) == set(taken)


def test_greedy_pays_more_where_one_dear_site_does_what_three_cheap_ones_do():
    ways = [set("ab"), set("ac"), set("ad")]
    assert cost(cheapest(ways, PRICES), PRICES) == 5 and cost(greedy(ways, PRICES), PRICES) == 5.5


many_ways = st.lists(st.sets(st.sampled_from(SITES), min_size=1), max_size=8)
some_prices = st.fixed_dictionaries({s: st.integers(0, 9).map(float) for s in SITES})


@given(many_ways, some_prices)
def test_the_exact_set_costs_what_trying_all_sets_finds(ways, prices):
    exact, quick = cheapest(ways, prices), greedy(ways, prices)
    for found in (exact, quick):
        assert all(found & way for way in ways)
    assert cost(exact, prices) == brute(ways, prices)
    assert cost(exact, prices) <= cost(quick, prices)


@given(many_ways, some_prices)
def test_each_site_of_either_set_meets_a_way_that_no_other_meets(ways, prices):
    for found in (cheapest(ways, prices), greedy(ways, prices)):
        back = lone(found, ways)
        assert set(back) == found and all(back.values())
        assert all(not ways[i] & (found - {s}) for s, numbers in back.items() for i in numbers)


def test_a_way_that_contains_another_asks_for_nothing_more():
    assert needed([set("abc"), set("ab"), set("c"), set("ab")]) == [{"c"}, {"a", "b"}]


def test_no_check_meets_an_attack_that_tampers_with_nothing():
    for solve in (cheapest, greedy):
        with pytest.raises(Refusal, match="no check of messages"):
            solve([set(), set("a")], PRICES)


def test_a_price_is_a_finite_number_that_is_not_negative():
    for price in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ValueError, match="finite"):
            cheapest([{"a"}], {"a": price})
