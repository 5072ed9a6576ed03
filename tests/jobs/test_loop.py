"""The training loop: public order, the same on compiled and plain loops, errors where they were put."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from small_jobs import deployed
from turncoat.jobs import loop, models
from turncoat.jobs.builtin import Training
from turncoat.jobs.loop import Schedule, Tampering, batch_order, each, predictions, train
from turncoat.refusal import Refusal

MODEL = models.logistic_regression(6, 3)
TRAINING = Training(epochs=3, batch=4, learning_rate=0.3)
RECORDS = 21
X = np.asarray(jax.random.normal(jax.random.key(1), (RECORDS, 6)))
Y = np.asarray(MODEL.encode(np.arange(RECORDS) % 3))
START = MODEL.init(jax.random.key(2))
DEPLOYED = deployed(MODEL, TRAINING)
STEP, JOB = DEPLOYED.step, DEPLOYED.job


def schedule(key):
    return Schedule(batch_order(key, RECORDS, JOB), key)


PUBLIC = schedule(jax.random.key(3))
ORDER = PUBLIC.order


def test_order_visits_every_record_at_most_once_an_epoch():
    assert ORDER.shape == (JOB.steps(RECORDS), 4) == (15, 4)
    for epoch in np.asarray(ORDER).reshape(3, 20):
        assert len(set(epoch)) == 20 and set(epoch) <= set(range(RECORDS))
    assert not np.array_equal(ORDER[:5], ORDER[5:10])


def plainly(params, errors_at=None):
    """The same training written as a Python loop over the plain step."""
    for i, index in enumerate(np.asarray(ORDER)):
        params = MODEL.step(params, X[index], Y[index], TRAINING.learning_rate)
        if errors_at is not None:
            params["w0"] = params["w0"] - TRAINING.learning_rate / 4 * errors_at(i)
    return params


def test_training_is_gradient_descent():
    found, tally = train(STEP, START, X, Y, PUBLIC)
    expected = plainly(dict(START))
    for name in START:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    assert int(tally.errors) == 0


def test_errors_of_a_step_land_in_that_step():
    plan = jnp.arange(18.0).reshape(6, 3)

    def tamper(plan, info):
        return tc.Errors({"dense0/grad_weights": plan}).at_steps(info.step, 7)

    found, tally = train(STEP, START, X, Y, PUBLIC, Tampering(tamper, plan))
    expected = plainly(dict(START), lambda i: plan * float(i == 7))
    for name in START:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4)
    assert int(tally.errors) == 17  # one of the 18 entries is zero


def test_only_an_attack_that_declares_it_sees_the_order():
    seen = []

    def tamper(plan, info):
        seen.append(info.batch is not None)
        return tc.Errors()

    train(STEP, START, X, Y, PUBLIC, Tampering(tamper))
    assert set(seen) == {False}
    seen.clear()

    def tamper_knowing(plan, info):
        seen.append(info.batch is not None)
        return tc.Errors()

    train(STEP, START, X, Y, PUBLIC, Tampering(tamper_knowing, knows_order=True))
    assert set(seen) == {True}


def everywhere(plan, info):
    return tc.Errors({"dense0/grad_weights": plan})


def test_one_step_and_one_way_of_tampering_are_compiled_once():
    """Equal jobs are one secured step; another plan of the same form is another argument, not another program."""
    step, same = (deployed(models.logistic_regression(6, 3), Training(3, 4, 0.3)).step for _ in range(2))
    assert same == step and hash(same) == hash(step)
    train(step, START, X, Y, PUBLIC, Tampering(everywhere, 0 * START["w0"]))
    compiled = loop._train_compiled._cache_size()
    train(same, START, X, Y, PUBLIC, Tampering(everywhere, START["w0"]))
    assert loop._train_compiled._cache_size() == compiled
    train(same, START, X, Y, PUBLIC, Tampering(everywhere, START["w0"], knows_order=True))
    assert loop._train_compiled._cache_size() == compiled + 1


@pytest.mark.parametrize("together", [None, False, True])
def test_each_trial_is_the_same_alone_and_together(together):
    def run(start, order, plan):
        return train(STEP, start, X, Y, order, Tampering(everywhere, plan))

    keys = jax.random.split(jax.random.key(9), 3)
    trials = [(MODEL.init(k), schedule(k), i * START["w0"]) for i, k in enumerate(keys)]
    pairs = list(each(run, iter(trials), lambda trial: trial, together))
    assert [item is trial for (item, _), trial in zip(pairs, trials, strict=True)] == [True] * 3
    found = [out for _, out in pairs]
    assert len(found) == 3
    for (params, tally), trial in zip(found, trials, strict=True):
        alone, tampered = run(*trial)
        np.testing.assert_allclose(params["w0"], alone["w0"], rtol=1e-4, atol=1e-5)
        assert int(tally.errors) == int(tampered.errors)
    assert int(found[0][1].errors) == 0 < int(found[1][1].errors)


def test_predictions_are_those_of_the_model():
    np.testing.assert_array_equal(predictions(JOB, START, X), MODEL.predict(START, jnp.asarray(X)))


@pytest.mark.parametrize(
    ("training", "says"),
    [
        (Training(epochs=0), "at least one epoch"),
        (Training(batch=0), "at least one"),
        (Training(learning_rate=0.0), "above 0"),
        (Training(learning_rate=float("nan")), "above 0"),
        (Training(learning_rate=1e30), "at most 1000, not 1e\\+30"),
        (Training(epochs=10**20, batch=4), "fewer epochs"),
        (Training(batch=22), "more than the 21 training records"),
    ],
)
def test_settings_that_make_no_run_are_refused(training, says):
    with pytest.raises(Refusal, match=says):
        training.check(RECORDS)
