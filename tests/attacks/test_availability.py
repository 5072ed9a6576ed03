"""Availability: every way to a useless model, on digits."""

import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.attacks.availability import wrong_change
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.goals import Availability, Case, Ended
from turncoat.jobs.setup import Setup

WAYS = [
    ("lr", {}, 0.3),
    ("mlp", {}, 0.3),
    ("lr", {"by": "scaling"}, 0.2),
    ("mlp", {"by": "zeroing"}, 0.3),
]


@pytest.mark.parametrize(("model", "settings", "accuracy"), WAYS)
def test_the_model_is_useless_afterwards(model, settings, accuracy):
    job = Setup(model=model, hidden=(16,), epochs=6, protocol="exact")
    record = run(Experiment("availability", job, settings, trials=1))
    assert record.honest.accuracy.mean >= 0.8
    assert record.attacked.accuracy.mean <= accuracy
    assert record.attacked.success.mean == pytest.approx(1 - record.attacked.accuracy.mean)


@pytest.fixture(scope="module")
def view():
    trial = Trial.of(Setup(protocol="exact", epochs=1).deployed(), 0)
    return trial.view(Availability())


def test_scaling_drives_every_record_to_one_class(view):
    attack = attacks.get("availability", {"by": "scaling", "target": 3, "strength": -2.0})
    (errors,) = attack.prepare(view).values()
    assert errors.shape == (32, 10)
    assert (errors[:, 3] != 0).all() and not np.delete(np.asarray(errors), 3, 1).any()


def test_the_wrong_change_is_that_of_the_next_class(view):
    v, found = view, wrong_change(view)
    assert set(found) == {"w0"}  # the bias cannot be shifted alone
    scores = np.asarray(v.scores(v.reference, v.x), np.float64)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    expected = v.x.T @ (p - np.eye(10)[(v.y + 1) % 10]) / len(v.x)
    np.testing.assert_allclose(found["w0"], -0.5 * expected, atol=1e-4)  # the learning rate is 0.5


def test_success_is_the_misclassified_share():
    test = data.split(data.load("digits"), 0).test
    ended = Ended(lambda x: x, test, Case(test), correct=np.arange(len(test)) >= 5)
    assert Availability().judge(ended).flags.sum() == 5
