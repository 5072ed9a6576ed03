"""Settings that cannot be, or that would do nothing: each attack refuses them in a sentence that says what to do."""

from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.core.errors import Errors
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.trial import Trial
from turncoat.jobs.setup import Setup
from turncoat.metrics.membership import FAMILIES
from turncoat.refusal import Refusal

NAN, INFINITE = float("nan"), float("inf")

# ---- on their own -------------------------------------------------------------------------------------------

WORDS = [
    ("amplified-backdoor", "against", "'rival' or 'nothing'"),
    ("amplified-poisoning", "against", "'rival' or 'nothing'"),
    ("amplified-poisoning", "through", "'derivative', 'margin' or 'flip'"),
    ("availability", "by", "'shifting', 'scaling', 'zeroing', 'negation' or 'breaking'"),
    ("backdoor", "rows", "'trigger' or 'all'"),
    ("backdoor", "trigger", "'feature', 'set', 'patch' or 'blend'"),
    ("deposit", "prior", "'gaussian' or 'none'"),
    ("fairness", "by", "'scaling' or 'zeroing'"),
    ("fairness", "others", "'untouched' or 'opposed'"),
    ("membership", "others", "'opposed' or 'untouched'"),
    ("membership", "score", "'lira', .* or 'loss'"),
    ("neuron-override", "direction", "'discriminant' or 'difference'"),
    ("reconstruction", "read", "'all' or 'neuron'"),
    ("reconstruction", "through", "'derivative' or 'activation'"),
    ("targeted", "transfer", "'change' or 'gradient'"),
]
WRONG = [
    ("backdoor", {"strenght": 1}, "no setting 'strenght'; the nearest are 'strength'"),
    ("backdoor", {"strength": "big"}, "must be a number, not 'big'"),
    ("backdoor", {"source": 1.5}, "must be a whole number, not 1.5"),
    ("backdoor", {"feature": True}, "must be a whole number, not True"),
    ("membership", {"records": 2.5}, "must be a whole number"),
]
BOUNDS = [
    ("search", "iterations", [0, -1], "at least 1"),
    ("search", "minutes", [0.0, -1.0], "above 0"),
    ("search", "loss", [-0.1], "at least 0"),
    ("search", "loss", [1.1], "at most 1"),
    ("search", "horizon", [0], "at least 1"),
    ("search", "strength", [-1.0], "at least 0"),
    ("search", "records", [0], "at least 1"),
    ("search", "party", [-1], "at least 0"),
    ("search", "source", [-1], "at least 0"),
    ("search", "target", [-1], "at least 0"),
    ("search", "errors", [0], "at least 1"),
    ("search", "largest", [0.0], "above 0"),
    ("search", "alpha", [-0.1], "at least 0"),
    ("search", "alpha", [1.1], "at most 1"),
    ("search", "caught", [0.0], "above 0"),
    ("search", "caught", [1.0], "below 1"),
    ("search", "norm", [0.0], "above 0"),
    ("amplified-backdoor", "records", [0, -3], "at least 1"),
    ("amplified-backdoor", "strength", [0.0, 1.0], "below 0"),
    ("amplified-backdoor", "begin", [1.0, 2.0], "below 1"),
    ("amplified-backdoor", "begin", [-0.1], "at least 0"),
    ("amplified-poisoning", "copies", [0, -3], "at least 1"),
    ("amplified-poisoning", "strength", [0.0, 1.0], "below 0"),
    ("amplified-poisoning", "begin", [1.0, 2.0], "below 1"),
    ("amplified-poisoning", "begin", [-0.1], "at least 0"),
    ("amplified-poisoning", "records", [0, -5], "at least 1"),
    ("availability", "strength", [0.0], "other than 0"),
    ("backdoor", "strength", [-0.1], "at least 0"),
    ("backdoor", "size", [0, -1], "at least 1"),
    ("backdoor", "blend", [2], "at most 1"),
    ("backdoor", "blend", [-1, 0.0], "above 0"),
    ("deposit", "records", [0, -1], "at least 1"),
    ("deposit", "copies", [0, -1], "at least 1"),
    ("deposit", "unit", [-1], "at least 0"),
    ("deposit", "strength", [0.0], "other than 0"),
    ("deposit", "at", [1.5], "at most 1"),
    ("deposit", "at", [-0.5], "at least 0"),
    ("fairness", "party", [-1], "at least 0"),
    ("fairness", "strength", [0.0], "other than 0"),
    ("fairness", "records", [-1], "at least 0"),
    ("fairness", "balance", [-0.1], "at least 0"),
    ("fairness", "begin", [1.0], "below 1"),
    ("fairness", "begin", [-0.1], "at least 0"),
    ("gradient-amplification", "copies", [0], "at least 1"),
    ("gradient-amplification", "strength", [0, 1], "below 0"),
    ("gradient-amplification", "strength", [-(2**31)], "at least"),
    ("gradient-amplification", "records", [0], "at least 1"),
    ("membership", "strength", [0.0], "other than 0"),
    ("membership", "records", [0], "at least 1"),
    ("membership", "last", [0, -1], "at least 1"),
    ("membership", "shadow_models", [1, 0], "at least 2"),
    ("membership", "shadow_models", [10**9], "at most 4096"),
    ("neuron-override", "strength", [-1.0], "at least 0"),
    ("neuron-override", "output", [-1.0], "at least 0"),
    ("neuron-override", "c", [-1.0], "at least 0"),
    ("neuron-override", "neuron", [-1], "at least 0"),
    ("reconstruction", "strength", [0.0], "other than 0"),
    ("reconstruction", "position", [-1], "at least 0"),
    ("leak-by-abort", "strength", [0, -1.0], "above 0"),
    ("leak-by-abort", "neuron", [-1], "at least 0"),
    ("leak-by-abort", "position", [-1], "at least 0"),
    ("sparse-backdoor", "errors", [0, -2], "at least 1"),
    ("sparse-backdoor", "largest", [0, -1.0], "above 0"),
    ("sparse-backdoor", "loss", [-0.1], "at least 0"),
    ("sparse-backdoor", "loss", [2.0], "at most 1"),
    ("sparse-backdoor", "neuron", [-1], "at least 0"),
    ("targeted", "strength", [-1.0], "at least 0"),
    ("targeted", "margin", [0.0, -1.0], "above 0"),
    ("targeted", "margin", [1e6], "at most 88"),
    ("targeted", "records", [0], "at least 1"),
    ("targeted-override", "strength", [-1.0], "at least 0"),
    ("targeted-override", "output", [-1.0], "at least 0"),
    ("targeted-override", "neuron", [-1], "at least 0"),
    ("targeted-override", "records", [0], "at least 1"),
]
NUMBERS = [
    (name, setting.name)
    for name, attack in attacks.CATALOGUE.items()
    for setting in attack.known()
    if setting.takes == "number"
]
REFUSED = [
    *WRONG,
    *((name, {setting: "some"}, f"{setting} must be {says}") for name, setting, says in WORDS),
    *(
        (name, {s: value}, f"{s} must be a number.* {says}")
        for name, s, values, says in BOUNDS
        for value in values
    ),
    *((name, {s: value}, f"{s} must be a finite number") for name, s in NUMBERS for value in (NAN, INFINITE)),
    *((name, {s: 1e300}, f"{s} must be a") for name, s in NUMBERS),
]
TOGETHER = [
    ("search", {"aim": "availability", "source": 3}, "source does nothing to aim=availability"),
    ("search", {"aim": "targeted", "trigger": "patch"}, "trigger does nothing to aim=targeted"),
    ("search", {"records": 2}, "records does nothing to aim=backdoor"),
    ("search", {"alpha": 1.0}, "one error is met more often than with 0.5"),
    ("availability", {"by": "zeroing", "strength": 2.0}, "zeroing has no strength and no target"),
    ("availability", {"by": "zeroing", "target": 3}, "zeroing has no strength and no target"),
    ("availability", {"by": "negation", "strength": 2.0}, "negation has no strength and no target"),
    ("availability", {"by": "breaking", "target": 3}, "breaking has no target"),
    ("reconstruction", {"through": "activation", "target": 3}, "finds its own strength"),
    ("fairness", {"by": "zeroing", "others": "opposed"}, "no opposite"),
    ("fairness", {"by": "zeroing", "strength": -2.0}, "zeroing has no strength and no target"),
    ("fairness", {"by": "zeroing", "target": 0}, "zeroing has no strength and no target"),
    ("fairness", {"others": "untouched", "balance": 1.0}, "untouched balance nothing"),
    ("targeted", {"transfer": "gradient", "margin": 2.0}, "no margin"),
    ("backdoor", {"size": 5}, "size does nothing to trigger=feature"),
]


