"""Membership amplified by scaling: what the errors are, that it works, and what it needs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.adversary.shadows import held_back
from turncoat.attacks.membership import PUSH
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.goals.membership import SCALED
from turncoat.jobs.loop import StepInfo, train
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.results.json import from_json, to_json

JOB = Setup("digits", "lr", epochs=4)
FEW = {"shadow_models": 16, "records": 5}


def prepared(settings, job=JOB):
    attack = attacks.get("membership", settings)
    trial = Trial.of(job.deployed(), 3).drawn(attack.goal)
    return trial, attack, trial.view(attack.goal)


@pytest.fixture(scope="module")
def record():
    return run(Experiment("membership", JOB, {**FEW, "strength": -10.0}, trials=4, seed=1), command="again")


def test_scaled_records_are_found_and_others_are_not(record):
    honest, attacked = (o.measures for o in (record.honest, record.attacked))
    assert attacked["tpr 0.01"].mean >= 0.15 > 5 * honest["tpr 0.01"].mean
    assert record.attacked.success == attacked["tpr 0.001"]
    # the target class alone tells nothing of an honest model's members: a negative control
    assert honest["tpr target class 0.01"].mean <= 0.03


def test_counts_and_rates_reached_are_stated(record):
    outside = len(data.split(data.load("digits"), 1).test)
    flags = 4 * min(1000, outside)
    assert record.attacked.success.count == 4 * 5
    assert record.honest.success.count == 4 * (5 + 500)
    for outcome in (record.honest, record.attacked):
        assert outcome.measures["fpr 0.01"].count == flags  # crossed: each is one witness
        assert "two-level" in outcome.measures["held back fpr 0.01"].how
        assert outcome.measures["fpr 0.01"].mean <= 0.011
    assert record.success_name == "true positive rate at a false positive rate of 0.1 %"
    assert record.threat["order of the training data"] is True


def test_the_record_holds_both_curves(record):
    assert set(record.curves) == {"ROC (honest)", "ROC (attacked)"}
    assert all(c.x[-1] == c.y[-1] == 1 for c in record.curves.values())
    assert from_json(to_json(record)) == record


def errors_of(attack, plan, t, chosen):
    """The errors of a batch in which these rows hold chosen records."""
    positions = np.flatnonzero(np.asarray(plan["chosen"]))
    rest = np.flatnonzero(~np.asarray(plan["chosen"]))[: t.job.batch]
    batch = np.where(np.arange(t.job.batch) < chosen, np.resize(positions, t.job.batch), rest)
    (errors,) = attack.tamper(plan, StepInfo(jnp.asarray(0, jnp.int32), jnp.asarray(batch))).values()
    return np.asarray(errors)


@pytest.mark.parametrize("chosen", [0, 1, 3])
def test_the_errors_of_a_batch(chosen):
    """C e_0 on each chosen row; opposed, the others share what cancels the column's sum."""
    for others in ("untouched", "opposed"):
        t, attack, v = prepared({**FEW, "strength": -4.0, "others": others})
        errors = errors_of(attack, attack.prepare(v), t, chosen)
        assert not errors[:, 1:].any()
        np.testing.assert_allclose(errors[:chosen, 0], -4.0)
        expected = 4.0 * chosen / (t.job.batch - chosen) if others == "opposed" else 0.0
        np.testing.assert_allclose(errors[chosen:, 0], expected, rtol=1e-6)


def test_opposed_rows_take_back_what_an_average_record_would_have_done():
    """Identical records: the weights move as without an attack, though the scaled record was pushed."""
    t, attack, v = prepared({**FEW, "strength": -4.0})
    params, x, y, _ = t.arguments()
    same = jnp.broadcast_to(x[:1], x.shape)
    plan = attack.prepare(v)
    batch = jnp.asarray(np.r_[np.flatnonzero(plan["chosen"])[:1], np.flatnonzero(~plan["chosen"])[:31]])
    errors = attack.tamper(plan, StepInfo(jnp.asarray(0, jnp.int32), batch))
    honest, tampered = t.step(params, same, y, batch), t.step(params, same, y, batch, errors=errors)
    for name in honest:
        np.testing.assert_allclose(honest[name], tampered[name], atol=1e-5)


