"""Rows of tables: the paper's numbers by column, ours beside them, and the marks."""

from types import SimpleNamespace

import pytest

from report import examples
from turncoat import attacks
from turncoat.paper import CATALOGUE, Options, options, rows, table7
from turncoat.paper.table6 import columns as fairness_columns
from turncoat.paper.table6 import compared
from turncoat.refusal import Refusal
from turncoat.results.published import FAIRNESS, NUMBERS, published
from turncoat.results.reproduction import Row
from turncoat.results.values import Measured


def near(mean, half=0.002):
    return Measured(mean=mean, low=mean - half, high=mean + half, count=10)


def test_the_papers_numbers_stand_under_their_headings():
    assert rows.printed(published("amplified-poisoning", "fmnist", "mlp")) == {
        "accuracy, no attack": 0.86,
        "success, no attack": 0.0,
        "accuracy, no scaling": 0.86,
        "success, no scaling": 0.36,
        "accuracy, attack": 0.75,
        "success, attack": 0.52,
    }
    assert rows.printed(published("availability", "fmnist", "lr")) == {
        "accuracy, no attack": 0.836,
        "accuracy, attack": 0.717,
    }
    assert rows.printed(None) == {}
    assert {table for p in NUMBERS.values() if (table := p.table)} >= {
        "Table 3a",
        "Table 3b",
        "Table 7",
        "Table 8",
    }


def test_falls_of_table_6_are_differences_of_its_accuracies():
    assert FAIRNESS["LR + Boost"]["fall of target"] == 0.075
    assert FAIRNESS["LR + Boost"]["more than others"] == 0.053
    assert FAIRNESS["NN + Zeroing"]["more than others"] == 0.007


def test_columns_of_a_result_with_a_contributors_records_alone():
    plain = rows.columns(examples.result())
    assert list(plain) == [
        "accuracy, no attack",
        "success, no attack",
        "accuracy, attack",
        "success, attack",
    ]
    honest = examples.result().honest
    found = rows.columns(examples.result(poisoned=honest))
    assert found["success, no scaling"] == honest.success and len(found) == 6


PAPER = {"accuracy, no attack": 0.86, "accuracy, attack": 0.84, "success, attack": 0.52}
MARKS = [
    # honest accuracy, attacked, success: their marks
    ((0.85, 0.83, 0.53), ("reached", "exceeded")),
    ((0.85, 0.83, 0.524), ("reached", "reached")),
    ((0.85, 0.82, 0.52), ("short", "reached")),
    ((0.85, 0.85, 0.50), ("exceeded", "short")),
]


@pytest.mark.parametrize(("ours", "marks"), MARKS)
def test_marks_want_a_success_as_high_and_a_loss_as_small(ours, marks):
    names = ("accuracy, no attack", "accuracy, attack", "success, attack")
    found = rows.compared({n: near(v) for n, v in zip(names, ours, strict=True)}, PAPER)
    assert (found["accuracy, attack"], found["success, attack"]) == marks


@pytest.mark.parametrize(("value", "half"), [(0.9996, 0.00005), (0.72, 0.005), (1.0, 0.005), (0.717, 0.0005)])
def test_rounding_is_half_of_the_last_digit(value, half):
    assert rows.half_digit(value) == pytest.approx(half)


@pytest.fixture
def ran(monkeypatch):
    """Every experiment that the tables would run, each answered by one made-up result."""
    seen = []

    def run(experiment, progress, memory):
        seen.append(experiment)
        honest = examples.result().honest
        measures = {
            f"{who}_{what}": near(0.7) for who in ("target", "other") for what in ("accuracy", "positive")
        }
        measures["other_constant"] = near(0.6)
        outcome = honest.model_copy(update=measures)
        outcome = type(honest)(accuracy=honest.accuracy, success=honest.success, **measures)
        result = examples.result(honest=outcome, attacked=outcome, trials=10)
        more = {f"{k}_{w}_accuracy": (0.7,) * 10 for k in ("honest", "attacked") for w in ("target", "other")}
        return result.model_copy(update={"per_trial": {**result.per_trial, **more}})

    monkeypatch.setattr(options, "run", run)
    return seen


@pytest.mark.parametrize("table", ["table3", "table6", "table7", "table8"])
def test_a_table_has_a_row_for_each_experiment_and_runs_it_as_asked(table, ran, monkeypatch):
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: name)
    found = CATALOGUE[table](Options(trials=3, protocol="exact", seed=5))
    assert len(found.rows) == len(ran) >= 14
    assert {(e.trials, e.seed, e.job.protocol) for e in ran} == {(3, 5, "exact")}
    assert all(row.command and row.mark != "not run" for row in found.rows)
    assert any(row.paper for row in found.rows) and any(row.mark == "ours" for row in found.rows)
    assert len({(row.name, row.data, row.model, row.command) for row in found.rows}) == len(found.rows)


def test_only_the_rows_of_a_data_set_are_run(ran, monkeypatch):
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: name)
    CATALOGUE["table8"](Options(data="digits"))
    assert {e.job.data for e in ran} == {"digits"} and len(ran) == 6


def test_census_is_trained_as_the_paper_describes(ran, monkeypatch):
    """Its learning rate of 0.001 taken for the sum over a batch of 100; one row trains ten times as slowly."""
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: name)
    found = CATALOGUE["table6"](Options()).rows
    for row, e in zip(found, ran, strict=True):
        rate = 0.01 if "a tenth of the rate" in row.name else 0.1
        assert (e.job.epochs, e.job.batch, e.job.learning_rate, e.job.momentum) == (10, 100, rate, None)
        assert e.job.hidden == (50,) and e.settings["records"] == 1000 and e.trials == 10
        assert e.job.protocol == (
            "secureml" if "scaling" in row.name and "as the paper" in row.name else "crypten"
        )
    assert {e.job.data for e in ran} == {"acs_income", "acs_income-il"}
    signs = {e.settings.get("strength") for e in ran if e.job.protocol == "secureml"}
    assert signs == {2.0, -2.0}  # both readings of "towards class 1"


