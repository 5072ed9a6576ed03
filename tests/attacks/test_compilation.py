"""What is compiled for an attack once serves its other settings, its further trials, and further experiments."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.adversary import budget, view
from turncoat.attacks import targeted
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs import loop
from turncoat.jobs.setup import Setup

# attack, two choices of settings of one form, model
TABLE = [
    ("amplified-poisoning", {}, {"strength": -2.0, "against": "nothing", "begin": 0.0, "copies": 3}, "lr"),
    ("amplified-backdoor", {"records": 4}, {"records": 4, "strength": -1.0, "begin": 0.5, "target": 3}, "lr"),
    ("availability", {}, {"strength": 0.5}, "lr"),
    ("availability", {"by": "scaling"}, {"by": "scaling", "target": 1, "strength": 3}, "lr"),
    ("backdoor", {}, {"rows": "all", "trigger": "patch", "strength": 1, "target": 3}, "lr"),
    ("deposit", {"records": 4}, {"records": 4, "unit": 3, "at": 0.5, "strength": 3, "prior": "none"}, "mlp"),
    ("fairness", {}, {"party": 1, "strength": -3, "target": 0, "balance": 2}, "lr-sigmoid"),
    (
        "fairness",
        {"others": "untouched"},
        {"others": "untouched", "strength": -3.0},
        "lr-sigmoid",
    ),
    ("gradient-amplification", {}, {"strength": -7, "copies": 3}, "mlp-sigmoid"),
    ("leak-by-abort", {}, {"strength": 3, "neuron": 2, "position": 1}, "mlp"),
    (
        "membership",
        {"shadow_models": 2},
        {"shadow_models": 2, "last": 1, "strength": -3, "target": 2, "score": "rmia", "records": 3},
        "lr",
    ),
    ("neuron-override", {}, {"neuron": 3, "output": 1, "direction": "difference", "c": 0.1}, "mlp"),
    ("reconstruction", {}, {"strength": -3, "target": 2, "position": 4, "read": "neuron"}, "lr"),
    (
        "search",
        {"iterations": 1},
        {"iterations": 2, "strength": 3.0, "trigger": "patch", "largest": 9.0, "errors": 40_000},
        "lr",
    ),
    ("sparse-backdoor", {"errors": 2}, {"errors": 6, "largest": 10, "feature": 3}, "lr"),
    ("targeted", {"margin": 1}, {"transfer": "gradient", "strength": 1, "records": 2}, "lr"),
    ("targeted-override", {"records": 2}, {"records": 3, "strength": 1, "output": 1, "neuron": 1}, "mlp"),
]


def dataset_of(model):
    if not model.endswith("sigmoid"):
        return data.load("digits")
    plain = data.load("breast_cancer")
    return replace(plain, party=np.arange(len(plain), dtype=np.int32) % 2, party_names=("a", "b"))


def form(name, settings, model, seed):
    """All that JAX looks at when it decides whether to compile a tampered training run anew."""
    attack = attacks.get(name, settings)
    shared = attack.needs.capability == "amplification"  # its sites are those of an engine without `exact`
    under = {"protocol": "secureml", "engine": "replicated"} if shared else {"protocol": "exact"}
    job = Setup(model=model, hidden=(8,), epochs=2, **under)
    trial = Trial.of(job.deployed(dataset=dataset_of(model)), seed).drawn(attack.goal)
    tampering = attack.tampering(attack.prepare(trial.view(attack.goal)))
    assert "<locals>" not in attack.tamper.__qualname__  # a closure is a new function each time
    return (
        trial.step,
        jax.tree.structure(tampering),
        [jax.typeof(leaf) for leaf in jax.tree.leaves(tampering)],
    )


@pytest.mark.parametrize(("name", "settings", "others", "model"), TABLE)
def test_one_form_serves_other_settings_and_trials(name, settings, others, model):
    step, structure, leaves = form(name, settings, model, 0)
    for again in (form(name, others, model, 0), form(name, settings, model, 1)):
        assert again == (step, structure, leaves)


def test_the_table_has_every_attack():
    assert {row[0] for row in TABLE} == set(attacks.CATALOGUE)


COMPILED = (loop._train_compiled, view._inverse, budget._judged, targeted._descend)

AGAIN = [
    ("reconstruction", {"position": 1, "strength": 30.0}, {"target": 3, "read": "neuron"}, 5),
    ("targeted", {"margin": 1.0}, {"margin": 2.0, "strength": 0.5}, 5),
    ("sparse-backdoor", {"largest": 10.0}, {"largest": 20.0, "feature": 3}, 0),  # as many records to judge on
]


@pytest.mark.parametrize(("name", "settings", "others", "seed"), AGAIN)
def test_a_second_experiment_compiles_nothing_new(name, settings, others, seed):
    job = Setup(protocol="exact", epochs=1).deployed()
    run(Experiment(name, job, settings, trials=1))
    compiled = [function._cache_size() for function in COMPILED]
    run(Experiment(name, job, others, trials=1, seed=seed))
    assert [function._cache_size() for function in COMPILED] == compiled
