"""How large changes must be: the search for sizes."""

import numpy as np

from turncoat.adversary.budget import climb


def test_the_search_climbs_to_the_best_sizes_within_the_limits():
    def worth(s):
        return -float(np.sum((np.log(s) - np.log([40.0, 0.02])) ** 2))

    np.testing.assert_allclose(np.log(climb(worth, np.array([1e5, 1e5]))), np.log([40, 0.02]), atol=0.2)
    assert climb(worth, np.array([7.0, 1e5]))[0] == 7.0
