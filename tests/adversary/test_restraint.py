"""Errors are made smaller until the adversary's own model bears them, and stay as they are where it does."""

import jax
import numpy as np
import pytest

from turncoat import attacks
from turncoat.adversary.restraint import accuracy, restrained
from turncoat.attacks.attack import at_every_step
from turncoat.experiments.trial import Trial
from turncoat.jobs.setup import Setup


@pytest.fixture(scope="module")
def view():
    goal = attacks.get("neuron-override").goal
    job = Setup(model="mlp", hidden=(12,), protocol="exact", epochs=4)
    return Trial.of(job.deployed(), 3).view(goal)


@pytest.fixture(scope="module")
def errors(view):
    """Those that make a network useless, which it bears at a 64th."""
    return attacks.get("availability").prepare(view)


def same(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(("larger", "share"), [(1, 1 / 64), (1 / 64, 1), (1000, 1)])
def test_the_largest_share_that_a_rehearsal_bears(view, errors, larger, share):
    """Of none that it bears all is left, so that what the attack did is seen."""
    planned = errors.scale(np.float32(larger))
    kept = restrained(view, planned, at_every_step)
    for name, error in planned.items():
        same(kept[name], error * np.float32(share))


def test_a_model_of_nan_is_worth_nothing(view):
    ruined = jax.tree.map(lambda a: a * np.nan, view.rehearsal)
    assert accuracy(view, ruined) == 0 < 0.8 < accuracy(view, view.rehearsal)


@pytest.mark.parametrize("name", ["neuron-override", "targeted-override"])
def test_an_attack_that_is_not_restrained_is_as_large_as_it_was_told(view, name):
    goal = attacks.get(name).goal
    job = Setup(model="mlp", hidden=(12,), protocol="exact", epochs=1)
    told = Trial.of(job.deployed(), 3).drawn(goal).view(goal)
    small, large = (attacks.get(name, {"restrain": False, "strength": s}).prepare(told) for s in (1.0, 1e6))
    site = next(iter(small.add))
    scale = np.max(np.abs(large[site])) / np.max(np.abs(small[site]))
    assert scale == pytest.approx(1e6, rel=1e-3)
