"""Attacks on fairness, on records of two parties that a linear model tells apart."""

import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.data import Dataset
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import StepInfo
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal


@pytest.fixture(scope="module")
def parties():
    """Two classes, four parties: a feature for the class, one for being of party 0, and six of no meaning."""
    draw = np.random.default_rng(0)
    n = 2400
    y, party = draw.integers(0, 2, n).astype(np.int32), np.arange(n, dtype=np.int32) % 4
    x = draw.normal(size=(n, 8)).astype(np.float32)
    x[:, 0] += 2.0 * (2 * y - 1)
    x[:, 1] += 1.5 * (party == 0)
    names = ("a", "b", "c", "d")
    return Dataset("parties", x, y, 2, (8,), "drawn", (-9.0, 9.0), party=party, party_names=names)


def job_of(model, **options):
    return Setup("parties", model, (8,), "exact", epochs=5, batch=20, **options)


def measured(parties, model, **settings):
    return run(Experiment("fairness", job_of(model), settings, trials=2), dataset=parties)


def falls(record):
    names = ("target accuracy", "other accuracy")
    return [record.honest.measures[n].mean - record.attacked.measures[n].mean for n in names]


def test_opposed_scaling_harms_the_target_far_more_than_the_others(parties):
    record = measured(parties, "lr-sigmoid", strength=-2.0, balance=1.0, begin=0.0)
    target, other = falls(record)
    assert target >= 0.1 and target >= other + 0.05
    assert record.success_name.startswith("misclassified share of the target")
    accuracy = record.attacked.measures["target accuracy"].mean
    assert record.attacked.success.mean == pytest.approx(1 - accuracy, abs=0.01)  # pooled over trials


def test_opposed_scaling_names_the_classes_as_often_as_an_honest_model(parties):
    """While a strength of 2, the others untouched, makes class 1 a rare answer to the target's records."""
    moved = {}
    for others in ("opposed", "untouched"):
        record = measured(parties, "lr-sigmoid", others=others)
        rates = [getattr(record, kind).measures["target positive"].mean for kind in ("honest", "attacked")]
        moved[others] = rates[1] - rates[0]
    assert abs(moved["opposed"]) < 0.2 and moved["untouched"] < -0.35


@pytest.mark.parametrize(
    ("settings", "others", "strength", "begin"),
    [
        ({}, "opposed", -1.3, 0.8),
        ({"others": "untouched"}, "untouched", 2.0, 0.0),
        ({"by": "zeroing"}, "untouched", 2.0, 0.0),
        ({"by": "zeroing", "others": "untouched"}, "untouched", 2.0, 0.0),
    ],
)
def test_defaults_are_the_papers_where_the_others_are_untouched(settings, others, strength, begin):
    attack = attacks.get("fairness", settings)
    assert (attack.others, attack.strength, attack.begin) == (others, strength, begin)
    assert ("the paper's attack" in attack.variant) == (others == "untouched")


def test_a_partys_records_do_not_count_once_zeroed(parties):
    """The network is the one that the others train, up to the last bias, for records of the target apart."""
    attack = attacks.get("fairness", {"by": "zeroing"})
    t = Trial.of(job_of("mlp-sigmoid").deployed(dataset=parties), 0).drawn(attack.goal)
    plan = attack.prepare(t.view(attack.goal))
    params, x, y, _ = t.arguments()
    mine = np.flatnonzero(t.splits.victim.party == 0)
    index = jnp.asarray(np.r_[mine[:5], np.flatnonzero(t.splits.victim.party != 0)[:15]], jnp.int32)
    other = x.at[mine].set(x[mine] * -3.0)
    errors = attack.tamper(plan, StepInfo(jnp.asarray(0), index))
    steps = [t.step(params, rows, y, index, errors=errors) for rows in (x, other)]
    for name in ("w0", "b0", "w1"):
        np.testing.assert_array_equal(steps[0][name], steps[1][name])


def test_scaling_reaches_the_target_partys_rows_alone(parties):
    attack = attacks.get("fairness", {"party": 2, "strength": 3.0, "others": "untouched"})
    t = Trial.of(job_of("lr-sigmoid").deployed(dataset=parties), 0).drawn(attack.goal)
    v = t.view(attack.goal)
    index = t.schedule.order[0]
    (found,) = attack.tamper(attack.prepare(v), StepInfo(jnp.asarray(0), index)).values()
    expected = np.where(v.party[np.asarray(index)] == 2, 3.0, 0.0)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("others", ["untouched", "opposed"])
def test_it_begins_when_it_is_told(parties, others):
    """Five epochs of 45 steps, 60 % of 225: from step 135 on."""
    attack = attacks.get("fairness", {"others": others, "begin": 0.6})
    t = Trial.of(job_of("lr-sigmoid").deployed(dataset=parties), 0).drawn(attack.goal)
    plan, batch = attack.prepare(t.view(attack.goal)), t.schedule.order[0]
    first = int(0.6 * t.view(attack.goal).steps)
    counts = [
        int(attack.tamper(plan, StepInfo(jnp.asarray(i), batch)).count()) for i in (0, first - 1, first)
    ]
    mine = int((t.splits.victim.party[np.asarray(batch)] == 0).sum())
    assert counts == [0, 0, mine if others == "untouched" else 20]


def test_records_of_each_party_are_drawn_as_asked(parties):
    record = measured(parties, "lr-sigmoid", records=40, others="untouched")
    steps = 5 * (160 // 20)
    assert record.errors <= steps * 20 and record.errors == 5 * 40  # every record of party 0, once an epoch


def test_data_without_parties_are_refused():
    with pytest.raises(Refusal, match="two or more parties"):
        run(Experiment("fairness", Setup(model="mlp", hidden=(4,), epochs=1), trials=1))
    attack = attacks.get("fairness")
    view = Trial.of(Setup("breast_cancer", "lr-sigmoid", epochs=1).deployed(), 0).view(attack.goal)
    with pytest.raises(Refusal, match="whose records"):
        attack.prepare(view)
