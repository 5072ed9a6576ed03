"""Records read off the released model: reconstruction, deposit, and how a column of weights is read."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from turncoat import attacks, data
from turncoat.adversary.reading import Prior, pooled, rescaled
from turncoat.core.errors import Errors
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

MLP = Setup(model="mlp", hidden=(24,), epochs=4, protocol="exact")
RNG = np.random.default_rng(1)


def ran(name, job=MLP, trials=2, **settings):
    return run(Experiment(name, job, settings, trials))


@pytest.fixture(scope="module")
def deposited():
    return ran("deposit", records=5)


def test_a_deposit_is_one_error_a_record_and_nobody_notices(deposited):
    assert deposited.errors == 5
    assert deposited.attacked.success.mean == 1 and deposited.honest.success.mean == 0
    assert deposited.attacked.measures["mae"].mean < 0.02 < deposited.honest.measures["mae"].low
    assert abs(deposited.accuracy_change.mean) < 0.05
    assert len(deposited.gallery.originals) == len(deposited.gallery.recovered) == 10
    assert deposited.success_name == "share of records recovered"


# variations of the training and of the deposit: what still recovers every record
VARIATIONS = {
    "momentum": (
        Setup(model="mlp", hidden=(24,), epochs=4, protocol="exact", momentum=0.9, learning_rate=0.05),
        {},
    ),
    "weight decay": (Setup(model="mlp", hidden=(24,), epochs=4, protocol="exact", weight_decay=0.01), {}),
    "depth 3": (Setup(model="mlp", hidden=(24, 16), epochs=4, protocol="exact"), {}),
    "crypten": (Setup(model="mlp", hidden=(24,), epochs=2), {}),
    "half way": (MLP, {"at": 0.5}),
    "last step": (MLP, {"at": 1.0}),
    "other neurons": (MLP, {"unit": 9}),
    "several neurons": (MLP, {"copies": 4, "strength": 15.0}),
    "rescaled only": (MLP, {"prior": "none", "strength": 60.0}),
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_deposit_survives(name):
    job, settings = VARIATIONS[name]
    found = ran("deposit", job, 1, records=4, **settings)
    assert found.attacked.success.mean == 1, found.attacked.measures
    assert found.errors == 4 * settings.get("copies", 1)


def test_a_prior_and_more_neurons_read_weaker_deposits():
    """What a norm screen sees less of is still readable: the error falls with each help."""
    errors = [
        ran("deposit", MLP, 1, records=3, strength=2.0, **more).attacked.measures["mae"].mean
        for more in ({"prior": "none"}, {"prior": "none", "copies": 8}, {"copies": 8})
    ]
    assert errors[0] > 1.5 * errors[1] and errors[1] > 1.1 * errors[2]


def test_more_records_than_a_batch_take_several_steps():
    attack = attacks.get("deposit", {"records": 40})
    job = Setup(model="mlp", hidden=(48,), epochs=2, protocol="exact")
    found = ran("deposit", job, 1, records=40)
    assert found.errors == 40 and found.attacked.success.mean > 0.9
    assert attack.settings["copies"] == 1


RECONSTRUCTIONS = [("lr", "all"), ("lr", "neuron"), ("mlp", "all"), ("mlp", "neuron")]


@pytest.mark.parametrize(("model", "read"), RECONSTRUCTIONS)
def test_one_large_scaling_overwrites_the_model_with_a_record(model, read):
    found = ran("reconstruction", Setup(model=model, hidden=(24,), epochs=3), read=read)
    assert found.errors == 1
    assert found.attacked.success.mean == 1
    assert found.attacked.measures["mae"].mean <= (0.017 if model == "lr" else 0.036)
    # Anybody would notice: a network is ruined, a linear model loses the target's class.
    assert found.attacked.accuracy.mean < (0.9 if model == "lr" else 0.3)
    assert found.honest.success.mean == 0


def test_only_the_last_step_is_tampered_with():
    attack = attacks.get("reconstruction")
    plan = {"errors": Errors({"s": jnp.ones((4, 3))}), "last": jnp.asarray(7)}
    assert int(attack.tamper(plan, StepInfo(jnp.asarray(6))).count()) == 0
    assert int(attack.tamper(plan, StepInfo(jnp.asarray(7))).count()) == 12


# ---- reading ----------------------------------------------------------------------------------------------


def test_a_column_over_its_bias_is_the_record():
    record, scales = RNG.uniform(0, 1, 6), np.array([-2.0, 0.5, 0.0])
    weights = np.outer(record, scales)
    np.testing.assert_allclose(rescaled(weights, scales)[:2], [record, record])
    assert not rescaled(weights, scales)[2].any()
    seen, gain = pooled(weights, scales)
    np.testing.assert_allclose(seen, record)
    assert gain == pytest.approx(1 / 4.25)


def test_pooling_is_least_squares():
    weights, scales = RNG.normal(size=(5, 4)), RNG.normal(size=4)
    expected = np.linalg.lstsq(scales[:, None], weights.T, rcond=None)[0][0]
    np.testing.assert_allclose(pooled(weights, scales)[0], expected)


def test_the_prior_is_the_gaussian_posterior_mean():
    """Against the textbook's formula with a matrix inverse."""
    own = RNG.normal(size=(200, 3)) @ RNG.normal(size=(3, 3)) + 2
    prior, seen, noise = Prior.of(own), RNG.normal(size=(4, 3)), np.array([[0.1], [1.0], [5.0], [0.0]])
    covariance = np.cov(own.T, bias=True)
    for one, variance, found in zip(seen, noise, prior.denoised(seen, noise), strict=True):
        precise = np.linalg.inv(covariance + variance * np.eye(3))
        expected = own.mean(0) + covariance @ precise @ (one - own.mean(0))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_coherence_is_a_likelihood_ratio():
    """Against scipy's densities."""
    own = RNG.normal(size=(200, 3)) @ RNG.normal(size=(3, 3)) + 2
    prior, weights, bias = Prior.of(own), RNG.normal(size=(3, 4)), np.array([-2.0, 0.1, 1.0, 0.0])
    before = prior.power(RNG.normal(size=(3, 7)))
    plain, covariance = prior.axes @ np.diag(before) @ prior.axes.T, np.cov(own.T, bias=True)
    for column, b, found in zip(weights.T, bias, prior.coherence(weights, bias, before), strict=True):
        record = stats.multivariate_normal(b * own.mean(0), b**2 * covariance + plain).logpdf(column)
        assert found == pytest.approx(record - stats.multivariate_normal(np.zeros(3), plain).logpdf(column))


