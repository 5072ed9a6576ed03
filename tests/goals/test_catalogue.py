"""Every goal: one row each in the table, and the rules that all of them obey."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import data, goals
from turncoat.goals import Ended, Goal, Taken


def scores(case, rng):
    """What an attack on membership takes: two scores for each candidate."""
    return {signal: rng.normal(size=len(case.told["x"])) for signal in ("own", "target")}


def records(case, rng):
    """What a reconstruction takes: two records, and where they stood."""
    return Taken(case.victim.x[:2], np.array([0, 1]), np.array([3, 4]))


# goal, data, what is taken
TABLE = [
    (goals.Availability(), "digits", None),
    (goals.Backdoor(), "digits", None),
    (goals.CovertBackdoor(), "digits", None),
    (goals.Fairness(1, 40), "parties", None),
    (goals.LeakByAbort(), "digits", lambda case, rng: True),
    (goals.Membership(records=4, members=20, outside=50), "digits", scores),
    (goals.Reconstruction(2), "digits", records),
    (goals.Targeted(3), "digits", None),
]


def dataset_of(name):
    if name != "parties":
        return data.load(name)
    plain = data.load("breast_cancer")
    return replace(plain, party=np.arange(len(plain), dtype=np.int32) % 2, party_names=("a", "b"))


@pytest.fixture(scope="module", params=TABLE, ids=lambda row: type(row[0]).__name__)
def row(request):
    goal, name, take = request.param
    return goal, dataset_of(name), take


def ended(goal, dataset, take, seed, tampered):
    """A run whose model is wrong about every third record."""
    splits = data.split(dataset, 0)
    rng = np.random.default_rng(seed)
    case = goal.draw(splits, rng)
    order = np.arange(60).reshape(6, 10)
    taken = None if take is None else take(case, rng)
    weights = {"w0": rng.normal(size=(5, 3)), "b0": np.zeros(3)}

    def predict(x):
        return (np.arange(len(x)) % 3 == 0).astype(int)

    correct = predict(splits.test.x) == splits.test.y
    ran = {"order": order, "shape": dataset.shape, "weights": weights, "errors": 7, "correct": correct}
    return Ended(predict, splits.test, case, taken, tampered, fires=lambda neuron, position: seed == 0, **ran)


def same(a, b):
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_a_goal_is_a_value_that_says_what_it_is(row):
    goal, dataset, _ = row
    assert goal == replace(goal) and hash(goal) == hash(replace(goal))
    assert goal.sentence and "\n" not in goal.sentence and goal.sentence[-1] != "."
    assert goal.success_name and goal.bar and goal.bar[-1] != "."
    goal.check(dataset)


def test_a_draw_repeats_with_its_seed_and_changes_no_data(row):
    goal, dataset, _ = row
    splits = data.split(dataset, 0)
    before = splits.victim.x.copy(), splits.test.x.copy()
    a, b = (goal.draw(splits, np.random.default_rng(3)) for _ in "ab")
    same(a.told, b.told)
    same(a.hidden, b.hidden)
    np.testing.assert_array_equal(a.victim.index, b.victim.index)
    assert set(a.victim.index) <= set(splits.victim.index)  # nobody trains on what is measured later
    for kept, part in zip(before, (splits.victim, splits.test), strict=True):
        np.testing.assert_array_equal(kept, part.x)


def test_runs_are_judged_and_summed_up(row):
    goal, dataset, take = row
    for tampered in (False, True):
        runs = [goal.judge(ended(goal, dataset, take, seed, tampered)) for seed in (0, 1)]
        for judged in runs:
            assert judged.flags.dtype == bool and judged.flags.ndim == 1 and len(judged.flags)
            assert all(isinstance(m, float) for m in judged.measures.values())
        assert set(runs[0].measures) == set(runs[1].measures)
        summary = goal.summary(runs)
        assert 0 <= summary.success.low <= summary.success.mean <= summary.success.high <= 1
        assert set(summary.measures) >= set(runs[0].measures)


def test_the_table_has_every_goal():
    every = {getattr(goals, name) for name in goals.__all__}
    kinds = {kind for kind in every if isinstance(kind, type) and issubclass(kind, Goal)} - {Goal}
    assert {type(row[0]) for row in TABLE} == kinds
