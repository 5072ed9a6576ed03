"""Table 5: which rows there are, how they are marked, and that they come from experiments."""

from dataclasses import replace

import pytest

import small_runs
from turncoat import data
from turncoat.paper import Options, get, options, rows
from turncoat.paper import table5 as module
from turncoat.refusal import Refusal
from turncoat.results import published
from turncoat.results.json import to_json
from turncoat.results.values import Measured

table5 = module.TABLE


@pytest.fixture(scope="module")
def result():
    return small_runs.result("membership")


@pytest.fixture
def asked(result, monkeypatch):
    """The experiments that the table runs; each gives the same small result."""
    experiments = []

    def small(experiment, _progress, memory):
        experiments.append(experiment)
        if experiment.job.data == "fmnist":
            data.load("fmnist")  # refuses where it is not
        return result

    monkeypatch.setattr(options, "run", small)
    return experiments


def present(name):
    try:
        data.load(name)
    except Refusal:
        return False
    return True


def test_rows_of_ones_own_have_no_paper(asked):
    found = get("table5")(Options(trials=2, data="digits"))
    assert [(r.data, r.model, r.mark, r.paper) for r in found.rows] == [
        ("digits", "lr", "ours", {}),
        ("digits", "mlp", "ours", {}),
    ]
    assert all(e.trials == 2 and e.attack == "membership" and e.settings == {} for e in asked)
    assert found.rows[0].command.startswith("turncoat attack membership")
    assert "Table 5" in to_json(found)


def test_papers_rows_are_run_as_ours_and_as_the_papers_or_say_why_not(asked):
    rows = table5(Options(data="fmnist", trials=1)).rows
    assert all(row.paper == published.MEMBERSHIP["fmnist", row.model] for row in rows)
    if present("fmnist"):
        papers = [{"others": "untouched", "records": count} for count in (1, 10, 50, 200)]
        assert [e.settings for e in asked] == [{}, *papers] * 2
        assert all(str(e.settings.get("records", 10)) in row.name for e, row in zip(asked, rows, strict=True))
        assert sum("does not say how many" in row.name for row in rows) == 8
    else:
        assert [row.mark for row in rows] == ["not run"] * 10
        assert all("not on this machine" in row.why for row in rows)


@pytest.mark.parametrize("name", ["texas100", "purchase100"])
def test_a_stand_in_is_never_compared_with_the_paper(asked, name):
    if present(name):
        pytest.skip(f"{name} itself is here")
    for row in table5(Options(data=name, trials=1)).rows:
        assert row.paper == {} and row.mark == "ours"
    assert {e.job.data for e in asked} == {f"{name}-like"}


def test_the_costly_stand_in_runs_only_when_asked_for(asked):
    if present("texas100"):
        pytest.skip("texas100 itself is here")
    rows = [r for r in table5(Options(trials=1)).rows if r.data.startswith("texas100")]
    assert [r.mark for r in rows] == ["not run"] * 2
    assert all("--data texas100" in r.why and "stand-in" in r.data for r in rows)
    assert not any(e.job.data.startswith("texas100") for e in asked)


def test_columns_are_the_results_measures(result):
    found = module.columns(result)
    assert found["TPR at 0.1 %, scaling"] == result.attacked.success
    assert found["TPR at 0.1 %, no scaling"] == result.honest.success
    assert found["accuracy, attack"] == result.attacked.accuracy
    assert set(published.COLUMNS5) < set(found)


def measured(mean, low, high):
    return Measured(mean=mean, low=low, high=high, count=1000)


OURS = {
    "TPR at 0.1 %, scaling": measured(0.10, 0.08, 0.12),
    "TPR at 1 %, scaling": measured(0.12, 0.09, 0.15),
    "TPR at 0.1 %, no scaling": measured(0.002, 0.001, 0.004),
    "TPR at 1 %, no scaling": measured(0.02, 0.017, 0.024),
    "accuracy, no attack": measured(0.84, 0.83, 0.85),
    "accuracy, attack": measured(0.82, 0.81, 0.83),
}


def test_marks():
    """High with scaling, in agreement without, and a loss of accuracy of at most 0.02."""
    printed = published.MEMBERSHIP["fmnist", "lr"]
    marks = module.compared(OURS, printed)
    assert marks == {
        "TPR at 0.1 %, scaling": "exceeded",
        "TPR at 1 %, scaling": "reached",
        "TPR at 0.1 %, no scaling": "reached",
        "TPR at 1 %, no scaling": "short",
        "accuracy, attack": "reached",
    }
    worse = {**OURS, "accuracy, attack": measured(0.81, 0.80, 0.82)}
    assert module.compared(worse, printed)["accuracy, attack"] == "short"


def test_trials_are_the_tables_own_unless_asked(asked):
    options = Options(data="digits")
    table5(options)
    assert {e.trials for e in asked} == {rows.TRIALS}
    asked.clear()
    table5(replace(options, trials=3, seed=5))
    assert {(e.trials, e.seed) for e in asked} == {(3, 5)}


def test_rows_of_one_model_share_their_shadow_models(asked):
    """They differ in what is scaled and in trials: not in split, program or seed, which shadow models depend on."""
    table5(Options(data="digits"))
    jobs = {e.job for e in asked}
    assert len(jobs) == 2 and {e.seed for e in asked} == {0}


def test_many_scaled_records_make_few_trials():
    lines = [x for x in module.TABLE.rows.lines if x.data == "fmnist" and x.job["model"] == "lr"]
    counts = {x.settings["records"]: x.trials for x in lines if x.papers_way}
    assert counts == {1: 100, 10: 100, 50: 20, 200: 10}
