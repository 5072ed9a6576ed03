"""Ideal checks and the engine's proofs of messages come to one verdict, run by run."""

import jax.numpy as jnp
import numpy as np
import pytest

from defences.test_ideal import error, run, under

# the error in two entries' messages, whether it is one: at a scale of 2^36, modulo 2^64
SIZES = [(2.0**-36, True), (-5.0, True), (2.0**27, True), (2.0**28, False), (2.0**-40, False), (0.0, False)]


@pytest.fixture(scope="module")
def targets():
    return under("everything", "replicated"), under(None, "replicated:check=all")


@pytest.mark.parametrize(("size", "wrong"), SIZES)
def test_both_abort_the_same_runs(targets, size, wrong):
    ideal, proof = targets
    for target in (ideal, proof):
        released, tally = run(target, error(size))
        assert bool(tally.aborted) == wrong
        assert bool(jnp.isnan(released).all()) == wrong
    assert np.asarray(tally.failed).tolist() == [False, wrong, False]  # party 1 is corrupt
