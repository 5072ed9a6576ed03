"""Errors restricted to examples, and turned against the others: against loops over the rows."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.adversary.examples import of_examples, opposed
from turncoat.core.errors import Errors


def errors_of(batch, outputs, seed):
    draw = np.random.default_rng(seed)
    return Errors({"site": jnp.asarray(draw.normal(size=(batch, outputs)), jnp.float32)})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 99), st.sampled_from([0.0, 1.0, 1.5]))
def test_opposed_errors_add_up_to_nothing_when_balanced(chosen, seed, balance):
    outputs = 2
    errors, mask = errors_of(len(chosen), outputs, seed), jnp.asarray(chosen)
    found = np.asarray(opposed(errors, mask, balance)["site"])
    given_ = np.asarray(errors["site"])
    some, rest = np.flatnonzero(chosen), np.flatnonzero(~np.asarray(chosen))
    for i in some:
        np.testing.assert_array_equal(found[i], given_[i])
    total = sum((given_[i] for i in some), np.zeros(outputs))
    for i in rest:
        np.testing.assert_allclose(found[i], -balance * total / len(rest), rtol=1e-5, atol=1e-6)
    if len(rest):
        np.testing.assert_allclose(found.sum(0), (1 - balance) * total, atol=1e-5)


def test_a_convolutions_rows_go_with_their_example():
    errors = Errors(
        {"rows": jnp.arange(1.0, 7.0)[:, None], "each": jnp.ones((3, 2)), "bits": jnp.ones(3, bool)}
    )
    found = of_examples(errors, jnp.asarray([True, False, True]))
    assert found["rows"][:, 0].tolist() == [1, 2, 0, 0, 5, 6]
    assert found["each"].tolist() == [[1, 1], [0, 0], [1, 1]]
    assert found["bits"].tolist() == [True, False, True]


@pytest.mark.parametrize("mask", [[True, True], [False, False]])
def test_with_all_or_none_chosen_there_is_nobody_to_oppose(mask):
    errors = errors_of(2, 2, 0)
    np.testing.assert_array_equal(
        opposed(errors, jnp.asarray(mask))["site"], np.where(mask[0], errors["site"], 0.0)
    )
