"""Targeted poisoning as a goal: what is drawn, told and counted."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import data
from turncoat.goals import Ended, Targeted
from turncoat.refusal import Refusal


@pytest.fixture(scope="module")
def splits():
    return data.split(data.load("digits"), 0)


def test_the_target_class_is_one_that_none_of_the_records_has(splits):
    seen = set()
    for seed in range(30):
        told = Targeted(4).draw(splits, np.random.default_rng(seed)).told
        assert told["records"].shape == (4, 64) and len(set(told["labels"])) == 1
        for record in told["records"]:
            (place,) = np.flatnonzero((splits.test.x == record).all(1))[:1]
            assert splits.test.y[place] != told["labels"][0]
        seen.add(int(told["labels"][0]))
    assert len(seen) >= 8  # any class, drawn at random


def test_a_draw_repeats_with_its_seed_and_leaves_the_victims_alone(splits):
    a, b, c = (Targeted().draw(splits, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.told["records"], b.told["records"])
    assert not np.array_equal(a.told["records"], c.told["records"])
    assert a.victim is splits.victim


def test_success_counts_the_records_that_take_the_wanted_class(splits):
    case = Targeted(3).draw(splits, np.random.default_rng(0))
    wanted = int(case.told["labels"][0])
    ended = Ended(lambda x: np.array([wanted, (wanted + 1) % 10, wanted]), splits.test, case)
    assert Targeted(3).judge(ended).flags.tolist() == [True, False, True]


def test_what_cannot_be_aimed_at_is_refused(splits):
    with pytest.raises(Refusal, match="at least one record"):
        Targeted(0).check(data.load("digits"))
    few = replace(splits, test=splits.test.take(np.arange(3)))
    with pytest.raises(Refusal, match="aim at so many"):
        Targeted(4).draw(few, np.random.default_rng(0))


def test_the_sentence_counts():
    assert Targeted(1).sentence.startswith("1 test record,")
    assert Targeted(5).sentence.startswith("5 test records,")
