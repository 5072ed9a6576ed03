"""Amplified data poisoning: what is contributed, where it is scaled, and what that adds."""

import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.attacks.amplified_poisoning import directions, errors_of_copies
from turncoat.core.errors import Errors
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.setup import Setup


def view_of(source="digits", model="lr", **settings):
    attack = attacks.get("amplified-poisoning", settings)
    job = Setup(source, model, protocol="exact", epochs=2)
    return attack, Trial.of(job.deployed(), 4).drawn(attack.goal).view(attack.goal)


def pushed(v, against):
    return directions(v, v.told["records"], v.told["labels"], against)


def test_the_contributor_gives_copies_of_the_chosen_records_with_the_wanted_label():
    attack, v = view_of(copies=3)
    x, y = attack.contribute(v)
    np.testing.assert_array_equal(x, [r for r in v.told["records"] for _ in range(3)])
    np.testing.assert_array_equal(y, [c for c in v.told["labels"] for _ in range(3)])


@pytest.mark.parametrize(("records", "copies"), [(628, 2), (12_000, 4), (20_000, 8), (60_000, 10)])
def test_by_default_the_copies_grow_with_the_data(records, copies):
    attack, v = view_of()
    object.__setattr__(v, "records", records)
    assert len(attack.contribute(v)[0]) == 5 * copies


def test_only_contributed_records_are_scaled_and_only_after_the_beginning():
    """Against a loop over the rows of a batch."""
    attack, v = view_of(copies=2, strength=-3.0, begin=0.5)
    plan, push = attack.prepare(v), np.asarray(pushed(v, "rival"))
    first = v.steps // 2
    batch = np.arange(v.records - 32, v.records)[::-1].copy()
    for step in (0, first - 1, first, v.steps - 1):
        (found,) = attack.tamper(plan, StepInfo(jnp.asarray(step), jnp.asarray(batch))).values()
        for row, record in zip(np.asarray(found), batch, strict=True):
            place = record - (v.records - 10)
            expected = -3.0 * push[place // 2] if place >= 0 and step >= first else np.zeros(10)
            np.testing.assert_allclose(row, expected, rtol=1e-5)


def test_the_push_is_towards_the_label_and_against_the_class_that_the_reference_gives():
    _, v = view_of()
    scores = np.asarray(v.scores(v.reference, v.told["records"]))
    for row, z, label in zip(np.asarray(pushed(v, "rival")), scores, v.told["labels"], strict=True):
        rival = max((c for c in range(10) if c != label), key=lambda c: z[c])
        assert row[label] == 1 and row[rival] == -1 and np.count_nonzero(row) == 2
    np.testing.assert_array_equal(pushed(v, "nothing"), np.eye(10)[v.told["labels"]])


def test_a_binary_output_has_one_direction():
    _, v = view_of("breast_cancer", "lr-sigmoid")
    np.testing.assert_array_equal(pushed(v, "rival")[:, 0], 2 * v.told["labels"] - 1)


@pytest.fixture(scope="module")
def record():
    return run(Experiment("amplified-poisoning", Setup(epochs=10, protocol="exact"), {"copies": 2}, trials=4))


def test_scaling_makes_weak_poisoning_strong(record):
    assert record.poisoned is not None
    assert record.honest.success.mean <= 0.1
    assert record.poisoned.success.mean <= record.attacked.success.mean - 0.3
    assert record.attacked.success.mean >= 0.5
    assert record.threat["a contributor of data who colludes"] is True


def test_errors_are_two_a_sighting_of_a_contributed_record_in_the_second_half(record):
    """At most 10 copies in each of 5 epochs, two classes each; a last batch that is not full is left out."""
    assert 5 * 5 * 2 < record.errors <= 2 * 5 * 5 * 2


# ---- through the hinge of a support vector machine ----------------------------------------------------------


def hinge_step(through, model, delta=4.0):
    """A batch of contributed and other records: gradients under the attack, margins, labels and who contributed."""
    attack, v = view_of("breast_cancer", model, through=through, strength=-delta, begin=0.0, copies=2)
    trial = Trial.of(
        Setup("breast_cancer", model, protocol="exact", epochs=2).deployed(
            dataset=data.load("breast_cancer")
        ),
        4,
    )
    trial = trial.drawn(attack.goal)
    params, x, y, _ = trial.arguments()
    batch = np.arange(v.records - 32, v.records)
    contributed = batch >= v.records - 10
    params = {n: p + 0.3 for n, p in params.items()}
    errors = attack.tamper(attack.prepare(v), StepInfo(jnp.asarray(0), jnp.asarray(batch)))
    after = trial.step(params, x, y, jnp.asarray(batch), errors=errors)
    moved = {
        n: (params[n] - after[n]) / trial.job.origin.training(len(trial.splits.victim)).learning_rate * 32
        for n in params
    }
    margins = np.asarray(y[batch, 0]) * np.asarray(x[batch] @ params["w0"] + params["b0"])[:, 0]
    return moved, (np.asarray(x[batch]), np.asarray(y[batch, 0]), margins), contributed


@pytest.mark.parametrize("through", ["margin", "flip"])
def test_a_squared_hinge_is_scaled_or_negated_until_the_margin_is_passed(through):
    """F = -y max(0, P + 4), or y (4 - P) where P < 4, of contributed records; of others -y max(0, P)."""
    moved, (x, y, margins), contributed = hinge_step(through, "svm-squared")
    p = 1 - margins
    scaled = np.maximum(p + 4, 0) if through == "margin" else np.minimum(p - 4, 0)
    f = -y * np.where(contributed, scaled, np.maximum(p, 0))
    assert (scaled[contributed] != np.maximum(p, 0)[contributed]).any()
    np.testing.assert_allclose(moved["w0"][:, 0], x.T @ f, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(moved["b0"], [f.sum()], rtol=1e-3, atol=1e-2)


def test_a_plain_hinge_counts_for_longer():
    moved, (x, y, margins), contributed = hinge_step("margin", "svm")
    f = np.where(margins < np.where(contributed, 5, 1), -y, 0)
    np.testing.assert_allclose(moved["w0"][:, 0], x.T @ f, rtol=1e-3, atol=1e-2)


def test_a_flip_takes_records_with_their_own_label():
    attack, v = view_of("breast_cancer", "svm-squared", through="flip", copies=3)
    np.testing.assert_array_equal(attack.contribute(v)[1], np.repeat(1 - v.told["labels"], 3))


@pytest.mark.parametrize(
    ("model", "through"), [("svm", "derivative"), ("svm-squared", "margin"), ("svm-squared", "flip")]
)
def test_scaling_a_support_vector_machine_poisons_it(model, through):
    job = Setup("breast_cancer", model, protocol="exact", epochs=10)
    settings = {"through": through, "records": 2, "copies": 4, "begin": 0.0}
    found = run(Experiment("amplified-poisoning", job, settings, trials=4))
    assert found.attacked.success.mean >= found.honest.success.mean + 0.4
    assert found.attacked.success.mean >= found.poisoned.success.mean


def test_a_step_that_keeps_its_one_output_without_an_axis_is_pushed_row_by_row():
    plan = {
        "unit": Errors({"loss": jnp.full(4, -3.0)}),
        "push": jnp.array([[1.0], [-1.0]]),
        "whose": jnp.array([-1, 0, 1, -1, 1]),
        "first": jnp.asarray(0),
    }
    found = errors_of_copies(plan, StepInfo(jnp.asarray(0), jnp.array([0, 1, 2, 4])))
    np.testing.assert_array_equal(found["loss"], [0.0, -3.0, 3.0, 3.0])
