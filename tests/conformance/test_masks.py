"""Attention with masks: on each engine, under each protocol, with the numbers that people mask with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc

SIZE = 3
Q, K, V = jax.random.normal(jax.random.key(0), (3, SIZE, 4))
MASK = jnp.tril(jnp.ones((SIZE, SIZE), bool))
LOWEST = float(jnp.finfo(jnp.float32).min)


def selected(scores, mask, low):
    return jnp.where(mask, scores, low)


def added(scores, mask, low):
    return scores + jnp.where(mask, 0.0, low)


def attention(q, k, v, mask, low, masked=selected, softmax=jax.nn.softmax):
    return softmax(masked(q @ k.T / 2, mask, low), -1) @ v


def off(protocol, engine, low, **how):
    """How far a masked attention is from the plain one with -inf; the mask is public."""

    def f(q, k, v, mask):
        return attention(q, k, v, mask, low, **how)

    got = tc.secure(f, protocol=protocol, engine=engine, secret={"mask": False})(Q, K, V, MASK)
    return float(jnp.max(jnp.abs(got - attention(Q, K, V, MASK, -jnp.inf))))


@pytest.mark.parametrize("low", [-100.0, -1e4, LOWEST, -jnp.inf])
@pytest.mark.parametrize("masked", [selected, added])
@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_exact_takes_any_mask(engine, masked, low):
    assert off("exact", engine, low, masked=masked) < 1e-5


def softmax_of_the_library(x, axis):
    assert axis == -1
    return tc.functions.softmax(x)


@pytest.mark.parametrize(
    ("engine", "protocol", "low", "softmax"),
    [
        ("reals", "crypten", -400.0, jax.nn.softmax),
        ("reals", "spu", -400.0, jax.nn.softmax),
        ("reals", "mp-spdz", -1000.0, softmax_of_the_library),
        ("reals", "tf-encrypted", LOWEST, jax.nn.softmax),
        ("ring", "crypten", -400.0, jax.nn.softmax),
        ("ring", "spu", -100.0, softmax_of_the_library),
        ("replicated", "crypten", -100.0, jax.nn.softmax),
    ],
)
def test_a_mask_that_the_protocol_takes(engine, protocol, low, softmax):
    assert off(protocol, engine, low, softmax=softmax) < 3e-3


@pytest.mark.parametrize(
    ("engine", "low"), [("ring", -1e30), ("ring", LOWEST), ("ring", -jnp.inf), ("replicated", -jnp.inf)]
)
def test_a_constant_beyond_the_range_is_the_largest_number(engine, low):
    def f(x, mask):
        kept = jnp.where(mask, x, low)
        return kept, jnp.max(kept), x + jnp.where(mask, 0.0, low), jnp.min(jnp.where(mask, x, -low))

    x, mask = jnp.asarray([3.0, -2.0, 1.0]), jnp.asarray([False, True, True])
    kept, largest, sums, smallest = tc.secure(f, engine=engine, secret={"mask": False})(x, mask)
    np.testing.assert_array_equal(kept, np.float32([-(2.0**44), -2, 1]))
    np.testing.assert_array_equal(sums, np.float32([-(2.0**44), -2, 1]))
    assert (float(largest), float(smallest)) == (1.0, -2.0)
