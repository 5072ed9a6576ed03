"""Attacks planned again in the knowledge of a defence: where, when, and with how much they make their errors."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from foreign_jobs import job
from turncoat import attacks
from turncoat.attacks.knowing import Knowing, fewest, gathers, total
from turncoat.core.errors import Errors
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import StepInfo
from turncoat.refusal import Refusal

BACKDOOR = attacks.get("backdoor")


@pytest.fixture(scope="module")
def view():
    trial = Trial.of(Deployed.of(job("linear"), "exact", "reals"), 3).drawn(BACKDOOR.goal)
    return trial.view(BACKDOOR.goal)


def summed(attack, view):
    """What an attack adds in all of training, and in how many steps it does anything."""
    tampering = attack.tampering(attack.prepare(view))
    steps = [tampering.errors(jnp.asarray(i), None) for i in range(view.steps)]
    busy = sum(any(bool(jnp.any(v != 0)) for v in e.values()) for e in steps)
    return {n: np.sum([np.asarray(e[n]) for e in steps], 0) for n in steps[0]}, busy


@pytest.mark.parametrize(("when", "busy"), [("last", 1), ("all", None), ("planned", None)])
def test_gathered_errors_add_up_to_the_same(view, when, busy):
    plain, steps = summed(BACKDOOR, view)
    found, made_in = summed(Knowing(BACKDOOR, when=when), view)
    assert steps == view.steps and made_in == (busy or steps)
    for name, value in plain.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6)


def test_the_largest_errors_are_kept(view):
    whole, _ = summed(BACKDOOR, view)
    (few,) = summed(Knowing(BACKDOOR, when="last", most=2), view)[0].values()
    (every,) = whole.values()
    assert np.count_nonzero(few) == 2
    assert np.abs(few).sum() == pytest.approx(np.sort(np.abs(every).ravel())[-2:].sum(), rel=1e-4)


@pytest.mark.parametrize("when", ["planned", "all"])
def test_errors_are_multiplied_by_the_share(view, when):
    plain, _ = summed(BACKDOOR, view)
    found, _ = summed(Knowing(BACKDOOR, when=when, share=0.25), view)
    for name, value in plain.items():
        np.testing.assert_allclose(found[name], value / 4, rtol=1e-4, atol=1e-6)


def test_sites_that_are_looked_at_more_often_are_left_alone(view):
    (site,) = summed(BACKDOOR, view)[0]
    checked = ((site, 0.5),)
    assert site in summed(Knowing(BACKDOOR, checked, level=0.5), view)[0]
    with pytest.raises(Refusal, match="no way in here"):
        Knowing(BACKDOOR, checked, level=0.0).prepare(view)


def test_what_aims_at_rows_or_flips_is_not_gathered():
    assert gathers(BACKDOOR) and not gathers(attacks.get("deposit")) and not gathers(attacks.get("fairness"))
    with pytest.raises(Refusal, match="aims at rows"):
        Knowing(attacks.get("reconstruction"), when="last")
    with pytest.raises(Refusal, match="flips"):
        replace(Knowing(BACKDOOR, when="last"), attack=Flipping()).gathered(None, 3)


class Flipping(type(BACKDOOR)):
    """A bit in each step."""

    @property
    def tamper(self):
        return lambda plan, info: Errors({"bit": jnp.ones(2, bool)})


def test_the_sum_of_errors_over_steps_is_theirs():
    def tamper(plan, info):
        return Errors({"a": plan * (1 + info.step.astype(jnp.float32))}).at_steps(info.step, 1, 3)

    found = total(tamper, jnp.ones(2), 10)
    np.testing.assert_allclose(found["a"], np.full(2, 2 + 3 + 4.0))
    assert StepInfo(jnp.asarray(0)).batch is None


def test_of_several_arrays_the_largest_entries_are_kept():
    errors = {"a": jnp.asarray([3.0, -1.0]), "b": jnp.asarray([[2.0], [0.5]])}
    left = fewest(errors, 2)
    np.testing.assert_array_equal(left["a"], [3, 0])
    np.testing.assert_array_equal(left["b"], [[2], [0]])
    assert fewest(errors, None) == errors
