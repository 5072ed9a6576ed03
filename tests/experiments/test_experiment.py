"""An experiment from end to end on real, embedded data, and the audit above it."""

from dataclasses import replace

import numpy as np
import pytest

from turncoat import attacks, data
from turncoat.experiments.audit import audit
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.trial import Trial
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.results.json import from_json, to_json
from turncoat.results.published import published

JOB = Setup(epochs=10)


@pytest.fixture(scope="module")
def result():
    return run(Experiment("backdoor", JOB, {}, trials=3, seed=1), command="again")


def test_the_backdoor_works_and_nobody_notices(result):
    assert result.attacked.success.mean >= 0.99
    assert result.honest.success.mean <= 0.05
    assert abs(result.attacked.accuracy.mean - result.honest.accuracy.mean) <= 0.01
    assert result.honest.accuracy.mean >= 0.9


def test_rates_have_two_level_intervals_over_what_they_count(result):
    test_records = len(data.split(data.load("digits"), 1).test)
    assert result.honest.accuracy.count == 3 * test_records
    for outcome in (result.honest, result.attacked):
        for rate in (outcome.accuracy, outcome.success):
            assert 0 <= rate.low <= rate.mean <= rate.high <= 1
            assert rate.how == "two-level: over models and records"
    assert result.accuracy_change.how == "two-level, paired by trial and record"
    assert result.honest.accuracy.mean == pytest.approx(np.mean(result.per_trial["honest_accuracy"]))


def test_errors_are_the_tampered_products_of_one_run(result):
    steps = JOB.job().steps(628)
    assert result.errors == steps * 10  # one row of ten classes, every step
    assert set(result.per_trial["errors"]) == {result.errors}


def test_one_trial_can_be_run_again_alone(result):
    alone = run(Experiment("backdoor", JOB, {}, trials=1, seed=3))
    assert alone.per_trial["attacked_accuracy"][0] == result.per_trial["attacked_accuracy"][2]
    assert alone.per_trial["honest_success"][0] == result.per_trial["honest_success"][2]
    assert "one model" in alone.honest.accuracy.how and "one pair" in alone.accuracy_change.how


def test_the_result_says_how_it_was_made(result):
    assert result.given == {"epochs": 10}
    assert result.defaults["strength"] == 0.1
    assert result.defaults["protocol"] == "crypten"
    assert result.seeds == (1, 2, 3)
    assert {"jax", "numpy", "python", "turncoat"} <= set(result.versions)
    assert from_json(to_json(result)) == result


def test_a_result_says_whether_it_reached_the_bar_and_whether_that_is_noticed(result):
    assert result.reached and result.unnoticed and "10 points" in result.bar
    assert result.gain.mean == pytest.approx(
        result.attacked.success.mean - result.honest.success.mean, abs=0.02
    )
    assert result.noticed.records == 359 and 0.04 < result.noticed.unpaired.mean < 0.2
    assert 0.05 < result.majority < 0.15 and result.attacked.ruined == 0


def test_the_papers_attack_is_offered_and_weaker(result):
    paper = run(Experiment("backdoor", JOB, {"rows": "all", "strength": 0.03}, trials=2, seed=1))
    assert paper.errors > 40 * result.errors
    assert paper.attacked.accuracy.mean < result.attacked.accuracy.mean
    assert "paper" in paper.notes[0]


def test_published_numbers_stand_beside_the_papers_data_only():
    found = published("backdoor", "fmnist", "lr")
    assert (found.table, found.attacked_success, found.attacked_accuracy) == ("Table 3a", 0.9996, 0.83)
    assert published("backdoor", "purchase100-like", "lr") is None
    assert published("backdoor", "digits", "lr") is None


def test_again_is_the_command_of_the_experiment():
    job = Setup("fmnist", "mlp", (64, 32), "exact", batch=50)
    said = Experiment("backdoor", job, {"strength": 0.2}, 4, 7).command
    assert said == (
        "turncoat attack backdoor --data fmnist --model mlp --hidden 64,32 --protocol exact --batch 50 "
        "--set strength=0.2 --trials 4 --seed 7"
    )


