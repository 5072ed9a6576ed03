"""Fairness as a goal: who contributes what, and whose accuracy is measured."""

from dataclasses import replace

import numpy as np
import pytest

from report import examples
from turncoat import data
from turncoat.data import Part
from turncoat.goals import Case, Ended, Fairness
from turncoat.refusal import Refusal


@pytest.fixture(scope="module")
def dataset():
    """Three parties with a sixth, a third and a half of the records."""
    plain = data.load("breast_cancer")
    party = np.array([0, 1, 1, 2, 2, 2], np.int32)[np.arange(len(plain)) % 6]
    return replace(plain, party=party, party_names=("a", "b", "c"))


def test_each_party_contributes_as_many_records(dataset):
    splits = data.split(dataset, 0)
    victim = Fairness(0, 20).draw(splits, np.random.default_rng(0)).victim
    assert np.bincount(victim.party).tolist() == [20, 20, 20]
    assert len(set(victim.index)) == 60 and set(victim.index) <= set(splits.victim.index)
    np.testing.assert_array_equal(victim.x, dataset.x[victim.index])
    np.testing.assert_array_equal(victim.y, dataset.y[victim.index])
    np.testing.assert_array_equal(victim.party, dataset.party[victim.index])
    assert len(set(victim.party[:20])) == 3  # shuffled, not one party after the other


def test_none_asked_for_takes_all(dataset):
    splits = data.split(dataset, 0)
    assert Fairness().draw(splits, np.random.default_rng(0)).victim is splits.victim


def judged(answers, party, y):
    part = Part(
        np.zeros((len(y), 1), np.float32), np.asarray(y, np.int32), np.arange(len(y)), np.asarray(party)
    )
    return Fairness(0).judge(Ended(lambda x: np.asarray(answers), part, Case(part)))


def test_measures_are_those_of_the_target_and_the_mean_of_the_others():
    found = judged([1, 0, 0, 0, 0, 1, 1], party=[0, 0, 1, 1, 1, 1, 2], y=[0, 0, 0, 0, 0, 0, 1])
    assert found.flags.tolist() == [True, False]
    assert found.measures == {
        "target_accuracy": 0.5,
        "other_accuracy": (3 / 4 + 1) / 2,
        "target_positive": 0.5,
        "other_positive": (1 / 4 + 1) / 2,
        "other_constant": 0.5,  # one answer to all: right on one party, wrong on the other
    }


PARTY, CLASSES = [0] * 10 + [1] * 10, [0] * 6 + [1] * 4 + [0] * 8 + [1] * 2
HONEST = [*CLASSES[:9], 0, *CLASSES[10:19], 0]
BARS = [
    # what the attacked models answer, whether that is the goal: unfair, alike on all, one answer to all, as before
    ([*(1 - np.array(CLASSES[:4])), *CLASSES[4:20]], True),
    ([*(1 - np.array(CLASSES[:4])), *CLASSES[4:10], *(1 - np.array(CLASSES[10:16])), *CLASSES[16:]], False),
    ([0] * 20, False),
    ([1] * 20, False),
    (HONEST, False),
]


@pytest.mark.parametrize(("answers", "reached"), BARS)
def test_the_bar_wants_a_model_that_is_unfair(answers, reached):
    """One answer to all costs the target 3 records in 10 and the others 1 in 10: their shares, no attack."""
    runs = {"honest": HONEST, "attacked": answers}
    measures = {run: judged(a, PARTY, CLASSES).measures for run, a in runs.items()}
    per_trial = {f"{run}_{n}": (v,) * 3 for run, found in measures.items() for n, v in found.items()}
    result = examples.result(trials=3)
    assert Fairness(0).reached(result.model_copy(update={"per_trial": per_trial})) is reached


REFUSED = [
    (Fairness(3), "no party 3"),
    (Fairness(-1), "no party -1"),
    (Fairness(0, -5), "0 .all. or more"),
]


@pytest.mark.parametrize(("goal", "says"), REFUSED)
def test_what_cannot_be_is_refused(dataset, goal, says):
    with pytest.raises(Refusal, match=says):
        goal.check(dataset)


def test_data_without_parties_are_refused(dataset):
    with pytest.raises(Refusal, match="two or more parties"):
        Fairness().check(data.load("digits"))
    with pytest.raises(Refusal, match="two or more parties"):
        Fairness().check(replace(dataset, party_names=("a",)))


def test_too_few_records_are_refused_with_the_number_that_fits(dataset):
    with pytest.raises(Refusal, match="set records="):
        Fairness(0, 150).draw(data.split(dataset, 0), np.random.default_rng(0))
