"""Figures 2 and 3 on embedded data, and what every reproduction says of itself."""

import json

import pytest

from turncoat.paper import CATALOGUE, Options, get
from turncoat.refusal import Refusal
from turncoat.results.json import to_json
from turncoat.results.reproduction import higher, kept, lower, overall
from turncoat.results.values import Measured


@pytest.mark.parametrize("name", ["figure2", "figure3"])
def test_records_are_reconstructed_from_both_models(name):
    options = Options(trials=1, protocol="exact", data="digits", seed=3)
    found = get(name)(options)
    assert [row.mark for row in found.rows] == ["ours", "ours"]
    for row in found.rows:
        assert row.ours["mean absolute error"].mean < 0.05
        assert row.errors == 1 and row.trials == 1
    assert all(image.startswith(b"\x89PNG") for image in options.images.values()) and len(options.images) == 2
    parsed = json.loads(to_json(found))
    assert {"table", "rows"} <= set(parsed)
    assert {"name", "data", "model", "paper", "ours", "mark"} <= set(parsed["rows"][0])


def test_rows_without_their_data_say_so(monkeypatch, tmp_path):
    monkeypatch.setenv("TURNCOAT_DATA", str(tmp_path))
    found = get("figure2")(Options(trials=1, data="fmnist"))
    assert {row.mark for row in found.rows} == {"not run"}
    assert all("fmnist" in row.why for row in found.rows)
    assert found.rows[0].paper["mean absolute error"] == 0.017


def measured(mean, low, high):
    return Measured(mean=mean, low=low, high=high, count=10)


MARKS = [
    (higher(measured(0.9, 0.89, 0.91), 0.9), "reached"),
    (higher(measured(0.896, 0.88, 0.91), 0.9), "reached"),
    (higher(measured(0.88, 0.86, 0.9), 0.9), "short"),
    (higher(measured(0.99, 0.98, 1.0), 0.9), "exceeded"),
    (lower(measured(0.017, 0.016, 0.018), 0.017, 0.0005), "reached"),
    (lower(measured(0.01, 0.009, 0.011), 0.017, 0.0005), "exceeded"),
    (lower(measured(0.03, 0.02, 0.04), 0.017, 0.0005), "short"),
    (kept(measured(0.84, 0.83, 0.85), measured(0.83, 0.82, 0.84), 0.01), "reached"),
    (kept(measured(0.84, 0.83, 0.85), measured(0.84, 0.83, 0.85), 0.01), "exceeded"),
    (kept(measured(0.84, 0.83, 0.85), measured(0.80, 0.79, 0.81), 0.01), "short"),
    (overall({"a": "exceeded", "b": "reached"}), "reached"),
    (overall({"a": "exceeded", "b": "short", "c": "ours"}), "short"),
    (overall({}), "ours"),
]


@pytest.mark.parametrize(("mark", "expected"), MARKS)
def test_marks(mark, expected):
    assert mark == expected


def test_the_catalogue_refuses_what_the_paper_does_not_have():
    with pytest.raises(Refusal, match="no 'figure4' to reproduce; the nearest are"):
        get("figure4")
    assert set(CATALOGUE) >= {"figure2", "figure3"}


@pytest.mark.parametrize(
    ("choice", "says"),
    [({"trials": 0}, "at least one trial"), ({"seed": -1}, "seed"), ({"protocol": "none"}, "no protocol")],
)
def test_choices_that_cannot_be_are_refused(choice, says):
    with pytest.raises(Refusal, match=says):
        Options(**choice)
