"""A backdoor as a goal: which data can have it, and what counts."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import data
from turncoat.data import Part
from turncoat.goals import Backdoor, Case, Ended, Trigger
from turncoat.refusal import Refusal

GOALS = [
    (Backdoor(0, 0), "differ"),
    (Backdoor(0, 9), "target class 9 does not exist"),
    (Backdoor(-1, 1), "source class -1"),
    (Backdoor(trigger=Trigger(feature=4)), "feature 4 does not exist"),
]


@pytest.mark.parametrize(("goal", "says"), GOALS)
def test_goals_that_the_data_cannot_have_are_refused(goal, says):
    with pytest.raises(Refusal, match=says):
        goal.check(replace(data.load("digits"), x=np.zeros((3, 4), np.float32), shape=(4,), classes=3))


def test_success_is_counted_on_triggered_records_of_the_source_class():
    x, y = np.zeros((4, 3), np.float32), np.array([0, 1, 0, 0])
    x[3, 1] = 7.0

    def predict(records):
        assert (records[:, 2] == 5.0).all()
        return (records[:, 1] > 1).astype(int)

    ended = Ended(predict, Part(x, y, np.arange(4)), Case(Part(x, y, np.arange(4))))
    flags = Backdoor(0, 1, Trigger(2, 5.0)).judge(ended).flags
    assert flags.tolist() == [False, False, True]
    assert not x[:, 2].any()  # the records themselves are left alone
    with pytest.raises(Refusal, match="none of class 2"):
        Backdoor(2, 1).judge(ended)
