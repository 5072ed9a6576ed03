"""Per-record clipping against an oracle that clips each gradient; what it refuses, and what lies behind it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import foreign_jobs
import turncoat as tc
from small_jobs import deployed
from turncoat import defences
from turncoat.defences.records import ClippedRecords, apart
from turncoat.jobs import models
from turncoat.jobs.builtin import Training
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Tampering, schedule, train
from turncoat.jobs.setup import Setup

RNG = np.random.default_rng(5)
MODEL = models.mlp(5, 3, (4,))
X = RNG.normal(size=(8, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 8)


def stepped(largest, training=Training(1, 8, 0.5), engine="reals", errors=None):
    """The model before and after one step, and the step's surface."""
    job = deployed(MODEL, training).job
    target = Deployed.of(job, "exact", engine, f"clip-records:largest={largest}")
    start, public = job.init(jax.random.key(2)), schedule(jax.random.key(3), 8, job)
    tampering = None if errors is None else Tampering(lambda plan, info: tc.Errors(plan), errors)
    after, _ = train(target.step, start, X, job.labelled(LABELS), public, tampering)
    return start, after, target.surface(300)


def oracle(largest, decay=0.0, rate=0.5):
    """Each record's gradient by jax.grad, clipped in NumPy in float64, averaged."""
    start = MODEL.init(jax.random.key(2))
    each = jax.vmap(lambda x, y: jax.grad(MODEL.loss)(start, x[None], y[None]))(X, MODEL.encode(LABELS))
    updates = {n: -rate * (np.asarray(g, np.float64) + decay * np.asarray(start[n])) for n, g in each.items()}
    norms = np.sqrt(sum((u**2).reshape(8, -1).sum(1) for u in updates.values()))
    factor = np.minimum(1, largest / norms)
    return {n: np.asarray(start[n]) + np.tensordot(factor, u, 1) / 8 for n, u in updates.items()}, norms


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("largest", [0.3, 0.6, 1e4])
def test_records_are_clipped_one_by_one_and_averaged(largest, decay):
    expected, norms = oracle(largest, decay)
    _, after, _ = stepped(largest, Training(1, 8, 0.5, weight_decay=decay))
    for name, leaf in expected.items():
        np.testing.assert_allclose(after[name], leaf, atol=1e-5)
    if largest == 0.6:
        assert (norms > largest).any() and (norms < largest).any()


def test_no_record_moves_the_model_by_more_than_the_bound_over_the_batch():
    """A record of 100 times the size: the bound on the mean of eight is what it may add."""
    start, after, _ = stepped(0.5)
    moved = np.sqrt(sum(float(jnp.sum((after[n] - start[n]) ** 2)) for n in start))
    assert moved <= 0.5 + 1e-5


@pytest.mark.parametrize("where", ["before", "behind"])
def test_an_error_before_the_bound_moves_a_record_and_one_behind_it_the_model(where):
    _, honest, surface = stepped(0.5)
    site = {"before": "dense0/grad_weights", "behind": surface.find(shifts="w0", clean=True)[-1]}[where]
    assert surface[site].shape == {"before": (8, 5, 4), "behind": (5, 4)}[where]
    error = np.zeros(surface[site].shape, np.float32)
    error[(0,) * error.ndim] = 1000.0
    _, tampered, _ = stepped(0.5, errors={site: error})
    moved = np.linalg.norm(tampered["w0"] - honest["w0"])
    assert moved < 2 * 0.5 / 8 + 1e-5 if where == "before" else moved > 50


JOBS = [
    ("deep", "sgd", True),
    ("linear", "momentum", True),
    ("linear", "adam", False),
]


@pytest.mark.parametrize(("model", "optimizer", "allowed"), JOBS)
def test_which_of_users_steps_allow_it(model, optimizer, allowed):
    target = Deployed.of(foreign_jobs.job(model, optimizer), "exact", "reals", "clip-records")
    if allowed:
        assert any(name.startswith("bound/mean") for name in target.surface(500).sites)
        assert target.checks is not None
    else:
        with pytest.raises(tc.Refusal, match=r"not the mean of what .* each record alone .* take clip-norm"):
            _ = target.step


def test_a_sum_over_records_and_a_mean_over_the_batch_are_told_apart():
    def mean(w, x, y):
        return w - x.T @ (x @ w - y) / len(x)

    def sum_(w, x, y):
        return w - x.T @ (x @ w - y)

    given = jnp.zeros((5, 1)), X, X[:, :1], {}
    assert apart(mean, *given) < 1e-6 and apart(sum_, *given) > 0.5


def test_in_fixed_point_it_clips_alike():
    expected, _ = oracle(0.6)
    _, after, _ = stepped(0.6, engine="ring")
    for name, leaf in expected.items():
        np.testing.assert_allclose(after[name], leaf, atol=5e-3)


def test_equal_measures_are_one_program():
    one, other = (Setup(defence="clip-records:largest=2").deployed().step for _ in range(2))
    assert one == other
    assert ClippedRecords(2.0) == ClippedRecords(2.0) != ClippedRecords(1.0)


@pytest.mark.parametrize("largest", ["0", "-1", "inf", "nan"])
def test_a_bound_that_lets_nothing_pass_is_refused(largest):
    with pytest.raises(tc.Refusal, match="finite number above 0"):
        defences.get(f"clip-records:largest={largest}")
