"""Surrogates: what is lost, against the definition in plain numbers, and what each goal wants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import goals
from turncoat.goals.surrogate import INDEPENDENT, Own, lost
from turncoat.refusal import Refusal

SCORES = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32) * 3
LABELS = np.array([0, 1, 2, 3, 0])


def naive(scores, label, away):
    """Minus the logarithm of the probability of a class, or of all others."""
    likely = [float(np.exp(s)) for s in scores]
    own = likely[label] / sum(likely)
    return -np.log(1 - own if away else own)


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("columns", [4, 1])
def test_what_is_lost_is_a_cross_entropy(away, columns):
    scores, labels = SCORES[:, :columns], LABELS % max(columns, 2)
    rows = scores if columns > 1 else np.hstack([np.zeros_like(scores), scores])
    expected = [naive(row, label, away) for row, label in zip(rows, labels, strict=True)]
    for xp in (np, jnp):
        np.testing.assert_allclose(
            lost(xp, xp.asarray(scores), xp.asarray(labels), away), expected, rtol=1e-4
        )


@pytest.mark.parametrize("away", [False, True])
def test_its_slope_is_finite_however_sure_a_model_is(away):
    sure = jnp.asarray([[1e4, 0.0, 0.0], [-1e4, 0.0, 1.0]])
    slope = jax.grad(lambda s: lost(jnp, s, jnp.asarray([0, 0]), away).sum())(sure)
    assert np.isfinite(slope).all()


def own(**more):
    x = np.random.default_rng(1).random((6, 4)).astype(np.float32)
    return Own(x, np.array([0, 1, 2, 0, 1, 2]), (2, 2), 3, **more)


def test_a_backdoor_wants_its_target_of_records_with_the_trigger():
    wanted = goals.Backdoor(0, 2).surrogate(own())
    assert wanted.of.tolist() == [0, 3] and wanted.y.tolist() == [2, 2] and not wanted.away
    np.testing.assert_array_equal(wanted.x[:, 0], 1)
    np.testing.assert_array_equal(wanted.x[:, 1:], own().x[[0, 3], 1:])
    assert wanted.kept.all()


def test_a_backdoor_needs_records_of_its_source():
    with pytest.raises(Refusal, match="no record of class 3"):
        goals.Backdoor(3, 0).surrogate(own())


def test_targets_are_what_the_harness_tells():
    told = {"records": own().x[:2] + 1, "labels": np.array([1, 1])}
    wanted = goals.Targeted(2).surrogate(own(told=told))
    assert wanted.of.tolist() == [INDEPENDENT] * 2 and wanted.y.tolist() == [1, 1]
    np.testing.assert_array_equal(wanted.x, told["records"])


def test_availability_wants_no_right_answer():
    wanted = goals.Availability().surrogate(own())
    assert wanted.away and not wanted.kept.any() and wanted.y.tolist() == own().y.tolist()


def test_a_goal_without_a_surrogate_says_so():
    with pytest.raises(Refusal, match="does not fall smoothly"):
        goals.Goal().surrogate(own())


def test_members_and_copies_are_wanted_beside_clean_answers():
    members = goals.Membership(4, 2).surrogate(own())
    assert (members.records, members.target) == (4, 2) and members.kept.all()
    copies = goals.Reconstruction(3).surrogate(own())
    assert copies.records == 3 and copies.kept.all()
    with pytest.raises(Refusal, match="class 3 does not exist"):
        goals.Membership(4, 3).surrogate(own())


def test_unfairness_wants_wrong_answers_to_one_party_alone():
    wanted = goals.Fairness(1).surrogate(own(party=np.array([0, 1, 0, 0, 1, 0])))
    assert wanted.away and wanted.of.tolist() == [1, 4] and wanted.y.tolist() == [1, 1]
    assert wanted.kept.tolist() == [True, False, True, True, False, True]
    for party, says in ((None, "needs the parties"), (np.zeros(6), "no record like those of party 1")):
        with pytest.raises(Refusal, match=says):
            goals.Fairness(1).surrogate(own(party=party))
