"""How far an audit is: each attack by what it costs."""

import pytest

from turncoat import attacks
from turncoat.experiments import pace
from turncoat.experiments.attacked import WHAT, Cells
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import NOTHING
from turncoat.jobs.setup import Setup

TARGET = Setup("breast_cancer", epochs=1).deployed()


def cells(name, trials=5, **settings):
    return Cells(TARGET, attacks.get(name, settings), trials, 0, Memory(NOTHING))


EVERY = {"backdoor": cells("backdoor"), "membership": cells("membership", shadow_models=20), "fairness": None,
         "search": cells("search", minutes=0.5)}  # fmt: skip


def test_an_attack_costs_its_compiling_what_its_adversary_trains_and_its_trials():
    every = {**EVERY, "fast": cells("search", minutes=0.5, iterations=2)}
    honest, backdoor, membership, fairness, search, fast = pace.costs(every, 5, [9.0, 2.0, 2.5, 2.0, 2.0])
    assert honest.whole == 7 + 5 * 2
    assert backdoor.whole == 7 + 5 * (1 + 1) * 2
    assert membership.whole == backdoor.whole + 20 * 2
    assert search.whole == backdoor.whole + 7 * 7 + 30
    assert fast.whole == backdoor.whole + 7 * 7 + 3 * 2 * 2
    assert fairness.whole == 0


def told(every, times, trials=5):
    """The share of the whole at each report, and the names of the parts, of an audit that goes through all."""
    seen = []
    whole = pace.of(every, trials, lambda *said: seen.append(said))
    for number, cost in enumerate(pace.costs(every, trials, times)):
        report = whole.stage(number)
        if number == 1:
            whole.costs = pace.costs(every, trials, times)
            report = whole.stage(number)
        for done in range(trials + 1) if cost.trials else ():
            report("training honestly" if number == 0 else WHAT, done, trials)
    return [done / total for what, done, total in seen if what == pace.WHOLE], [what for what, *_ in seen]


def test_the_whole_rises_to_its_end_and_names_the_parts():
    shares, names = told(EVERY, [9.0, 2.0, 2.0, 2.0, 2.0])
    assert shares[0] == 0 and shares[-1] == 1
    assert shares[6:] == sorted(shares[6:])
    assert [n for n in dict.fromkeys(names) if n != pace.WHOLE] == [
        pace.HONEST,
        "backdoor",
        "membership",
        "search",
    ]


@pytest.mark.parametrize(("what", "done", "total", "spent"), [
    ("searching for errors", 1, 4, 10.0), (WHAT, 0, 5, 0.0), (WHAT, 1, 5, 43.0), (WHAT, 5, 5, 55.0),
])  # fmt: skip
def test_what_a_stage_has_spent(what, done, total, spent):
    assert pace.Cost("search", 40.0, 3.0, 5).so_far(what, done, total) == spent


def test_what_is_compiled_is_over_once_a_search_advances():
    search = pace.Cost("search", 40.0, 3.0, 5, compiled=20.0)
    assert [search.so_far("searching for errors", n, 4) for n in (0, 1, 4)] == [0.0, 25.0, 40.0]


def test_what_is_finished_costs_nothing():
    assert pace.Cost("backdoor", 40.0, 3.0, 0).whole == 0
