"""Jobs that predict numbers, or several labels at once: which attacks run on them, and what those measure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import attacks
from turncoat.attacks.membership import signals
from turncoat.refusal import Refusal

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(900, 6))).astype(np.float32)
TRUE = RNG.normal(size=(6, 2)).astype(np.float32)
OF_CLASSES = set(attacks.CATALOGUE) - {
    "availability",
    "deposit",
    "leak-by-abort",
    "membership",
    "reconstruction",
}


def init(key):
    return {"w": 0.1 * jax.random.normal(key, (6, 2)), "b": jnp.zeros(2)}


def scores(model, x):
    return x @ model["w"] + model["b"]


def squared(model, x, y):
    return jnp.mean(jnp.sum((scores(model, x) - y) ** 2, 1)) / 2


def logistic(model, x, y):
    return jnp.mean(jnp.sum(jax.nn.softplus((1 - 2 * y) * scores(model, x)), 1))


def job(task):
    targets = X @ TRUE + 0.1 * RNG.normal(size=(900, 2)).astype(np.float32)
    loss, targets = (squared, targets) if task == "numbers" else (logistic, targets > np.median(targets, 0))

    def step(model, x, y):
        gradient = jax.grad(loss)(model, x, y)
        return jax.tree.map(lambda p, g: p - 0.1 * g, model, gradient)

    return tc.Job(task, init, step, scores, (X, targets), batch=20, epochs=10)


JOBS = {task: job(task) for task in ("numbers", "labels")}


@pytest.mark.parametrize("task", JOBS)
def test_goals_about_classes_are_refused(task):
    refused = {}
    for name in attacks.CATALOGUE:
        try:
            attacks.get(name).goal.check_task(JOBS[task].data)
        except Refusal as why:
            refused[name] = str(why)
    assert refused.keys() == OF_CLASSES
    assert all("about one class of several" in sentence for sentence in refused.values())


@pytest.mark.parametrize("task", JOBS)
def test_a_shift_makes_them_useless(task):
    found = tc.attack("availability", JOBS[task], protocol="exact", trials=4)
    assert found.honest.accuracy.mean > 0.8 and found.attacked.accuracy.mean < 0.4 and found.reached
    assert any(note.startswith("a record counts as correct if") for note in found.notes)


@pytest.mark.parametrize("task", JOBS)
def test_a_record_is_read_off_them(task):
    found = tc.attack("reconstruction", JOBS[task], protocol="exact", trials=2)
    assert found.attacked.success.mean == 1 and found.honest.success.mean == 0


@pytest.mark.parametrize("task", JOBS)
def test_membership_is_told_by_the_loss(task):
    found = tc.attack("membership", JOBS[task], protocol="exact", trials=2, shadow_models=4)
    assert np.isfinite(found.attacked.success.mean) and found.trials == 2


def test_signals_are_losses_and_outputs():
    linear = np.array([[1.0, -2.0], [0.5, 3.0]])
    numbers = signals(linear, np.array([[0.0, -2.0], [0.5, 1.0]]), 1, "numbers")
    np.testing.assert_allclose(numbers["own"], [-1.0, -4.0])
    np.testing.assert_allclose(numbers["target"], [-2.0, 3.0])
    labels = np.array([[1, 0], [0, 0]])
    p = 1 / (1 + np.exp(-linear))
    expected = np.log(np.where(labels == 1, p, 1 - p)).sum(1)
    np.testing.assert_allclose(signals(linear, labels, 0, "labels")["own"], expected, rtol=1e-6)
