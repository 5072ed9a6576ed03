"""Where a few errors go: the entries that stand out most for what they vary."""

import numpy as np
import pytest

from turncoat.adversary.places import few
from turncoat.refusal import Refusal


def test_the_features_that_vary_least_come_first():
    delta, spread = np.array([1.0, -2.0, 3.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(few(delta, spread, 1), [0, -0.5, 0, 0])
    np.testing.assert_allclose(few(delta, spread, 2), [1 / 3, -1 / 3, 0, 0])
    np.testing.assert_allclose(few(delta, spread, 9), np.array([1, -1, 1, 0]) / 6)
    with pytest.raises(Refusal, match="changes nothing"):
        few(np.zeros(3), spread[:3], 1)