def of_table_6(target, other, **attacked):
    """The columns of a row whose honest accuracies are .75 on both."""
    shares = {"target_positive": near(0.3), "other_positive": near(0.3), "other_constant": near(0.65)}
    plain = examples.result().honest
    honest, after = (
        type(plain)(
            accuracy=plain.accuracy,
            success=plain.success,
            target_accuracy=near(t),
            other_accuracy=near(o),
            **{**shares, **more},
        )
        for t, o, more in ((0.75, 0.75, {}), (target, other, attacked))
    )
    result = examples.result(trials=2, honest=honest, attacked=after)
    trials = {f"honest_{who}_accuracy": (0.75, 0.75) for who in ("target", "other")}
    trials |= {"attacked_target_accuracy": (target,) * 2, "attacked_other_accuracy": (other,) * 2}
    return fairness_columns(result.model_copy(update={"per_trial": {**result.per_trial, **trials}}))


@pytest.mark.parametrize(
    ("target", "other", "marks"),
    [
        (0.65, 0.72, ("exceeded", "exceeded", "reached")),
        (
            0.60,
            0.65,
            ("exceeded", "short", "short"),
        ),  # one answer to all: the fall is that of the class's share
        (0.59, 0.65, ("exceeded", "exceeded", "short")),  # even where the shares alone make the disparity
    ],
)
def test_a_row_of_table_6_wants_both_falls_and_a_model(target, other, marks):
    ours = of_table_6(target, other, target_positive=near(0.01), other_positive=near(0.02))
    found = compared(ours, FAIRNESS["LR + Boost"])
    assert (found["fall of target"], found["more than others"], found["other, attack"]) == marks
    assert ours["class 1 on target, attack"].mean == 0.01 and ours["class 1 on other, no attack"].mean == 0.3


def test_rows_of_table_7_say_their_copies_and_their_strength(ran, monkeypatch):
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: name)
    for row, e in zip(CATALOGUE["table7"](Options()).rows, ran, strict=True):
        attack = attacks.get(e.attack, e.settings)
        assert f"{attack.copies} copies, C = {attack.strength:g}" in row.name


def test_copies_of_table_7_are_the_attacks_default():
    """Where a row has no tuned ones: one for each 2,500 of the victims' records, from 2 to 10."""
    of = {"records": 20_000, "few": 628}
    attack = attacks.get("amplified-poisoning")
    views = {name: SimpleNamespace(records=count) for name, count in of.items()}
    assert attack.copies_in(views["records"]) == table7.COPIES["purchase100"] == table7.COPIES["texas100"]
    assert attack.copies_in(views["few"]) == table7.COPIES["digits"]


def test_a_fall_is_paired_by_trial():
    before, after = (0.7, 0.8), (0.6, 0.6)
    result = examples.result(trials=2, honest=_fair(0.75, 0.7), attacked=_fair(0.6, 0.7))
    trials = {"honest_target_accuracy": before, "attacked_target_accuracy": after}
    trials |= {"honest_other_accuracy": (0.7, 0.7), "attacked_other_accuracy": (0.65, 0.7)}
    found = fairness_columns(result.model_copy(update={"per_trial": {**result.per_trial, **trials}}))
    assert found["fall of target"].mean == pytest.approx((0.1 + 0.2) / 2)
    assert found["more than others"].mean == pytest.approx((0.05 + 0.2) / 2)


def _fair(target, other):
    plain = examples.result().honest
    shares = {name: near(0.5) for name in ("target_positive", "other_positive", "other_constant")}
    return type(plain)(
        accuracy=plain.accuracy,
        success=plain.success,
        target_accuracy=near(target),
        other_accuracy=near(other),
        **shares,
    )


def rowed(data, **more):
    """The rows of a backdoor on these data."""
    return list(rows.Experiments((rows.Line("x", "backdoor", data, {"model": "lr"}, **more),))(Options()))


def test_absent_data_make_a_row_that_was_not_run(ran, monkeypatch):
    def absent(name):
        raise Refusal(f"no {name} here")

    monkeypatch.setattr(rows, "real_or_stand_in", absent)
    (row,) = rowed("fmnist")
    assert (row.mark, row.why, row.paper["success, attack"]) == ("not run", "no fmnist here", 0.9996)
    assert not ran


def test_a_stand_in_is_never_held_against_the_paper(ran, monkeypatch):
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: f"{name}-like")
    (row,) = rowed("purchase100", trials=77)
    assert isinstance(row, Row) and (row.mark, row.paper) == ("ours", {})
    assert (ran[0].job.data, ran[0].trials) == ("purchase100-like", rows.TRIALS)
    (late,) = rowed("texas100")
    assert late.mark == "not run" and late.data.endswith("(synthetic stand-in)")
    assert rowed("purchase100", papers_way=True) == [] and len(ran) == 1


def test_beside_the_paper_a_row_has_its_own_trials(ran, monkeypatch):
    monkeypatch.setattr(rows, "real_or_stand_in", lambda name: name)
    (row,) = rowed("purchase100", trials=77, papers_way=True)
    assert ran[0].trials == 77 and row.paper["success, attack"] == 1.0
