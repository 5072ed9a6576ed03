"""A handful of errors: within the budget, exact in what they move, enough for a backdoor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import StepInfo, train
from turncoat.jobs.setup import Setup


def prepared(job, settings):
    attack = attacks.get("sparse-backdoor", settings)
    t = Trial.of(job.deployed(), 4)
    v = t.view(attack.goal)
    return t, attack, v, attack.prepare(v)


def all_errors(attack, v, plan):
    """The errors of every step, one after the other."""
    return [attack.tamper(plan, StepInfo(jnp.asarray(i, jnp.int32))) for i in range(v.steps)]


LR, MLP = Setup(protocol="exact", epochs=4), Setup(model="mlp", hidden=(24,), protocol="exact", epochs=6)
BUDGETS = [
    (LR, {}, 2, 1),
    (LR, {"errors": 1}, 1, 1),
    (LR, {"errors": 9, "largest": 40.0}, 8, 4),
    (LR, {"errors": 18, "trigger": "patch"}, 18, 1),
    (MLP, {}, 2, 2),
    (MLP, {"errors": 1}, 1, 1),
    (MLP, {"errors": 4}, 4, 4),
]


@pytest.mark.parametrize(("job", "settings", "number", "steps"), BUDGETS)
def test_errors_stay_within_the_budget(job, settings, number, steps):
    _, attack, v, plan = prepared(job, settings)
    each = all_errors(attack, v, plan)
    assert sum(int(e.count()) for e in each) == number <= (settings.get("errors") or 2)
    assert sum(int(e.count()) > 0 for e in each) == steps
    largest = max(float(jnp.abs(a).max()) for e in each for a in e.values())
    assert largest <= settings.get("largest", np.inf) * (1 + 1e-5)


def test_in_a_linear_model_the_released_weights_are_the_honest_ones_plus_the_errors():
    t, attack, v, plan = prepared(LR, {})
    honest, _ = train(t.step, *t.arguments())
    moved, tally = train(t.step, *t.arguments(), attack.tampering(plan))
    difference = np.asarray(moved["w0"] - honest["w0"])
    assert int(tally.errors) == 2
    assert sorted(zip(*np.nonzero(np.abs(difference) > 1e-4), strict=True)) == [(0, 0), (0, 1)]
    errors = all_errors(attack, v, plan)[-1]["dense0/grad_weights"]
    rate = t.job.origin.training(len(t.splits.victim)).learning_rate / t.job.batch
    np.testing.assert_allclose(difference[0, :2], -rate * errors[0, :2], rtol=1e-3)
    np.testing.assert_array_equal(moved["b0"], honest["b0"])


CASES = [
    (LR, {}),
    (MLP, {}),
    (LR, {"trigger": "patch", "size": 2, "errors": 8}),
]


@pytest.mark.parametrize(("job", "settings"), CASES)
def test_that_few_are_enough(job, settings):
    record = run(Experiment("sparse-backdoor", job, settings, trials=1, seed=4))
    assert record.attacked.success.mean >= 0.95
    assert record.honest.success.mean <= 0.1
    assert record.accuracy_change.mean >= -0.02
    assert record.errors <= 8


def test_a_budget_that_is_too_small_fails_and_says_so():
    record = run(Experiment("sparse-backdoor", LR, {"largest": 1.0}, trials=1, seed=4))
    assert record.attacked.success.mean <= 0.2
    assert record.attacked.measures["spot check"].mean == pytest.approx(1 - 0.99**2)
    assert record.honest.measures["spot check"].mean == 0


def test_a_record_with_sweeps_has_a_curve_for_each_quantity():
    record = run(Experiment("sparse-backdoor", LR, trials=1), sweep=True)
    quantities = ("success", "accuracy lost", "column norm", "row norm", "spot check")
    assert set(record.curves) == {f"{q} by {s}" for q in quantities for s in ("errors", "largest")}
    curve = record.curves["spot check by errors"]
    assert curve.x == (1, 2, 8, 32, 128)
    np.testing.assert_allclose(curve.y[:3], 1 - 0.99 ** np.array([1, 2, 8]))
    assert {c.y_label for c in record.curves.values()} == {"share", "norm"}
    by_size = record.curves["success by largest"].y
    assert by_size[0] < 0.5 < by_size[-1] == 1.0
    assert len(record.notes) == 1 + len(curve.x) + len(by_size)
    assert "spot check" in record.notes[-1]


def test_everything_in_the_plan_is_an_array():
    plan = prepared(LR, {})[3]
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(plan))
