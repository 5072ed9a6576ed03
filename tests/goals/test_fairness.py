"""Fairness as a goal: who contributes what, and whose accuracy is measured."""

from dataclasses import replace

import numpy as np
import pytest

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


def test_accuracies_are_those_of_the_target_and_the_mean_of_the_others():
    party = np.array([0, 0, 1, 1, 1, 1, 2], np.int32)
    y = np.zeros(7, np.int32)
    part = Part(np.zeros((7, 1), np.float32), y, np.arange(7), party)
    predicted = np.array([1, 0, 0, 0, 0, 1, 1])
    judged = Fairness(0).judge(Ended(lambda x: predicted, part, Case(part)))
    assert judged.flags.tolist() == [True, False]
    assert judged.measures == {"target_accuracy": 0.5, "other_accuracy": (3 / 4 + 0) / 2}


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