def test_again_carries_what_was_said_of_a_file():
    job = Setup("my table.csv", label="churn", contributor="bank", drop=("name", "a, b"), scale="range")
    assert Experiment("backdoor", job, {}, 1, 0).command == (
        "turncoat attack backdoor --data 'my table.csv' --label churn --contributor bank --drop 'name,\"a, b\"' "
        "--scale range --trials 1 --seed 0"
    )


def test_trials_differ_and_repeat():
    dataset = data.load("digits")
    a, b, c = (Trial.of(JOB.deployed(dataset=dataset), seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(a.splits.victim.index, b.splits.victim.index)
    np.testing.assert_array_equal(a.arguments()[0]["w0"], b.arguments()[0]["w0"])
    assert not np.array_equal(a.splits.victim.index, c.splits.victim.index)
    assert not np.array_equal(a.arguments()[0]["w0"], c.arguments()[0]["w0"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"trials": 0}, "at least one trial"),
        ({"seed": -1}, "seed must be"),
        ({"attack": "nope"}, "no attack"),
        ({"job": Setup(protocol="nope")}, "no protocol"),
        ({"job": Setup(engine="nope")}, "no engine"),
    ],
)
def test_experiments_that_cannot_be_are_refused_at_once(arguments, says):
    with pytest.raises(Refusal, match=says):
        Experiment(**arguments)


def test_stand_in_data_is_labelled():
    like = replace(data.load("breast_cancer"), name="rows-like", stand_in=True)
    found = run(Experiment("availability", Setup(epochs=1), {}, trials=1), dataset=like)
    assert found.stand_in and found.data == "rows-like"
    assert found.data_label == "rows-like (synthetic stand-in)"


# ---- the audit --------------------------------------------------------------------------------------------


def test_an_attack_that_works_unnoticed_breaks_the_job(monkeypatch):
    kept = ("backdoor", "reconstruction", "deposit")
    monkeypatch.setattr(attacks, "CATALOGUE", {name: attacks.kind(name) for name in kept})
    found = audit(JOB, trials=3)
    assert found.severity == "broken"
    assert "not enough" in found.verdict and "359 test records" in found.verdict
    assert found.shiftable["w0"] == ("dense0/grad_weights",)
    assert found.shiftable["b0"] == ()
    assert [(r.attack, r.reached, r.unnoticed) for r in found.results] == [
        ("backdoor", True, True),
        ("reconstruction", True, False),  # one record of one, in three of three trials, at a class's expense
    ]
    assert found.reasons[0].startswith("`backdoor` reached its goal") and found.honest.accuracy.low > 0.9
    assert any(reason.startswith("Honest training works") for reason in found.reasons)
    assert [one.attack for one in found.unrun] == ["deposit"]
    assert from_json(to_json(found)) == found


def test_a_job_that_no_attack_fits_is_judged_by_its_surface(monkeypatch):
    monkeypatch.setattr(attacks, "CATALOGUE", {"backdoor": attacks.kind("backdoor")})
    found = audit(Setup(model="mlp", hidden=(8,), epochs=1), trials=1)
    assert found.severity == "exposed"
    assert "No attack was run; not run: `backdoor`. This proves nothing." in found.verdict
    assert [(one.attack, one.failed) for one in found.unrun] == [("backdoor", False)]
    assert "public starting point" in found.unrun[0].why
    assert {o for o, sites in found.shiftable.items() if sites} == {"w0", "w1"}


def test_an_audit_says_what_was_made_of_the_users_table(monkeypatch, tmp_path):
    monkeypatch.setattr(attacks, "CATALOGUE", {"fairness": attacks.kind("fairness")})
    rows = [f"{i % 2 + i / 1000},{'nw'[i % 3 == 0]},{'ab'[i % 2]}" for i in range(120)]
    (tmp_path / "bank.csv").write_text("\n".join(["income,bank,churn", *rows]))
    job = Setup(str(tmp_path / "bank.csv"), epochs=2, protocol="exact", label="churn", contributor="bank")
    found = audit(job, trials=1)
    assert "Of the data: contributors are column 'bank', numbered n = 0, w = 1." in found.reasons
    (result,) = found.results
    assert result.given["contributor"] == "bank" and "--contributor bank" in result.command
    assert not any("yours.csv" in step for step in found.next_steps)


def test_an_audit_of_no_job_is_refused():
    with pytest.raises(Refusal, match="no model"):
        audit(Setup(model="nope"))