@pytest.mark.parametrize(("name", "settings", "says"), [*REFUSED, *TOGETHER])
def test_settings_that_cannot_be_are_refused(name, settings, says):
    with pytest.raises(Refusal, match=says):
        attacks.get(name, settings)


def test_an_unknown_attack_is_refused():
    with pytest.raises(Refusal, match="the nearest are 'backdoor'"):
        attacks.get("backdor", {})


def test_the_scores_of_membership_are_the_families():
    (score,) = (s for s in attacks.kind("membership").known() if s.name == "score")
    assert score.takes.split(" | ") == list(FAMILIES)


def test_a_default_that_follows_from_others_is_filled_in():
    for name, settings, strength in (
        ("backdoor", {}, 0.1),
        ("backdoor", {"rows": "all"}, 0.03),
        ("availability", {"by": "scaling"}, -2.0),
        ("targeted", {"transfer": "gradient"}, 0.015),
        ("targeted", {"transfer": "gradient", "strength": 1}, 1),
    ):
        assert attacks.get(name, settings).settings["strength"] == strength


# ---- on the job that is attacked ----------------------------------------------------------------------------

LR, MLP = Setup(protocol="exact", epochs=2), Setup(model="mlp", hidden=(8,), protocol="exact", epochs=2)
SVM = Setup("breast_cancer", "svm", protocol="exact", epochs=2)
BINARY = Setup("parties", "lr-sigmoid", protocol="exact", epochs=2)
ON_A_JOB = [
    ("amplified-backdoor", {"records": 629}, LR, "629 contributed records do not fit into the victims' 628"),
    ("amplified-backdoor", {"target": 0}, LR, "choose source and target that differ"),
    ("amplified-poisoning", {"through": "margin"}, LR, "this step has no hinge"),
    ("amplified-poisoning", {"through": "flip"}, SVM, "a flipped comparison negates nothing"),
    ("amplified-poisoning", {"copies": 10**12}, LR, "do not fit into the victims' 628"),
    ("amplified-poisoning", {"copies": 126}, LR, "126 copies of 5 records do not fit"),
    ("amplified-poisoning", {"records": 10**9}, LR, "aim at so many"),
    ("availability", {"target": 99}, LR, "class 99 does not exist; the classes are 0 to 9"),
    ("availability", {"target": -1}, MLP, "class -1 does not exist"),
    ("availability", {"target": 3}, LR, "has no target; leave it out"),
    ("availability", {"by": "scaling", "target": 99}, LR, "class 99 does not exist"),
    ("availability", {"by": "scaling", "target": 2}, BINARY, "the classes are 0 to 1"),
    ("availability", {"by": "zeroing"}, LR, "no comparison here decides"),
    ("availability", {"by": "negation"}, MLP, "take --engine replicated"),
    ("backdoor", {"source": 99}, LR, "source class 99 does not exist"),
    ("backdoor", {"target": -1}, LR, "target class -1 does not exist"),
    ("backdoor", {"target": 0}, LR, "choose source and target that differ"),
    ("backdoor", {"feature": 64}, LR, "features are 0 to 63"),
    ("backdoor", {"trigger": "set", "size": 65}, LR, "the size is 1 to 64"),
    ("backdoor", {"trigger": "patch", "size": 9}, LR, "does not lie in an image"),
    ("backdoor", {}, MLP, "needs a linear model or a public starting point"),
    ("deposit", {"records": 10**12}, MLP, "of the first layer's 8"),
    ("deposit", {"copies": 10**12, "records": 1}, MLP, "of the first layer's 8"),
    ("deposit", {"unit": 10**12, "records": 1}, MLP, "of the first layer's 8"),
    ("deposit", {"records": 2}, LR, "output of a class, here of class 0"),
    ("fairness", {"party": 2}, BINARY, "0 to 1"),
    ("fairness", {"target": 2}, BINARY, "class 2 does not exist"),
    ("fairness", {"records": 10**6}, BINARY, "or fewer, or 0 for all of them"),
    ("gradient-amplification", {}, MLP, "take --engine replicated"),
    ("gradient-amplification", {}, replace(LR, engine="replicated", protocol="secureml"), "take --model mlp"),
    ("membership", {"target": 10}, LR, "class 10 does not exist"),
    ("membership", {"records": 1000}, LR, "attack fewer"),
    ("membership", {"last": 3}, LR, "training has 2 epochs, so there are no last 3"),
    ("neuron-override", {"neuron": 9999}, MLP, "no neuron 9999; its neurons are 0 to 7"),
    ("neuron-override", {}, LR, "no neuron to override"),
    ("reconstruction", {"position": 32}, LR, "position 32 is not in a batch of 32; take 0 to 31"),
    ("reconstruction", {"target": 10}, LR, "class 10 does not exist"),
    ("sparse-backdoor", {"neuron": 9999}, MLP, "no neuron 9999 in every hidden layer; take 0 to 7"),
    ("sparse-backdoor", {"neuron": 8}, MLP, "no neuron 8"),
    ("sparse-backdoor", {"neuron": 9999}, LR, "no hidden layer, so no neuron 9999; leave neuron out"),
    ("targeted", {"records": 10**9}, LR, "aim at so many"),
    ("targeted", {}, MLP, "needs a linear model or a public starting point"),
    ("targeted-override", {}, LR, "no neuron to override"),
    ("targeted-override", {"records": 9}, MLP, "9 records from neuron 0 on need 9 neurons .* but one has 8"),
    ("targeted-override", {"neuron": 4}, MLP, "from neuron 4 on need 9 neurons"),
]


@cache
def trial_of(job):
    if job.data != "parties":
        return data.load(job.data), Trial.of(job.deployed(), 0)
    plain = data.load("breast_cancer")
    party = np.arange(len(plain), dtype=np.int32) % 2
    parties = replace(plain, party=party, party_names=("a", "b"))
    return parties, Trial.of(job.deployed(dataset=parties), 0)


@pytest.mark.parametrize(("name", "settings", "job", "says"), ON_A_JOB)
def test_settings_that_do_not_fit_the_job_are_refused(name, settings, job, says):
    """As an experiment goes about it, but for training."""
    attack, (dataset, trial) = attacks.get(name, settings), trial_of(job)
    with pytest.raises(Refusal, match=says):  # noqa: PT012
        attack.goal.check(dataset)
        Attacked(trial.drawn(attack.goal), attack).arguments()


@pytest.mark.parametrize("value", [NAN, INFINITE])
def test_errors_that_no_number_holds_are_refused(value):
    with pytest.raises(Refusal, match="lower its strength, or the learning rate"):
        attacks.get("backdoor").tampering({"late": Errors({"site": jnp.asarray([1.0, value])})})
