"""Table 4 in small: a row of our own run, and which rows there are."""

import pytest

from turncoat.paper import Options
from turncoat.paper.rows import Experiments, Line
from turncoat.paper.table4 import TABLE


@pytest.fixture(scope="module")
def row():
    job = {"model": "mlp", "hidden": (16,), "epochs": 6}
    line = Line("hidden 16", "neuron-override", "digits", job)
    (found,) = Experiments((line,))(Options(trials=1, protocol="exact"))
    return found


def test_a_row_holds_both_runs_and_the_command(row):
    assert row.ours["success, attack"].mean > 0.9 > 0.1 > row.ours["success, no attack"].mean
    assert (row.mark, row.model, row.data, row.trials) == ("ours", "mlp", "digits", 1)
    assert "turncoat attack neuron-override --model mlp --hidden 16" in row.command


def test_the_table_has_a_row_for_each_network(monkeypatch, row):
    asked = []

    def made(_, plan, options):
        line = plan.line
        asked.append((line.title, line.data, line.attack, line.job["model"]))
        return row.model_copy(update={"name": line.title})

    monkeypatch.setattr(Experiments, "row", made)
    found = TABLE(Options(data="fmnist"))
    titles = ["hidden 128", "hidden 32", "hidden 256", "hidden 64, 32", "hidden 100"]
    models = ["mlp"] * 4 + ["cnn"]
    assert asked == [(t, "fmnist", "neuron-override", m) for t, m in zip(titles, models, strict=True)]
    assert [r.name for r in found.rows] == titles
    assert len(TABLE(Options()).rows) == 14


def test_without_data_the_papers_numbers_stand_with_the_reason():
    found = {(r.data, r.model): r for r in TABLE(Options(data="fmnist")).rows}
    assert found["fmnist", "mlp"].paper["success, attack"] == 0.90
    assert found["fmnist", "cnn"].paper == {}
    assert all(r.mark == "not run" and "fmnist is not on this machine" in r.why for r in found.values())
