"""How the model answers errors: from small ones, up to where a bound or a softmax holds larger ones back."""

from math import inf

import jax.numpy as jnp
import pytest

from turncoat.adversary.responses import response

CASES = {
    "in proportion": (lambda s: 3 * s, 3.0, inf),
    "held within a tenth": (lambda s: jnp.clip(3 * s, -0.1, 0.1), 3.0, 1e-2),
    "no number beyond a tenth": (lambda s: jnp.where(s > 0.1, jnp.nan, 3 * s), 3.0, 0.1),
    "infinite beyond a tenth": (lambda s: jnp.where(s > 0.1, jnp.inf, 3 * s), 3.0, 0.1),
    "a number again": (lambda s: jnp.where((s > 0.01) & (s < 1), jnp.nan, 3 * s), 3.0, 0.01),
    "saturated": (lambda s: jnp.tanh(s), 1.0, 1.0),
    "not heard where small": (lambda s: jnp.where(s < 0.5, 1e-5 * jnp.sign(s), 3 * s), 3.0, inf),
    "with another number that moves less": (lambda s: jnp.stack([s / 2, -3 * s]), 3.0, inf),
}


@pytest.mark.parametrize("case", CASES)
def test_the_slope_is_that_of_errors_which_are_not_held_back(case):
    move, slope, largest = CASES[case]
    found = response(lambda s: [move(s)], [jnp.zeros(jnp.shape(move(jnp.float32(1))))], 1.0)
    assert found.slope == pytest.approx(slope, rel=0.01) and found.largest == pytest.approx(largest)


def test_sizes_are_tried_around_that_of_the_honest_values():
    found = response(lambda s: [jnp.clip(3 * s, -0.1, 0.1)], [jnp.zeros(())], 20.0)
    assert found.slope == pytest.approx(3.0) and found.largest == pytest.approx(0.02)


@pytest.mark.parametrize(
    "answer", [lambda s: 0 * s, lambda s: jnp.nan * s, lambda s: jnp.where(s > 1, jnp.nan, 0)]
)
def test_what_answers_nothing_is_moved_by_as_much_as_is_there(answer):
    assert response(lambda s: [answer(s)], [jnp.zeros(())], 4.0) == (0.25, 4.0)
