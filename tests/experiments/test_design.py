"""The cheapest set of checks: found by attacking back, against trying all sets; and on a job that is trained."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import examples
from turncoat import defences
from turncoat.experiments import designing
from turncoat.experiments import known as known_attacks
from turncoat.experiments.cell import counting
from turncoat.experiments.design import Asked, design
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.known import VARIANTS, Ground, Known, Tried, known, tried
from turncoat.experiments.memory import Memory
from turncoat.experiments.prices import Prices
from turncoat.experiments.remedies import remedies
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.results.json import to_json

SITES = "abcde"


def subsets():
    return chain.from_iterable(combinations(SITES, n) for n in range(len(SITES) + 1))


def against(ways):
    """Attempts by attacks each of which has a list of ways in, and takes the first that is left to it."""

    def attempt(attack, left):
        for way in ways[attack.name]:
            if way <= left:
                return Tried(attack, sites=frozenset(way), reached=True)
        return Tried(attack, why="no way in")

    return attempt


families = st.dictionaries(
    st.sampled_from(("backdoor", "search", "targeted")),
    st.lists(st.sets(st.sampled_from(SITES), min_size=1), max_size=4),
    min_size=1,
)
prices = st.fixed_dictionaries({s: st.integers(1, 9).map(float) for s in SITES})


@given(families, prices)
def test_no_cheaper_set_stops_all_attacks(ways, price):
    """The oracle tries all sets, and knows all ways from the start."""
    attacks = [Known(name) for name in ways]
    out = designing.found(attacks, SITES, price, against(ways), lambda *_: None)
    every = [way for each in ways.values() for way in each]
    stops = [set(s) for s in subsets() if all(way & set(s) for way in every)]
    assert out.sites in stops
    assert sum(price[s] for s in out.sites) == min(sum(price[x] for x in s) for s in stops)
    assert all(not one.reached for one in out.last.values()) and set(out.last) == set(attacks)


def test_an_attack_that_needs_no_error_is_beyond_all_checks():
    ways = {"membership": [set()], "backdoor": [{"a"}]}
    attacks = [Known(name) for name in ways]
    out = designing.found(attacks, SITES, dict.fromkeys(SITES, 1.0), against(ways), lambda *_: None)
    assert out.sites == {"a"} and {one.attack.name for one in out.beyond} == {"membership"}


def test_every_attack_is_known_in_all_its_variants():
    names = [one.name for one in known(minutes=1.0)]
    assert set(VARIANTS) <= set(names) and names == sorted(names, key=lambda n: n == "search")
    assert "search" not in [one.name for one in known(minutes=0)]
    assert all(one.harm for one in known(minutes=1.0))


JOB = Setup(epochs=4)
ASKED = Asked(trials=2, minutes=0, attacks=("sparse-backdoor", "reconstruction", "deposit", "fairness"))


@pytest.fixture(scope="module")
def found():
    return design(JOB.deployed(), ASKED)


def test_a_few_checks_stop_the_backdoors_and_the_readings_of_logistic_regression(found):
    """What shifts the weights, what scales a record's gradient, and the end of the reciprocal in the softmax."""
    both = {"softmax/product", "dense0/grad_weights"}
    inside = set(found.checked) - both
    assert both <= set(found.checked) and "softmax/recip/newton10" in inside
    assert all(name.startswith("softmax/recip/newton") for name in inside)
    assert found.agree and found.exact == found.costs[0].design == (320 + 640 + 32 * len(inside)) * 54
    assert found.costs[0].design < found.costs[0].everything / 4
    assert {way.attack for way in found.ways} >= {"sparse-backdoor", "reconstruction"}
    assert all(way.success.mean > 0.5 > way.honest.mean for way in found.ways)


def test_what_comes_back_without_a_site_does_come_back(found):
    """With all other sites checked, the attack reaches its goal by errors at this one alone, and is not found."""
    target = JOB.deployed()
    plain = counting(target, (), ())
    surface = target.surface(target.records)
    ground = Ground(plain, surface, 2, 0, lambda *_: None, Memory())
    for site in ("dense0/grad_weights", "softmax/recip/newton10"):
        way = found.ways[found.lone[site][0]]
        one = tried(
            Known(way.attack, way.settings), frozenset(surface.sites) - (set(found.checked) - {site}), ground
        )
        assert one.reached and one.sites & set(found.checked) == {site}


