"""What errors do in one step, on jobs as users write them: against steps run with and without the errors."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from foreign_jobs import BATCH, RATE, job
from turncoat import attacks
from turncoat.adversary.effects import moved_by_one, rate, scaled, shift, squared_hinge, unit
from turncoat.core.errors import Errors
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.leaves import named
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal


def of(made):
    """A trial of a job and the adversary's view of it."""
    target = made.deployed() if isinstance(made, Setup) else Deployed.of(made, "exact", "reals")
    goal = attacks.get("availability").goal
    trial = Trial.of(target, 3).drawn(goal)
    return trial, trial.view(goal)


BUILT_IN = {
    "lr": Setup("digits", "lr", epochs=1),
    "mlp": Setup("digits", "mlp", hidden=(8,), epochs=1, momentum=0.5),
    "svm": Setup("breast_cancer", "svm", epochs=1),
}
UNITS = [
    *((made, 1.0) for made in BUILT_IN.values()),
    *((job(*name), 1 / BATCH) for name in (("linear",), ("deep", "momentum"), ("deep", "adam"), ("bare",))),
]


@pytest.mark.parametrize(("made", "expected"), UNITS, ids=lambda v: getattr(v, "name", None) or str(v))
def test_a_loss_derivative_is_that_of_one_example_or_of_the_mean(made, expected):
    assert unit(of(made)[1]) == expected


def changes(trial, errors):
    """What errors change in a step on the victims' records."""
    state, x, y, schedule = trial.arguments()
    ends = [trial.step(state, x, y, schedule.order[0], errors=e) for e in (errors, Errors())]
    tampered, honest = (named(trial.job.release(state)) for state in ends)
    return {name: np.asarray(tampered[name] - honest[name]) for name in honest}


@pytest.mark.parametrize("name", ["linear", "likely"])
def test_a_strength_is_that_of_one_examples_loss(name):
    """F + C e_c for one example takes rate / batch times C from the bias of class c."""
    trial, view = of(job(name))
    found = changes(trial, scaled(view, np.arange(BATCH) == 4, 6.0, 2))
    np.testing.assert_allclose(found["head/b"], -RATE / BATCH * 6.0 * np.eye(10)[2], atol=1e-6)
    x = np.asarray(trial.splits.victim.x)[np.asarray(trial.schedule.order[0])[4]]
    row = -RATE / BATCH * 6.0 * x.reshape(8, 8).T.ravel()
    np.testing.assert_allclose(found["head/w"][2], row, atol=1e-6)


def test_a_shift_is_of_the_mean_gradient_and_of_nothing_else():
    trial, view = of(job("deep"))
    v = np.random.default_rng(0).normal(size=(10, 24)).astype(np.float32)
    found = changes(trial, shift(view, {"out/w": v}))
    np.testing.assert_allclose(found["out/w"], -RATE * v, rtol=1e-3, atol=1e-5)
    assert not any(found[name].any() for name in found if name != "out/w")


def test_the_rate_is_the_learning_rate():
    assert rate(of(job("deep"))[1], "in/w") == pytest.approx(RATE)
    assert rate(of(BUILT_IN["lr"])[1], "w0") == pytest.approx(0.5)


def test_how_far_one_example_moves_the_last_layer():
    for made, expected in (
        (job("linear"), RATE / BATCH),
        (job("bare"), RATE / BATCH),
        (BUILT_IN["lr"], 0.5 / 32),
    ):
        view = of(made)[1]
        assert moved_by_one(view, view.anatomy.maps[-1]) == pytest.approx(expected, rel=1e-3)
    view = of(job("deep", "adam"))[1]
    assert moved_by_one(view, view.anatomy.maps[-1]) is None  # as far as an optimizer likes


def test_a_squared_hinge_is_told_by_its_derivative():
    found = [squared_hinge(of(Setup("breast_cancer", m, epochs=1))[1]) for m in ("svm", "svm-squared", "lr")]
    assert found == [False, True, False]


def test_what_no_site_shifts_has_no_rate():
    with pytest.raises(Refusal, match="no site shifts head/b alone"):
        rate(of(job("linear"))[1], "head/b")


def test_an_update_is_what_a_step_changes():
    """The mean over records, each taken equally often."""
    view = of(job("linear"))[1]
    x, y, p = view.x[:5], view.y[:5], view.reference["head"]
    likely = jax.nn.softmax(view.scores(view.reference, x))
    expected = -RATE * np.mean(np.asarray(likely - jnp.eye(10)[y]), 0)
    np.testing.assert_allclose(view.update(x, y)["head/b"], expected, atol=1e-5)
    assert p["b"].shape == (10,)


def test_an_adversary_that_keeps_away_from_a_site_still_knows_the_step():
    """Sizes are told by the whole surface; what is done there is done at the sites that are left alone."""
    view = of(BUILT_IN["mlp"])[1]
    derivative = "softmax/product"
    assert derivative in view.surface.sites
    left = replace(view, surface=view.surface.without({derivative}))
    assert unit(left) == unit(view) == 1.0 and moved_by_one(left, view.anatomy.maps[-1]) is not None
    with pytest.raises(Refusal, match="no site"):
        scaled(left, np.arange(view.batch) == 4, 6.0, 2)
    assert attacks.get("deposit", {"records": 1}).prepare(left)["errors"].keys() == {"relu0/grad_input"}
