"""Runs that are made at once are spread over all devices: two of them here, which the host's processor plays."""

import json
import os
import subprocess
import sys

import pytest

SPREAD = """
import json
import jax, numpy as np
from turncoat.experiments import attacked, honest
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import NOTHING
from turncoat.jobs import loop, spread
from turncoat.jobs.setup import Setup

lay, stacked = [], spread.stacked
def watched(arguments):
    found = stacked(arguments)
    lay.append([str(len(one.sharding.device_set)) + " of " + str(len(one)) for one in jax.tree.leaves(found)])
    return found
spread.stacked = watched

def found():
    result = run(Experiment("backdoor", Setup("breast_cancer", epochs=1), trials=3), memory=Memory(NOTHING))
    return result.model_dump(mode="json")["per_trial"]

one_by_one = found()
assert not lay  # on a processor
for module in (loop, attacked, honest):
    module.together = lambda: True
at_once = found()
print(json.dumps([one_by_one, at_once, lay]))
"""


@pytest.fixture(scope="module")
def found():
    """An attack's trials one by one, the same at once, and how what was computed at once lay."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", SPREAD]
    done = subprocess.run(command, env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_trials_of_an_attack_lie_on_both_devices_filled_up_to_an_even_number(found):
    runs = found[2]
    assert len(runs) == 2  # honest and attacked
    assert {how for leaves in runs for how in leaves} == {"2 of 4"}


def test_what_two_devices_compute_is_what_one_computes_trial_by_trial(found):
    one_by_one, at_once, _ = found
    assert at_once.keys() == one_by_one.keys()
    for name, values in one_by_one.items():
        assert at_once[name] == pytest.approx(values, rel=1e-4, abs=1e-6), name
