"""Optimum vicinity: the bound holds on jobs with a known optimum, and jobs that are not convex are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import foreign_jobs
import turncoat as tc
from turncoat.defences import vicinity
from turncoat.jobs.setup import Setup

RNG = np.random.default_rng(1)
X = RNG.normal(size=(300, 4)).astype(np.float32)
X[:, 3] = 0.0  # no record uses it
Y = (X[:, 0] > 0).astype(int)
RATE = 0.1


def ridge(decay):
    def step(w, x, y):
        return w - RATE * (x.T @ (x @ w - y) / len(x) + decay * w)

    return tc.Job(
        "ridge", lambda key: jnp.zeros((4, 2)), step, lambda w, x: x @ w, (X, Y), batch=10, epochs=1
    )


def optimum(decay):
    x, y = X.astype(np.float64), np.eye(2)[Y]
    return np.linalg.lstsq(x.T @ x / 300 + decay * np.eye(4), x.T @ y / 300, rcond=None)[0]


@pytest.mark.parametrize("feature", [0, 3])
def test_with_decay_a_step_bounds_the_distance_from_the_optimum(feature):
    job, best = ridge(0.05), optimum(0.05)
    targets = job.labelled(Y)
    assert vicinity.moved(job, jnp.asarray(best, jnp.float32), X, targets) < 1e-6
    for size in (0.1, 1.0, 30.0):
        away = best.copy()
        away[feature, 1] += size
        bound = vicinity.moved(job, jnp.asarray(away, jnp.float32), X, targets) / (RATE * 0.05)
        assert bound >= size * (1 - 1e-3)
        assert feature == 0 or bound == pytest.approx(
            size, rel=1e-3
        )  # on an unused feature the bound is sharp


def test_without_decay_a_step_is_blind_to_a_feature_that_no_record_uses():
    job, best = ridge(0.0), optimum(0.0)
    away = best.copy()
    away[3, 1] += 1000.0
    assert vicinity.moved(job, jnp.asarray(away, jnp.float32), X, job.labelled(Y)) < 1e-5
    away[0, 1] += 1.0
    assert vicinity.moved(job, jnp.asarray(away, jnp.float32), X, job.labelled(Y)) > 1e-2


def uphill():
    def step(w, x, y):
        return w + RATE * x.T @ (x @ w - y) / len(x)

    return tc.Job(
        "uphill", lambda key: jnp.zeros((4, 2)), step, lambda w, x: x @ w, (X, Y), batch=10, epochs=1
    )


def twisted():
    turn = jnp.asarray(np.triu(np.ones((4, 4)), 1), jnp.float32)

    def step(w, x, y):
        return w - RATE * (x.T @ (x @ w - y) / len(x) + turn @ w + 5 * w)

    return tc.Job(
        "twisted", lambda key: jnp.zeros((4, 2)), step, lambda w, x: x @ w, (X, Y), batch=10, epochs=1
    )


@pytest.mark.parametrize(
    "job",
    [
        ridge(0.0),
        ridge(0.05),
        Setup(protocol="exact").job(),
        Setup(weight_decay=0.01).job(),
        Setup("breast_cancer", "svm").job(),
        Setup("breast_cancer", "lr-sigmoid").job(),
    ],
    ids=lambda job: job.name,
)
def test_convex_jobs_are_taken(job):
    vicinity.check(job)


@pytest.mark.parametrize(
    "job",
    [
        uphill(),
        twisted(),
        Setup(model="mlp", hidden=(8,)).job(),
        Setup(momentum=0.5).job(),
        foreign_jobs.job("linear", "adam"),
    ],
    ids=lambda job: job.name,
)
def test_jobs_that_are_not_are_refused(job):
    with pytest.raises(tc.Refusal, match="is not convex, as far as can be seen"):
        vicinity.check(job)


def test_it_is_refused_before_anything_is_trained():
    with pytest.raises(tc.Refusal, match="is not convex"):
        tc.attack("sparse-backdoor", tc.jobs.mlp("digits", hidden=(8,)), defence="vicinity", trials=1)
    assert jax.tree.leaves(Setup(defence="vicinity:threshold=1").deployed().checks.policy)
