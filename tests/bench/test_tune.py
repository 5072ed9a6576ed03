"""Tuning: its records are never measured on, every attack has a grid, and what is a default was tried."""

from dataclasses import replace

import numpy as np
import pytest

from bench import tune
from turncoat import attacks, data
from turncoat.data import split
from turncoat.data.sets import acs_income, synthetic
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

SEEDS = (0, 1, 2, 7, 5000, 5001)

# Attack, settings that decide what its defaults are, and those defaults that were chosen by their effect. A
# default that is None is fitted to the job; the grids' numbers for these are in docs/tuning.md.
TUNED = [
    ("amplified-backdoor", {}, ("strength", "against")),
    ("amplified-poisoning", {}, ("strength", "begin")),
    ("availability", {}, ("strength",)),
    ("availability", {"by": "scaling"}, ("strength",)),
    ("backdoor", {}, ("strength",)),
    ("backdoor", {"rows": "all"}, ("strength",)),
    ("deposit", {}, ("strength", "at")),
    ("fairness", {}, ("strength", "balance", "begin")),
    ("gradient-amplification", {}, ("strength",)),
    ("fairness", {"others": "untouched"}, ("strength", "begin")),
    ("gradient-amplification", {}, ("strength",)),
    ("membership", {}, ("others",)),
    ("neuron-override", {}, ("strength", "output")),
    ("leak-by-abort", {}, ()),  # one error, whose size decides nothing
    ("reconstruction", {}, ("strength", "read")),
    ("search", {}, ()),  # what its errors are worth it finds by held-out rehearsals
    ("sparse-backdoor", {}, ("rehearsed", "slack", "loss")),
    ("targeted", {}, ("margin",)),
    ("targeted", {"transfer": "gradient"}, ("strength",)),
    ("targeted-override", {}, ("strength", "output")),
]


def never_measured_on(dataset):
    """Whether no record of the tuning part is in a test part; at seed 0 it is in no other part either."""
    tuned = tune.tuning_part(dataset).index
    assert len(tuned) > 0
    return not any(np.isin(split(dataset, seed).test.index, tuned).any() for seed in SEEDS)


def with_parts(name):
    """Digits as a data set with official test records, with a reserve, or with neither."""
    digits = data.load("digits")
    return {
        "official": replace(digits, test_from=1_500),
        "reserve": replace(digits, reserve=np.arange(0, 1_797, 9)),
        "neither": digits,
    }[name]


@pytest.mark.parametrize("name", ["official", "reserve"])
def test_what_is_tuned_on_is_in_no_test_part(name):
    assert never_measured_on(with_parts(name))


def test_without_either_it_would_be():
    digits = with_parts("neither")
    tuned = split(digits, 0).tuning.index
    assert np.isin(split(digits, 1).test.index, tuned).any()
    with pytest.raises(Refusal, match="nothing can be tuned on digits"):
        tune.tuning_part(digits)


@pytest.mark.parametrize("name", data.names())
def test_the_rule_holds_for_every_named_data_set(name, monkeypatch):
    """Of the sets on this machine, of stand-ins on their first records and of all by one feature: indices matter."""
    draw = synthetic.draw
    monkeypatch.setattr(synthetic, "draw", lambda recipe, seed: draw(replace(recipe, records=500), seed))
    try:
        whole = data.load(name)
    except Refusal:
        pytest.skip(f"{name} is not on this machine")
    dataset = replace(whole, x=whole.x[:, :1], shape=(1,))
    if name in {job.data for grid in tune.GRIDS.values() for job in grid.jobs}:
        assert never_measured_on(dataset)
    elif dataset.test_from is None and dataset.reserve is None:
        with pytest.raises(Refusal, match="nothing can be tuned on"):
            tune.tuning_part(dataset)
    else:
        assert never_measured_on(dataset)


def test_a_file_of_the_users_is_not_tuned_on(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n" + "".join(f"{i / 50},{i % 2}\n" for i in range(50)))
    with pytest.raises(Refusal, match="nothing can be tuned on"):
        tune.tuning_part(data.load(file, label="b"))


def test_every_attack_has_a_grid_and_every_tuned_default_was_tried():
    assert {row[0] for row in TUNED} == set(attacks.CATALOGUE)
    for name, settings, tuned in TUNED:
        attack = attacks.get(name, settings)
        for setting in tuned:
            tried = [
                set(grid.settings[setting])
                for grid in tune.GRIDS.values()
                if grid.attack == name and setting in grid.settings and fits(grid, settings)
            ]
            assert any(attack.settings[setting] in values for values in tried), (name, settings, setting)


def fits(grid, settings):
    """Whether what a grid holds fixed is what these settings say, or else the default."""
    plain = attacks.get(grid.attack, settings).settings
    return all(plain[k] == v for k, v in grid.fixed.items() if k != "records")


@pytest.mark.parametrize("name", tune.GRIDS)
def test_a_grid_names_settings_that_there_are(name):
    grid = tune.GRIDS[name]
    first = {setting: values[0] for setting, values in grid.settings.items()}
    assert attacks.get(grid.attack, {**grid.fixed, **first}).settings.items() >= first.items()


def test_a_grid_prints_a_row_for_each_of_its_values(monkeypatch):
    dataset = with_parts("official")
    monkeypatch.setattr(tune.data, "load", lambda name: dataset)
    grid = tune.Grid("backdoor", (Setup(epochs=1, protocol="exact"),), {"strength": (0.0, 0.3)})
    head, line, *rows = tune.rows(grid, trials=1)
    assert head == "| model | strength | accuracy | success |" and line == "|---|---|---|---|"
    assert [row.split(" | ")[:2] for row in rows] == [["| lr", "0.0"], ["| lr", "0.3"]]
    honest, attacked = rows[0].split(" | ")[2].split(" > ")
    assert honest == attacked  # no strength, no effect: both runs are of one and the same split


def test_states_of_two_data_sets_keep_the_same_records():
    """ACSIncome with California and with Illinois share four states, and what is tuned on in either."""
    kept = []
    for first, states in (("CA", acs_income.PAPER_STATES), ("IL", acs_income.ILLINOIS_STATES)):
        counts = [{"CA": 100, "IL": 60}.get(state, 70 + i) for i, state in enumerate(states)]
        reserve = acs_income._reserve(states, counts)
        assert states[0] == first
        assert len(reserve) == len(set(reserve.tolist())) == sum(n // 7 for n in counts)
        kept.append({n - counts[0] for n in reserve.tolist() if n >= counts[0]})
    assert kept[0] == kept[1] and len(kept[0]) == 40
