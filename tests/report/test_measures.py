"""Headings and numbers of the goals' further measures."""

import pytest

import small_runs
from turncoat import attacks
from turncoat.report import measures, words
from turncoat.report.measures import NUMBERS, SHARES, Shown, shown, title
from turncoat.results.values import Measured

TITLES = [
    ("mae", "Mean absolute error, as a share of the features' range"),
    ("tpr 0.001", "TPR, at 0.1% FPR"),
    ("per record fpr 0.01", "FPR, each record by its own p-value, at 1% FPR"),
    ("other accuracy", "Accuracy on the other parties' records"),
    ("something new", "Something new"),
    ("something new 0.01", "Something new 0.01"),
    ("mae worst", "Mae worst"),
]


@pytest.mark.parametrize(("name", "expected"), TITLES)
def test_titles(name, expected):
    assert title(name) == expected


NUMBERS_SHOWN = [
    ("tpr 0.01", Shown("12.3%", "10.0 to 15.0%")),
    ("spot check", Shown("12.3%", "10.0 to 15.0%")),
    ("mae", Shown("0.123", "0.1 to 0.15")),
    ("something new", Shown("0.123", "0.1 to 0.15")),
]


@pytest.mark.parametrize(("name", "expected"), NUMBERS_SHOWN)
def test_shares_are_percentages(name, expected):
    assert shown(name, Measured(mean=0.1234, low=0.1, high=0.15, count=9, confidence=0.95)) == expected


@pytest.mark.parametrize("name", small_runs.SMALL)
def test_every_measure_of_an_attack_has_a_title(name):
    result = small_runs.result(name)
    assert name in attacks.CATALOGUE
    known = {**SHARES, **NUMBERS}
    for measure in (*result.attacked.measures, *result.honest.measures):
        assert measure in known or measure.rpartition(" ")[0] in known, measure
    assert len(words.measures(result)) == len(result.attacked.measures.keys() | result.honest.measures.keys())
    assert all(one is None or one.mean for row in words.measures(result).values() for one in row)
    assert measures.title(next(iter(result.attacked.measures))) in words.measures(result)


def test_a_report_says_once_how_its_intervals_were_made():
    made = words.intervals(small_runs.result("membership"))
    assert len(made) == len(set(made)) > 2
    assert sum("TPR" in one or "tpr" in one for one in made) >= 1
    assert any("two-level, paired by trial and record" in one and "change of accuracy" in one for one in made)