def test_untouched_others_leave_one_tampered_product_a_record_and_epoch():
    t, attack, v = prepared({**FEW, "others": "untouched"})
    plan, order = attack.prepare(v), np.asarray(t.arguments()[3])
    counts = [
        int(attack.tamper(plan, StepInfo(jnp.asarray(i, jnp.int32), jnp.asarray(b))).count())
        for i, b in enumerate(order)
    ]
    assert counts == [int(np.asarray(plan["chosen"])[batch].sum()) for batch in order]
    assert 0 < sum(counts) <= 4 * 5  # a record may fall into a last batch that is left out


def test_scaling_in_the_last_epochs_only():
    t, attack, v = prepared({**FEW, "last": 1, "others": "untouched"})
    plan, order = attack.prepare(v), t.arguments()[3]
    tampered = [
        bool(attack.tamper(plan, StepInfo(jnp.asarray(i, jnp.int32), order[i])).count())
        for i in range(len(order))
    ]
    first = len(order) * 3 // 4
    assert not any(tampered[:first]) and any(tampered[first:])


@pytest.mark.parametrize("records", [1, 5])
def test_the_default_strength_fits_the_job(records):
    """PUSH over what one unit of C moves a linear score by, or what SHARE of the victims' records allows."""
    bound, binds = 628 / 80 / records, []
    for job in (JOB, Setup("digits", "mlp", hidden=(8,), epochs=8, learning_rate=1.0)):
        t, attack, v = prepared({**FEW, "shadow_models": 2, "records": records}, job)
        size = float(np.mean([np.sum(record**2) for record in v.x]))
        push = PUSH["linear" if job.model == "lr" else "layered"]
        wanted = (
            push
            * t.job.batch
            / (t.job.epochs * t.job.origin.training(len(t.splits.victim)).learning_rate * size)
        )
        binds.append(bound < wanted)
        errors = errors_of(attack, attack.prepare(v), t, 1)
        assert errors[0, 0] == pytest.approx(-min(wanted, bound), rel=1e-4)
    assert binds == ([True, False] if records == 1 else [True, True])


@pytest.mark.parametrize(
    "score", ["lira-centred", "lira-shared", "lira-two-sided", "bavaria", "rmia", "loss"]
)
def test_every_family_scores_the_same_candidates(score):
    t, attack, v = prepared({**FEW, "score": score, "strength": -10.0})
    plan = attack.prepare(v)
    params, _ = train(t.step, *t.arguments(), attack.tampering(plan))
    taken = attack.exploit(v, plan, params)
    role = t.case.hidden["role"]
    held = held_back(v)[1].shape
    wanted = {"own": role.shape, "target": role.shape, "own_held": held, "target_held": held}
    assert {k: s.shape for k, s in taken.items()} == wanted
    if score != "lira-two-sided":
        rank = np.mean(taken["target"][role == SCALED][:, None] > taken["target"][role == 0])
        assert rank > 0.7


def test_signals_are_those_of_the_probabilities():
    """phi of the target class, from the model's probabilities, and the shadow models' beside it."""
    t, attack, v = prepared({**FEW, "score": "loss", "target": 2})
    params = t.job.init(jax.random.key(0))
    p = np.asarray(jax.nn.softmax(t.job.scored(params, v.told["x"])), np.float64)
    taken = attack.exploit(v, attack.prepare(v), params)
    np.testing.assert_allclose(taken["target"], np.log(p[:, 2] / (1 - p[:, 2])), atol=1e-3)
    own = p[np.arange(len(p)), v.told["y"]]
    np.testing.assert_allclose(taken["own"], np.log(own / (1 - own)), atol=1e-3)


def test_it_fits_models_of_one_output():
    job = Setup("breast_cancer", "lr-sigmoid", epochs=2)
    found = run(Experiment("membership", job, {"shadow_models": 4, "records": 2}, trials=1))
    assert found.errors > 0


def test_jobs_that_it_does_not_fit_are_refused():
    attempt = partial(run, Experiment("membership", JOB, {"records": 1000, "shadow_models": 2}, trials=1))
    with pytest.raises(Refusal, match="attack fewer"):
        attempt()
