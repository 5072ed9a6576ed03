"""Amplified backdoor poisoning: what is contributed, where it is scaled, and what that adds."""

import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.setup import Setup


def view_of(**settings):
    attack = attacks.get("amplified-backdoor", settings)
    job = Setup("digits", "lr", protocol="exact", epochs=2)
    return attack, Trial.of(job.deployed(), 4).drawn(attack.goal).view(attack.goal)


def test_the_contributor_gives_triggered_records_with_the_target_label():
    attack, v = view_of(records=7, source=3, target=5, feature=2, value=0.75)
    x, y = attack.contribute(v)
    expected = v.x[v.y == 3][:7].copy()
    expected[:, 2] = 0.75
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(y, [5] * 7)


def test_where_the_adversary_has_too_few_they_are_repeated():
    own = int(np.sum(view_of()[1].y == 0))
    attack, v = view_of(records=own + 2)
    x, _ = attack.contribute(v)
    np.testing.assert_array_equal(x[own:], x[:2])


@pytest.mark.parametrize("against", ["nothing", "rival"])
def test_contributed_records_alone_are_scaled(against):
    """Against a loop over the rows of a batch: C at the target, and -C at the class that the reference gives."""
    attack, v = view_of(records=6, strength=-2.0, against=against)
    batch = np.arange(v.records - 20, v.records)[::-1].copy()
    batch = np.r_[batch, batch[:12]]
    (found,) = attack.tamper(attack.prepare(v), StepInfo(jnp.asarray(0), jnp.asarray(batch))).values()
    scores = np.asarray(v.scores(v.reference, attack.contribute(v)[0]))
    for row, place in zip(np.asarray(found), batch - (v.records - 6), strict=True):
        expected = np.zeros(10)
        if place >= 0:
            expected[1] = -2.0
            if against == "rival":
                expected[max((c for c in range(10) if c != 1), key=lambda c: scores[place, c])] = 2.0
        np.testing.assert_allclose(row, expected, rtol=1e-5)


def test_scaling_opens_a_backdoor_that_the_records_alone_do_not():
    record = run(
        Experiment("amplified-backdoor", Setup(epochs=10, protocol="exact"), {}, trials=2), sweep=True
    )
    assert record.poisoned is not None
    assert record.poisoned.success.mean <= record.attacked.success.mean - 0.3
    assert "success by strength" in record.curves
