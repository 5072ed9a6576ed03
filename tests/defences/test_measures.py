"""Measures around a step: what they bound, and that errors behind a bound are not bounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences.measures import ClippedEntries, ClippedNorm
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, schedule, train

RNG = np.random.default_rng(3)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = RNG.integers(0, 3, 300)


def descent(state, x, y, number):
    w, seen = state
    return w - 0.5 * (x.T @ (x @ w - y)) / 4.0, seen + 1


JOB = tc.Job(
    "least-squares",
    lambda key: (jnp.zeros((4, 3)), jnp.zeros((), jnp.int32)),
    descent,
    lambda state, x: x @ state[0],
    (X, Y),
    batch=4,
    epochs=1,
)
PUBLIC = schedule(jax.random.key(3), 4, JOB)  # one step


def stepped(defence, engine="reals", errors=None):
    """The weights after one step, and what the step's surface says can be shifted."""
    target = Deployed.of(JOB, "exact", engine, defence)
    tampering = None if errors is None else Tampering(lambda plan, info: tc.Errors(plan), errors)
    released, _ = train(target.step, JOB.init(None), X[:4], JOB.labelled(Y[:4]), PUBLIC, tampering)
    assert int(released[1]) == 1
    return np.asarray(released[0]), target.surface(300)


@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_entries_are_clipped_and_small_ones_left(engine):
    plain, _ = stepped(None, engine)
    clipped, _ = stepped("clip-entries:largest=0.1", engine)
    np.testing.assert_allclose(clipped, np.clip(plain, -0.1, 0.1), atol=1e-5)
    assert (np.abs(plain) > 0.1).any() and (np.abs(plain) < 0.1).any()


@pytest.mark.parametrize(("largest", "shrinks"), [(0.25, True), (50.0, False)])
def test_the_norm_of_a_whole_update_is_bounded(largest, shrinks):
    plain, _ = stepped(None)
    norm = float(np.linalg.norm(plain))
    bounded, _ = stepped(f"clip-norm:largest={largest}")
    np.testing.assert_allclose(bounded, plain * min(1.0, largest / norm), rtol=2e-3, atol=1e-5)
    assert (norm > largest) == shrinks


@pytest.mark.parametrize("defence", ["clip-entries:largest=0.1", "clip-norm:largest=0.25"])
def test_an_error_before_the_bound_is_bounded_and_one_behind_it_is_not(defence):
    honest, surface = stepped(defence)
    error = np.zeros((4, 3), np.float32)
    error[1, 2] = 100.0
    before = next(n for n in surface.sites if "bound" not in n and surface[n].shape == (4, 3))
    moved, _ = stepped(defence, errors={before: error})
    assert np.linalg.norm(moved - honest) < 0.6
    behind = surface.find(shifts="0", clean=True)[-1]
    assert "bound" in behind
    moved, _ = stepped(defence, errors={behind: error})
    np.testing.assert_allclose(moved - honest, error, atol=1e-3)


def test_equal_measures_are_one_program_and_a_step_keeps_its_signature():
    one, other = (Deployed.of(JOB, "exact", "reals", "clip-entries:largest=0.1").step for _ in range(2))
    assert one == other and one.takes == ("number",)
    both = defences.get("clip-entries:largest=0.1+clip-norm:largest=2")
    assert both.measures == (ClippedEntries(0.1), ClippedNorm(2.0))


@pytest.mark.parametrize("name", ["clip-entries:largest=0", "clip-norm:largest=-1", "clip-norm:largest=inf"])
def test_a_bound_that_lets_nothing_pass_is_refused(name):
    with pytest.raises(tc.Refusal, match="finite number above 0"):
        defences.get(name)