def test_the_set_is_a_defence_that_stops_them(found):
    job = Setup(epochs=4, defence=found.defence)
    for name in ("sparse-backdoor", "reconstruction"):
        result = run(Experiment(name, job, {}, trials=2))
        assert result.attacked.aborted == 2 and not result.reached and result.command is not None
        assert defences.get(found.defence).name in result.command


def test_nothing_is_said_to_fail_that_was_not_run(found):
    assert {one.attack for one in found.unmade if not one.closed} == {"fairness", "deposit"}
    assert {one.attack for one in found.unmade if one.closed} == {"sparse-backdoor", "reconstruction"}
    assert "softmax/max/compare1" in found.untouched and not set(found.untouched) & set(found.checked)
    assert found.minutes == 0 and not any(one.attack == "search" for one in found.held)


def test_a_design_is_read_back_from_its_text(found):
    assert type(found).model_validate_json(to_json(found)) == found


def test_prices_count_messages_where_nothing_runs_in_shares():
    target = Setup(protocol="exact").deployed()
    priced = Prices.of(target, target.surface(target.records))
    assert list(priced.by) == ["messages"] and priced.notes
    assert priced.by["messages"].of["dense0/grad_weights"] == 640


@pytest.mark.parametrize(
    ("rates", "ran", "reached"),
    [
        ((0.0,), [2], False),
        ((0.5, 0.0), [2, 4], False),  # more trials refute it
        ((0.5, 0.5, 0.5), [2, 4, 8], True),  # in doubt for as long as it is given
        ((1.0,), [2], True),
    ],
)
def test_an_attack_in_doubt_gets_more_trials_and_then_the_benefit_of_it(monkeypatch, rates, ran, reached):
    """A success that rises, in trials that do not show it, is not what a set of checks may rely on to fail."""
    seen = []

    def came(name, settings, left, ground, trials):
        rate = rates[len(seen)]
        seen.append(trials)
        return examples.result(reached=rate == 1, in_doubt=rate == 0.5), frozenset({"a"}), 1

    monkeypatch.setattr(known_attacks, "_run", came)
    target = JOB.deployed()
    ground = Ground(target, target.surface(target.records), 2, 0, lambda *_: None, Memory())
    one = tried(Known("backdoor"), frozenset({"a"}), ground)
    assert seen == ran and one.reached is reached


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"price": "spdz"}, "no prices of 'spdz'"),
        ({"trials": 1}, "two trials"),
        ({"minutes": -1.0}, "0 or more minutes"),
        ({"threats": ("theft",)}, "no threat 'theft'"),
        ({"attacks": ("backdor",)}, "no attack 'backdor'"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(wrong, said):
    with pytest.raises(Refusal, match=said):
        Asked(**wrong)


def test_an_audit_says_what_would_have_stopped_what_it_found():
    """From the sites of its own attacks: no attack is run again."""
    target = JOB.deployed()
    results = [run(Experiment(name, target, {}, trials=2)) for name in ("sparse-backdoor", "reconstruction")]
    assert [r.sites for r in results] == [("dense0/grad_weights",), ("softmax/product",)]
    surface = target.surface(target.records)
    shift, read = remedies(target, surface, results)
    assert (shift.harm, shift.sites, shift.attacks) == (
        "backdoor",
        ("dense0/grad_weights",),
        ("sparse-backdoor",),
    )
    assert (read.harm, read.sites) == ("reconstruction", ("softmax/product",))
    assert shift.factor == 1 + 640 * 54 / 298_680 and read.factor < shift.factor < shift.everything
    assert shift.deterrence == 0 and shift.found > 0.999 and shift.suspects == 2
    assert "CrypTen has no actively secure protocol" in shift.remark
    assert remedies(target, surface, [r.model_copy(update={"reached": False}) for r in results]) == ()
