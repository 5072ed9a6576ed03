from dataclasses import replace

import numpy as np
import pytest

from turncoat.data import Dataset, validated

GOOD = Dataset(
    "good", np.zeros((4, 6), np.float32), np.array([0, 1, 2, 0], np.int32), 3, (2, 3), "made here", (0.0, 0.0)
)


def with_value(value: float) -> Dataset:
    x = GOOD.x.copy()
    x[2, 5] = value
    return replace(GOOD, x=x)


def test_a_good_data_set_passes_unchanged():
    assert validated(GOOD) is GOOD
    assert len(GOOD) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_names_the_first_value_that_is_not_finite(value, refusal):
    message = refusal(validated, with_value(value))
    assert "feature 5 of record 2" in message
    assert str(value) in message


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(GOOD, y=np.array([0, 1, 3, 0], np.int32)), "label 3 of record 2 is out of range"),
        (replace(GOOD, y=np.array([0, -1, 2, 0], np.int32)), "label -1 of record 1 is out of range"),
        (replace(GOOD, classes=10**9), "1,000,000,000 classes, more than the 10,000 that can be trained"),
        (replace(GOOD, y=np.ones(4, np.int32)), "all labels are 1"),
        (replace(GOOD, y=GOOD.y[:3]), "4 records but 3 labels"),
        (replace(GOOD, x=GOOD.x[:0], y=GOOD.y[:0]), "is empty"),
        (replace(GOOD, x=GOOD.x[:, :0]), "is empty"),
        (replace(GOOD, shape=(7,)), "do not have the 6 features"),
        (replace(GOOD, x=GOOD.x[0]), "must be (records, features)"),
        (replace(GOOD, party=np.zeros(3, np.int32), party_names=("A",)), "4 records but 3 parties"),
        (replace(GOOD, party=np.array(0), party_names=("A",)), "4 records but 1 parties"),
        (replace(GOOD, reserve=np.array([1, 4])), "records of the reserve once each, from 0 to 3"),
        (replace(GOOD, reserve=np.array([1, 1])), "records of the reserve once each, from 0 to 3"),
        (replace(GOOD, reserve=np.array([1]), test_from=3), "it needs no reserve"),
        (replace(GOOD, party=np.array([0, 1, 0, 0]), party_names=("A",)), "parties from 0 to 0"),
    ],
)
def test_refuses_what_cannot_be_trained_on(wrong, says, refusal):
    assert says in refusal(validated, wrong)


def test_a_stand_in_never_goes_by_its_bare_name():
    assert GOOD.label == "good"
    assert replace(GOOD, stand_in=True).label == "good (synthetic stand-in)"
