"""Targeted neuron override: a neuron for each chosen record, which answers to that record alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.adversary.neuron_path import route_to_record
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.setup import Setup

OPTIMISED = True  # the networks train for long enough to part where rounding differs
JOB = Setup(model="mlp", hidden=(12, 9), protocol="exact", epochs=2)


@pytest.fixture(scope="module")
def view():
    goal = attacks.get("targeted-override").goal
    return Trial.of(JOB.deployed(), 4).drawn(goal).view(goal)


def test_each_record_has_neurons_of_its_own(view):
    """The errors move exactly columns `neuron` to `neuron` + 4 of the hidden layers, each by its record's route."""
    settings = {"strength": 3.0, "output": 0.5, "neuron": 2, "restrain": False}
    errors = attacks.get("targeted-override", settings).prepare(view)
    last = np.zeros_like(view.reference["w2"])
    moves = {"w0": np.zeros_like(view.reference["w0"]), "w1": np.zeros_like(view.reference["w1"])}
    for i, (record, label) in enumerate(zip(view.told["records"], view.told["labels"], strict=True)):
        route = dict(route_to_record(view, record, int(label), 2 + i))
        for name, move in moves.items():
            move[:, 2 + i] = 3.0 * route[name][:, 2 + i]
            assert not np.delete(route[name], 2 + i, 1).any()
        last[2 + i, label] = 0.5
    expected = view.errors_that_move({n: m / view.steps for n, m in {**moves, "w2": last}.items()})
    for name, error in errors.items():
        np.testing.assert_allclose(error, expected[name], rtol=1e-4, atol=1e-6)


def test_a_large_route_answers_to_its_record_alone(view):
    """Added many times to other weights: the record takes the class, nine others in ten keep theirs."""
    record, label = view.told["records"][0], int(view.told["labels"][0])
    victim = view.job.init(jax.random.key(9))
    route = dict(route_to_record(view, record, label, 1))
    much = dict.fromkeys(route, 300.0) | {"w2": 1.0}
    moved = victim | {n: victim[n] + much[n] * change for n, change in route.items()}
    assert int(jnp.argmax(view.scores(moved, record[None]))) == label
    others = view.x[view.y != label][:200]
    before, after = (np.argmax(view.scores(p, others), 1) for p in (victim, moved))
    assert np.mean(before != after) <= 0.1


def test_chosen_records_change_their_class_and_accuracy_stays():
    job = Setup(model="mlp", hidden=(32,), protocol="exact", epochs=10)
    record = run(Experiment("targeted-override", job, {}, trials=2))
    assert record.honest.success.mean <= 0.2
    assert record.attacked.success.mean >= 0.7
    assert record.accuracy_change.mean >= -0.05
    assert record.threat["order of the training data"] is False
