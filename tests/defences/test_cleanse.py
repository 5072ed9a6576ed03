"""Reverse engineering of triggers: a planted one stands out, and models without one look alike."""

import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.defences.cleanse import stands_out

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(200, 12)).astype(np.float32)


def linear(w, x):
    return x @ w


def planted(strength, width=5):
    """Each class has two features of its own; feature 11 speaks for class 2."""
    w = np.zeros((12, width), np.float32)
    for c in range(width):
        w[2 * c : 2 * c + 2, c] = 4.0
    w[11, 2] = strength
    return jnp.asarray(w)


def test_a_planted_trigger_stands_out():
    plain = stands_out(linear, planted(0.0), X * (np.arange(12) < 11), 5)
    found = stands_out(linear, planted(40.0), X * (np.arange(12) < 11), 5)
    assert 1 <= plain < 1.6 < 3 < found


@pytest.mark.parametrize("columns", [1, 2])
def test_two_classes_have_one_column_or_two(columns):
    w = np.zeros((12, columns), np.float32)
    w[0] = [3.0] if columns == 1 else [-1.5, 1.5]
    found = stands_out(linear, jnp.asarray(w), X - 0.5, 2)
    assert np.isfinite(found) and found >= 1