def test_the_power_of_weights_is_that_along_the_axes():
    prior, weights = Prior.of(RNG.normal(size=(50, 3))), RNG.normal(size=(3, 4))
    expected = [np.mean([(axis @ w) ** 2 for w in weights.T]) for axis in prior.axes.T]
    np.testing.assert_allclose(prior.power(weights), expected)


STRENGTHS = [-30.0, -3.0, 2.0]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("spoiled", ["nothing", "another's pixels", "twice the bias"])
def test_only_a_neuron_that_holds_a_record_is_coherent(strength, spoiled):
    """One of 20 neurons holds a record; the others hold training's weights, or something that is no record."""
    digits, neurons, rng = data.load("digits").x, 20, np.random.default_rng(0)
    prior = Prior.of(digits[:800])
    weights, bias = rng.normal(0, 0.1, (64, neurons)), rng.normal(0, 0.1, neurons)
    before = prior.power(weights)
    if spoiled == "another's pixels":
        weights[:, 1] += strength * rng.permutation(digits[901])
        bias[1] += strength
    if spoiled == "twice the bias":
        weights[:, 1] += strength * digits[901]
        bias[1] += 2 * strength
    weights[:, 0] += strength * digits[900]
    bias[0] += strength
    scores = prior.coherence(weights, bias, before)
    assert np.argmax(scores) == 0 and scores[0] > 100 * np.abs(scores[2:]).max()


WITHOUT_A_WAY_IN = [
    ({"records": 30}, MLP, "need 30 of the first layer's 24"),
    ({"records": 1, "unit": 3}, Setup(epochs=1), "output of a class, here of class 3"),
    ({"records": 5, "unit": 20}, MLP, "need 25 of the first"),
]


def test_features_of_both_signs_are_refused():
    digits = data.load("digits")
    signed = replace(digits, x=(digits.x - digits.x.mean(0)) / 0.3)
    with pytest.raises(Refusal, match="features of both signs"):
        run(Experiment("deposit", MLP, {}, 1), dataset=signed)


def test_a_spare_output_of_a_linear_model_holds_a_record():
    """A class that no record has: its output only ever falls, and carries what was put there."""
    spare = replace(data.load("digits"), classes=11)
    job = Setup(epochs=3, protocol="exact")
    found = run(Experiment("deposit", job, {"records": 1, "unit": 10}, 2), dataset=spare)
    assert found.attacked.success.mean == 1
    assert abs(found.accuracy_change.mean) < 0.02
    assert found.errors == 1


@pytest.mark.parametrize(("settings", "job", "says"), WITHOUT_A_WAY_IN)
def test_jobs_that_leave_no_way_in_are_refused(settings, job, says):
    with pytest.raises(Refusal, match=says):
        ran("deposit", job, 1, **settings)
