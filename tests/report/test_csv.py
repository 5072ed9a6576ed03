"""Trials as rows."""

import csv
import io

import pytest

from report import examples
from turncoat.report.csv import per_trial_csv


def test_one_row_per_trial():
    result = examples.result()
    rows = list(csv.DictReader(io.StringIO(per_trial_csv([result]))))
    assert len(rows) == 10
    assert [int(row["seed"]) for row in rows] == list(result.seeds)
    assert [int(row["trial"]) for row in rows] == list(range(10))
    assert tuple(float(row["attacked_success"]) for row in rows) == result.per_trial["attacked_success"]
    assert rows[0]["errors"] == "2000"


def test_results_share_a_table():
    plain = examples.result()
    richer = examples.reconstruction().model_copy(update={"data_label": 'a, "b"'})
    richer = richer.model_copy(update={"per_trial": richer.per_trial | {"distance": (0.5,) * 10}})
    rows = list(csv.DictReader(io.StringIO(per_trial_csv([plain, richer]))))
    assert len(rows) == 20
    assert (rows[0]["distance"], rows[10]["distance"]) == ("", "0.5")
    assert rows[10]["data_label"] == 'a, "b"'


def test_no_results_give_a_heading_alone():
    assert per_trial_csv([]) == "attack,data,data_label,model,protocol,engine,trial,seed\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\n="])
def test_a_text_is_no_formula_but_negative_numbers_stay_numbers(start):
    result = examples.result()
    per_trial = {**result.per_trial, f"{start}gain": (-0.5,) * 10}
    result = result.model_copy(update={"data": f"{start}cmd|' /C calc'!A0", "per_trial": per_trial})
    (heading, first, *_) = csv.reader(io.StringIO(per_trial_csv([result]), newline=""))
    shown = " =" if len(start) > 1 else start
    assert first[heading.index("data")] == f"'{shown}cmd|' /C calc'!A0"
    assert first[heading.index(f"'{shown}gain")] == "-0.5"
    assert first[heading.index("model")] == result.model
