"""DP-SGD inside the job: how large its noise is, who lacks it, and that an unchecked bound binds no liar."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences.records import SEEDS, NoisyRecords
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, schedule, train
from turncoat.jobs.setup import Setup
from turncoat.metrics.privacy import DELTA, epsilon

RNG = np.random.default_rng(6)
N, WIDTH = 5, 400


def still(w, x, y):
    """A step that moves each weight by what a record says: the mean of x."""
    return w + jnp.mean(x, 0)


X = np.zeros((300, WIDTH), np.float32)
JOB = tc.Job(
    "mean",
    lambda key: jnp.zeros(WIDTH),
    still,
    lambda w, x: jnp.stack([x @ w, -(x @ w)], 1),
    (X, np.arange(300) % 2),
    batch=N,
    epochs=1,
)


def stepped(defence, x, errors=None, key=3):
    target = Deployed.of(JOB, "exact", "reals", defence)
    public = schedule(jax.random.key(key), N, JOB)
    tampering = None if errors is None else Tampering(lambda plan, info: tc.Errors(plan), errors)
    after, _ = train(target.step, JOB.init(None), x, JOB.labelled(np.arange(N) % 2), public, tampering)
    return np.asarray(after), target


def test_the_noise_has_the_size_that_it_says():
    """Of three seeds: each party knows two of the draws, and the third alone has the standard deviation stated."""
    after, _ = stepped("dp-sgd:largest=2,noise=3", X[:N])
    expected = 3 * 2 / N * np.sqrt(SEEDS)
    assert abs(after.std() / expected - 1) < 5 / np.sqrt(2 * WIDTH)
    assert abs(after.mean()) < 5 * expected / np.sqrt(WIDTH)
    other, _ = stepped("dp-sgd:largest=2,noise=3", X[:N], key=4)
    assert np.abs(np.corrcoef(after, other)[0, 1]) < 0.25  # fresh in each step


def test_the_records_are_clipped_beneath_the_noise():
    x = np.zeros((N, WIDTH), np.float32)
    x[0, 0] = 1000.0
    quiet, _ = stepped("dp-sgd:largest=2,noise=3", X[:N])
    loud, _ = stepped("dp-sgd:largest=2,noise=3", x)
    np.testing.assert_allclose(loud - quiet, np.eye(WIDTH)[0] * 2 / N, atol=1e-5)


def test_an_error_in_a_records_factor_lifts_its_bound():
    """The factor by which a record is scaled is a secret product: one message, and the record counts 500 times."""
    x = np.zeros((N, WIDTH), np.float32)
    x[1, :3] = 1.0
    clean, target = stepped("dp-sgd:largest=0.5,noise=1", x)
    at = int(np.flatnonzero(np.asarray(schedule(jax.random.key(3), N, JOB).order[0]) == 1)[0])
    site = [n for n in target.surface(300).sites if n.startswith("bound/select")][-1]
    error = np.zeros(N, np.float32)
    error[at] = 500.0
    lifted, _ = stepped("dp-sgd:largest=0.5,noise=1", x, {site: error})
    np.testing.assert_allclose(lifted - clean, 500 * x[1] / N, rtol=1e-3, atol=1e-3)


def test_the_noise_is_added_locally_and_the_step_takes_a_key():
    with_, without = (Deployed.of(JOB, "exact", "reals", d) for d in ("dp-sgd", "clip-records"))
    assert list(with_.surface(300).sites) == list(without.surface(300).sites)
    assert with_.step.takes == ("key",) and without.step.takes == ()


def test_a_result_states_the_privacy_that_its_noise_gives():
    job = Setup(protocol="exact", epochs=2, defence="dp-sgd:largest=2,noise=0.02")
    found = run(Experiment("sparse-backdoor", job, trials=1))
    assert found.defence.epsilon == epsilon(0.02, 2) and found.defence.delta == DELTA


@pytest.mark.parametrize("noise", ["0", "-1", "inf", "nan"])
def test_noise_that_is_none_is_refused(noise):
    with pytest.raises(tc.Refusal, match="noise is a finite number above 0"):
        defences.get(f"dp-sgd:noise={noise}")
    assert defences.get("dp-sgd:noise=0.5").noise == 0.5 == NoisyRecords(1.0, 0.5).noise
