"""Attacks on jobs as users write them: what each does, and where it finds no way in."""

import jax
import numpy as np
import pytest

from foreign_jobs import job
from turncoat import attacks
from turncoat.adversary.reading import holder
from turncoat.adversary.transfer import linear, opening, to_scores
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named
from turncoat.refusal import Refusal


def trial_of(name, attack="availability", settings=None, **more):
    """A job, drawn for an attack."""
    one = attacks.get(attack, settings or {})
    return one, Trial.of(Deployed.of(job(*name, **more), "exact", "reals"), 3).drawn(one.goal)


def view_of(name, **more):
    one, trial = trial_of(name, **more)
    return trial.view(one.goal)


DONE = [
    (("linear",), "backdoor", {}, 0.8, 0.02),
    (("linear",), "targeted", {}, 0.8, 0.15),
    (("deep",), "deposit", {"records": 3}, 1.0, 0.02),
    (("deep",), "reconstruction", {}, 1.0, 1.0),
    (("bare",), "availability", {}, 0.6, 1.0),
]


@pytest.mark.parametrize(("name", "attack", "settings", "least", "most"), DONE)
def test_an_attack_does_what_it_does_to_built_in_models(name, attack, settings, least, most):
    found = run(Experiment(attack, Deployed.of(job(*name), "exact", "reals"), settings, 1))
    assert found.honest.success.mean < 0.2 and found.honest.accuracy.mean > 0.9
    assert found.attacked.success.mean >= least
    assert abs(found.accuracy_change.mean) <= most


def test_from_a_public_start_a_backdoor_is_transferred_to_a_network():
    found = run(Experiment("backdoor", Deployed.of(job("deep", initial="public"), "exact", "reals"), {}, 1))
    assert found.attacked.success.mean > 0.9 and abs(found.accuracy_change.mean) < 0.02


NO_WAY_IN = [
    (("deep",), "backdoor", {}, "needs a linear model or a public starting point"),
    (("deep",), "targeted", {"transfer": "gradient"}, "needs a linear model or a public starting point"),
    (("bare",), "deposit", {}, "takes records as they are and has a bias"),
    (("bare",), "reconstruction", {}, "takes records as they are and has a bias"),
    (("deep", "adam"), "deposit", {}, "no site moves the first layer's weights by a multiple of one record"),
    (("likely",), "deposit", {"records": 1}, "in a linear model a deposit takes the output of a class"),
    (("linear",), "availability", {"target": 3}, "has no target; leave it out"),
]


@pytest.mark.parametrize(("name", "attack", "settings", "says"), NO_WAY_IN)
def test_a_job_that_leaves_no_way_in_is_told_so(name, attack, settings, says):
    one, trial = trial_of(name, attack, settings)
    with pytest.raises(Refusal, match=says):
        Attacked(trial, one).arguments()


# ---- what they build on -------------------------------------------------------------------------------------


def test_a_neurons_weights_are_read_in_the_order_of_a_records_features():
    """The job turns its images over, and its weights are (units, inputs)."""
    view = view_of(("linear",))
    held, reference = holder(view), view.reference
    weights, bias = held.read(view, reference)
    np.testing.assert_allclose(view.x[:5] @ weights + bias, view.scores(reference, view.x[:5]), rtol=1e-4)
    turned = np.asarray(reference["head"]["w"]).reshape(10, 8, 8).transpose(2, 1, 0).reshape(64, 10)
    np.testing.assert_array_equal(weights, turned.astype(float))


def test_the_weights_that_a_feature_meets_are_those_that_it_is_multiplied_with():
    view, features = view_of(("linear",)), np.zeros(64, bool)
    features[3] = True  # row 0, column 3: of the images turned over, number 24
    np.testing.assert_array_equal(opening(view, features)["head/w"], np.tile(np.arange(64) == 24, (10, 1)))


@pytest.mark.parametrize(
    ("name", "one"), [("linear", True), ("likely", True), ("deep", False), ("bare", False)]
)
def test_a_linear_model_is_one_map(name, one):
    view = view_of((name,))
    assert (linear(view) is not None) == one
    np.testing.assert_array_equal(to_scores(view, view.anatomy.maps[-1]), np.eye(10))


def test_a_public_start_is_where_the_adversary_rehearses_from():
    one, trial = trial_of(("deep",), initial="public")
    view = trial.view(one.goal)
    assert view.public_start and not view_of(("deep",)).public_start
    for mine, theirs in zip(jax.tree.leaves(view.start), jax.tree.leaves(trial.arguments()[0]), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert {name for name in named(view.reference) if view.is_shifted(name)} == {"in/w", "out/w"}
