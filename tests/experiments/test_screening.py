"""Screens in an experiment: thresholds from honest models, and what a flagged model counts as."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences.screens import SCANNED, SCREENS, Screen
from turncoat.experiments import screening
from turncoat.experiments.adaptive import Effort
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.matrix import defend
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import train
from turncoat.jobs.setup import Setup
from turncoat.results.json import from_json, to_json

JOB = Setup(protocol="exact", epochs=1)
LOW, HIGH = "screen:threshold=0.5", "screen:threshold=1e6"  # a ratio to the median is 1 at least


def under(defence, attack="sparse-backdoor", trials=2):
    return run(Experiment(attack, Setup(protocol="exact", epochs=1, defence=defence), trials=trials))


# attack, defence, whether the attacked model is flagged, whether the attack still succeeds
OUTCOMES = [
    ("sparse-backdoor", LOW, True, False),
    ("sparse-backdoor", HIGH, False, True),
    ("sparse-backdoor", f"{HIGH}+screen:by=trigger,threshold=0.9", True, False),
    ("reconstruction", LOW, True, True),  # what the opened model gave away it has given away
]


@pytest.mark.parametrize(("attack", "defence", "flagged", "succeeds"), OUTCOMES)
def test_a_flagged_model_is_not_used_and_has_been_opened(attack, defence, flagged, succeeds):
    found = under(defence, attack)
    assert found.defence.detected.mean == flagged and found.attacked.aborted == 0
    assert found.attacked.success.mean == pytest.approx(float(succeeds), abs=0.1) and found.accuracy_change
    assert any("screens flag" in note for note in found.notes) == flagged
    assert from_json(to_json(found)) == found


def test_honest_models_are_screened_too():
    found = under(LOW).defence
    assert found.false_alarms.mean == found.screens["columns"].false_alarms.mean == 1
    assert found.screens["columns"].models == 0 and found.screens["columns"].rise is None


def test_a_threshold_comes_from_honest_models_of_the_same_job_once():
    said = []
    found = run(
        Experiment("sparse-backdoor", Setup(protocol="exact", epochs=1, defence="screen:rate=0.2"), trials=2),
        progress=lambda what, done, total: said.append((what, total)),
    ).defence.screens["columns"]
    assert found.models == 9 and ("honest models for thresholds", 9) in said
    target = Setup(protocol="exact", epochs=1, defence="screen:rate=0.2").deployed()
    (limit,) = screening.limits(target).values()
    (scores,) = screening.honest_scores(target, target.defence.screens, lambda *_: None).values()
    assert limit == found.threshold == sorted(scores)[-2]  # 20 % of ten: one of nine lies above


def test_an_aborted_run_has_no_model_to_screen():
    found = under(f"everything+{LOW}")
    assert found.attacked.aborted == 2 and found.defence.screens["columns"].alarms is None
    assert found.defence.detected.mean == 1


def test_in_the_matrix_each_defence_has_its_own_screens():
    made = defend(
        JOB.deployed(),
        ("sparse-backdoor", "reconstruction"),
        (LOW, HIGH, "matrices", f"loss+{LOW}"),
        Effort(2, again=False),
    )
    backdoor, reading = made.rows
    assert {n: round(c.success.mean, 3) for n, c in backdoor.cells.items()} == {
        LOW: 0,
        HIGH: 1,
        "matrices": 0,
        f"loss+{LOW}": 0,
    }
    assert {n: round(c.success.mean, 3) for n, c in reading.cells.items()} == {
        LOW: 1,
        HIGH: 1,
        "matrices": 1,
        f"loss+{LOW}": 0,
    }
    assert backdoor.cells[LOW].detected.mean == 1 and backdoor.cells[HIGH].detected.mean == 0
    assert backdoor.cells[LOW].detected.low == pytest.approx(0.025 ** (1 / 2))
    assert backdoor.passive.mean == reading.passive.mean == 1


def opened(name="lr", spoil=lambda released: released):
    trial = Trial.of(Setup(protocol="exact", epochs=1, model=name, hidden=(8,)).deployed(), 0)
    return screening.opened(trial, spoil(train(trial.step, *trial.arguments())[0]))


def test_every_screen_says_a_number_of_any_model():
    for name in ("lr", "mlp"):
        assert all(np.isfinite(screen().score(opened(name))) for screen in SCREENS.values())


def test_what_was_read_off_a_model_is_read_before_a_screen_flags_it():
    """A matrix that called such a screen unbroken would be falsely safe."""
    names = ("sparse-backdoor", "reconstruction")
    found = defend(JOB.deployed(), names, (LOW, f"everything+{LOW}"), Effort(4, chosen_on=1))
    again = {row.attack: row.adaptive[LOW] for row in found.rows}
    assert all(one.detected.mean == 1 for one in again.values())
    assert [one.attack for one in found.breaking(LOW)] == ["reconstruction"]
    assert not found.breaking(f"everything+{LOW}")


def test_single_features_are_looked_at_in_some_of_many_records():
    """A set of test records may be large, and has to be answered once for each feature."""
    one = opened()
    asked = []
    more = replace(
        one,
        x=np.concatenate([one.x] * 8),
        predict=lambda x: asked.append(len(x)) or one.predict(x),
    )
    assert len(more.x) > SCANNED
    assert 0 <= SCREENS["trigger"]().score(more) <= 1
    assert asked == [SCANNED] * (1 + one.x.shape[1])


def test_a_model_with_nan_in_it_raises_every_alarm():
    def spoil(released):
        return {n: jnp.full_like(leaf, jnp.nan) for n, leaf in released.items()}

    every = [screen() for screen in SCREENS.values()]
    assert set(screening.scores(every, opened(spoil=spoil)).values()) == {float("inf")}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("screen:by=colums", "no screen 'colums'; the nearest are 'columns'"),
        ("screen:rate=0", "false-alarm rate lies between 0 and 1, not at 0"),
        ("screen:rate=nan", "false-alarm rate lies between 0 and 1"),
        ("screen:threshold=inf", "threshold is a finite number"),
        ("screen:threshold=high", "takes a number"),
        ("screen:bye=rows", "nearest are 'by'"),
    ],
)
def test_what_is_no_screen_is_refused(name, said):
    with pytest.raises(tc.Refusal, match=said):
        defences.get(name)


def test_screens_are_values():
    assert defences.get("screen:rate=0.1+screen:by=rows").screens == (
        SCREENS["columns"](0.1),
        SCREENS["rows"](),
    )
    assert Screen(rate=0.02).models == 99 and Screen(rate=0.05).models == 39


# ---- a secret order of the records ----------------------------------------------------------------------------

AIMED = [
    ("amplified-poisoning", False),
    ("amplified-backdoor", False),
    ("sparse-backdoor", True),
    ("reconstruction", True),
]


@pytest.mark.parametrize(("attack", "survives"), AIMED)
def test_a_secret_order_spoils_what_is_aimed_at_records_and_nothing_else(attack, survives):
    job = Setup(protocol="exact", epochs=4, defence="shuffle")
    found = run(Experiment(attack, job, trials=3))
    plain = run(Experiment(attack, replace(job, defence=None), trials=3))
    assert plain.attacked.success.mean > 0.5
    assert (found.attacked.success.mean > 0.5) == survives
    assert found.honest.accuracy.mean == pytest.approx(plain.honest.accuracy.mean, abs=0.05)


def test_an_honest_run_in_a_secret_order_trains_on_the_same_records():
    trial = Trial.of(Setup(protocol="exact", epochs=1, defence="shuffle").deployed(), 0)
    public = np.asarray(trial.schedule.order)
    assert (trial.order != public).any()
    assert sorted(trial.order.ravel()) != sorted(public.ravel()) or len(public.ravel()) < len(
        trial.splits.victim
    )
    assert len(set(trial.order.ravel())) == trial.order.size
    plain = Trial.of(Setup(protocol="exact", epochs=1).deployed(), 0)
    np.testing.assert_array_equal(plain.order, public)


# ---- a second training ------------------------------------------------------------------------------------------

SECOND = [("first", True, False), ("both", False, True)]


@pytest.mark.parametrize(("attacked", "found_out", "succeeds"), SECOND)
def test_a_second_run_finds_an_adversary_that_attacks_the_first_alone(attacked, found_out, succeeds):
    """Two honest models disagree on few records; one made useless agrees with another one made useless."""
    job = Setup(protocol="exact", epochs=2, defence=f"second-run:attacked={attacked},threshold=0.5")
    found = run(Experiment("availability", job, {"by": "scaling"}, trials=2))
    assert found.defence.detected.mean == found_out and found.defence.false_alarms.mean == 0
    assert (found.attacked.success.mean > 0.5) == succeeds


def test_the_threshold_of_a_second_run_comes_from_honest_pairs():
    found = run(
        Experiment(
            "sparse-backdoor", Setup(protocol="exact", epochs=1, defence="second-run:rate=0.3"), trials=1
        )
    )
    screen = found.defence.screens["second-run"]
    assert screen.models == 7 and 0 < screen.threshold < 0.5


def test_a_second_run_is_of_the_same_records_in_another_order_from_another_start():
    trial = Trial.of(JOB.deployed(), 0)
    other = screening.again(trial)
    assert other.splits is trial.splits and (other.schedule.order != trial.schedule.order).any()
    one, two = trial.arguments()[0], other.arguments()[0]
    assert not np.allclose(one["w0"], two["w0"])
