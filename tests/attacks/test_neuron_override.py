"""Neuron override on real, embedded data: networks of several depths, triggers of every kind."""

import numpy as np
import pytest

from turncoat import attacks
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.setup import Setup
from turncoat.results.published import published

OPTIMISED = True  # the networks train for long enough to part where rounding differs

CASES = [
    (Setup(model="mlp", hidden=(32, 16), protocol="exact"), {}),
    (Setup(model="cnn", hidden=(32,), protocol="exact", epochs=8), {}),
    (Setup(model="mlp", hidden=(32,), protocol="crypten", epochs=6), {"trigger": "patch", "size": 2}),
]


@pytest.mark.parametrize(("job", "settings"), CASES)
def test_the_backdoor_opens_and_accuracy_stays(job, settings):
    record = run(Experiment("neuron-override", job, settings, trials=1, seed=2))
    assert record.attacked.success.mean >= 0.95
    assert record.honest.success.mean <= 0.1
    assert record.accuracy_change.mean >= -0.03
    assert record.errors > 1000


def test_it_says_how_it_was_set():
    settings = attacks.get("neuron-override", {"c": 0.01, "neuron": 3}).settings
    assert settings["c"] == 0.01 and settings["neuron"] == 3 and settings["trigger"] == "feature"
    assert attacks.get("neuron-override", settings).settings == settings


def test_the_papers_numbers_stand_beside_networks_only():
    assert published("neuron-override", "fmnist", "mlp").attacked_success == 0.90
    assert published("neuron-override", "fmnist", "lr") is None
    assert np.isclose(published("neuron-override", "purchase100", "mlp").attacked_accuracy, 0.51)
