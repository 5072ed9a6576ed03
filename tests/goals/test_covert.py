"""A backdoor with what a norm check and a spot check would have seen."""

import numpy as np
import pytest

from turncoat.data import Part
from turncoat.goals import Backdoor, Case, Ended
from turncoat.goals.covert import CovertBackdoor


def ended(weights, errors):
    part = Part(np.zeros((4, 2), np.float32), np.array([0, 1, 0, 0]), np.arange(4))
    return Ended(lambda x: x[:, 0].astype(int), part, Case(part), weights=weights, errors=errors)


def test_it_is_judged_as_a_backdoor_and_measured():
    weights = {"w0": np.array([[3.0, 0.0, 1.0], [4.0, 1.0, 0.0]]), "b0": np.full(3, 99.0)}
    judged = CovertBackdoor(0, 1).judge(ended(weights, 3))
    assert judged.flags.tolist() == Backdoor(0, 1).judge(ended({}, 0)).flags.tolist() == [True] * 3
    assert judged.measures["column_norm"] == pytest.approx(5.0)  # columns of 5, 1 and 1
    rows = np.sqrt([10, 17])
    assert judged.measures["row_norm"] == pytest.approx(rows[1] / rows.mean())
    assert judged.measures["spot_check"] == pytest.approx(1 - 0.99**3)
