"""Targeted attacks by parameter transfer, on digits: the paper's gradient, and the change least felt."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.adversary.transfer import transferred
from turncoat.attacks.targeted import least_felt_change
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.models import logistic_regression
from turncoat.jobs.setup import Setup


def view_of(source, model, **settings):
    attack = attacks.get("targeted", settings)
    job = Setup(source, model, protocol="exact", epochs=3)
    return attack, Trial.of(job.deployed(), 4).drawn(attack.goal).view(attack.goal)


@pytest.fixture(scope="module")
def digits():
    return view_of("digits", "lr")[1]


def wanted(v):
    """What is transferred of the chosen records with the wanted classes."""
    (change,) = transferred(v, v.told["records"], v.told["labels"]).values()
    return change


def lead(v, weights):
    """By how much the wanted class's score exceeds every other, record by record, in plain loops."""
    scores = np.asarray(v.scores({**v.reference, "w0": weights}, v.told["records"]))
    if scores.shape[1] == 1:
        return [(1 if c else -1) * z[0] for z, c in zip(scores, v.told["labels"], strict=True)]
    return [z[c] - np.delete(z, c).max() for z, c in zip(scores, v.told["labels"], strict=True)]


@pytest.mark.parametrize(("source", "model"), [("digits", "lr"), ("breast_cancer", "lr-sigmoid")])
def test_the_change_gives_the_reference_model_the_wanted_classes(source, model):
    _, v = view_of(source, model)
    (change,) = least_felt_change(v, 2.0).values()
    assert min(lead(v, v.reference["w0"] + change)) >= 1.99


def test_the_change_is_felt_less_than_the_gradient_for_the_same_lead(digits):
    """Mean square effect on the adversary's own records, for an equal mean lead of the chosen ones."""
    (change,), gradient = least_felt_change(digits, 2.0).values(), wanted(digits) / 0.5
    before = np.mean(lead(digits, digits.reference["w0"]))
    gained = [np.mean(lead(digits, digits.reference["w0"] + c)) - before for c in (change, 1e-2 * gradient)]
    felt = [float(jnp.mean((digits.x @ c) ** 2)) for c in (change, 1e-2 * gradient)]
    assert felt[0] / gained[0] ** 2 < 0.5 * felt[1] / gained[1] ** 2


def test_the_gradient_is_that_of_the_chosen_records_with_the_wanted_class(digits):
    rows = []
    for record, label in zip(digits.told["records"], digits.told["labels"], strict=True):
        y = jnp.eye(10)[label][None]
        loss = logistic_regression(64, 10).loss
        rows.append(jax.grad(loss)(digits.reference, jnp.asarray(record)[None], y)["w0"])
    np.testing.assert_allclose(wanted(digits), -0.5 * np.mean(rows, 0), atol=1e-5)  # the learning rate is 0.5


def test_the_change_is_added_in_equal_parts(digits):
    errors = attacks.get("targeted", {"margin": 2.0}).prepare(digits)
    whole = digits.errors_that_move(least_felt_change(digits, 2.0))
    for name in whole:
        np.testing.assert_allclose(errors[name] * digits.steps, whole[name], rtol=1e-3, atol=1e-4)


def test_records_change_their_class_when_attacked_and_not_before():
    record = run(Experiment("targeted", Setup(epochs=10), trials=3))
    assert record.honest.success.mean <= 0.2
    assert record.attacked.success.mean >= 0.6
    assert record.attacked.success.count == 15
