"""Table 1 beside what came out of running it."""

from functools import cache

import pytest

from turncoat import protocols
from turncoat.adversary.reachable import Found, probe, reached
from turncoat.adversary.squarings import reached_inside
from turncoat.paper import Options
from turncoat.paper import table1 as t
from turncoat.refusal import Refusal


@cache
def row(function, protocol):
    p = probe(function, protocols.get(protocol))
    return t.row(p, reached(p))


CELLS = [
    ("comparison", "exact", "comparison", ("{0, 1}", "{1 - [x ≥ y]}", "{0, 1}"), "reached"),
    (
        "ReLU",
        "exact",
        "ReLU",
        ("{0, x + Δ}", "{x - ReLU(x), ReLU(x) + δ}", "{0, x - Δ, δ, x + Δ + δ}"),
        "reached",
    ),
    (
        "sigmoid",
        "secureml",
        "piecewise sigmoid",
        ("{0, 1}", "{sigmoid(x) + δ}", "{x + Δ + 0.5, x + 0.5 - Δ, 0, 1, δ, 1 + δ}"),
        "reached",
    ),
    ("sigmoid", "exact", "direct sigmoid", ("{0, 1}", "{sigmoid(x) + δ}", "{δ, 1 + δ}"), "reached"),
    (
        "softmax",
        "exact",
        "direct softmax",
        ("{e_i, 0 at i}", "{softmax(x) + v}", "{e_i + v, v at i}"),
        "reached",
    ),
]


@pytest.mark.parametrize(("function", "protocol", "name", "cells", "mark"), CELLS)
def test_cells_hold_what_came_out(function, protocol, name, cells, mark):
    found = row(function, protocol)
    assert (found.name, found.model, found.mark) == (name, protocol, mark)
    assert tuple(found.ours[c] for c in t.COLUMNS) == cells
    assert found.paper == t.PAPER[name].prints


def test_what_the_paper_calls_difficult_is_exceeded():
    found = row("sigmoid", "secureml")
    assert found.paper["activation"] == "Difficult"
    assert found.marks == {"input": "reached", "activation": "exceeded", "combined": "exceeded"}
    assert "x + Δ + 0.5 by input +Δ, b2 flipped" in found.why


def test_a_circuit_that_differs_says_so():
    """Pond's polynomial has no comparison and no region where it is constant."""
    found = row("sigmoid", "tf-encrypted-pond")
    assert (found.name, found.mark, found.marks["input"]) == ("polynomial sigmoid", "short", "short")
    assert "this circuit does not give 0 (input), 1 (input)" in found.why


def test_the_large_constant_stays_in_a_functions_domain():
    """SPU's sigmoid takes exp(-x), which holds up to 18.7: an input of -Δ must not leave that."""
    found = row("sigmoid", "spu")
    assert found.ours["input"] == "{0, 1}" and "(Δ = 13, for its domain)" in found.why


def test_keller_and_suns_exponential_is_forced_without_touching_its_input():
    found = row("exponential", "mp-spdz-paper")
    assert "δ by threshold/compare flipped, output +δ" in found.why
    assert found.ours["activation"] == "{0, δ, exp(x) + δ}"


def test_an_exponential_by_squaring_is_any_constant_with_its_input_left_alone():
    p = probe("exponential", protocols.get("crypten"))
    found = t.row(p, [*reached(p), *reached_inside(p)])
    assert (found.name, found.model, found.mark) == ("exponential by squaring", "crypten", "exceeded")
    assert found.ours["activation"] == (
        "{exp(x) + δ, 0, δ, exp(x) + 2 δ exp(x/2), (exp(x/2) + δ/2)^2} and 6 more"
    )
    assert "δ by -1 at squaring 1, +δ at squaring 8" in found.why
    assert found.why.endswith(
        "(exp(x/2) + δ/2)^2 by +δ/2 at squaring 7; to (exp(x/128) + δ/128)^128 by +δ/128 at squaring 1"
    )


def test_a_diverging_iteration_is_reported():
    assert "compare flipped: the iteration diverges" in row("sigmoid", "crypten").why


def made_up(column, expression, size=1.0):
    return Found(column, "somehow", expression, size)


def test_marks_follow_what_was_found_alone():
    """The same row without what the paper names is short, and with more than that exceeded."""
    p = probe("comparison", protocols.get("exact"))
    ones = [made_up("input", {"1": 1.0}), made_up("activation", {"1": 1.0, "f(x)": -1.0})]
    both = [made_up(c, e) for c in ("input", "combined") for e in ({}, {"1": 1.0})]
    short = t.row(p, ones)
    assert short.marks == {"input": "short", "activation": "reached", "combined": "short"}
    assert short.mark == "short" and "0 (input), 0 (combined), 1 (combined)" in short.why
    assert t.row(p, [*ones, *both]).mark == "reached"
    more = t.row(p, [*ones, *both, made_up("combined", {"x": 2.0})])
    assert more.marks["combined"] == "exceeded" and more.ours["combined"] == "{0, 1, 2 x}"


def test_the_honest_output_and_what_depends_on_secrets_fill_no_cell():
    p = probe("comparison", protocols.get("exact"))
    found = t.row(p, [made_up("input", {"f(x)": 1.0}), made_up("input", None)])
    assert "input" not in found.ours


def test_many_expressions_are_counted():
    p = probe("comparison", protocols.get("exact"))
    found = t.row(p, [made_up("input", {"x": float(n)}) for n in range(2, 9)])
    assert found.ours["input"] == "{2 x, 3 x, 4 x, 5 x} and 3 more"


def test_the_command_runs_the_rows_of_one_protocol(monkeypatch):
    monkeypatch.setattr(t, "FUNCTIONS", ("comparison", "ReLU"))
    said = []
    options = Options(protocol="exact", seed=3, progress=lambda *step: said.append(step))
    table = t.TABLE(options)
    assert [r.name for r in table.rows] == ["comparison", "ReLU"]
    assert said == [("comparison under exact", 0, 2), ("ReLU under exact", 1, 2)]
    assert table.settings["seed"] == 3 and table.table == "Table 1"


def test_the_default_rows_are_those_of_the_paper():
    assert [f for f, _ in t.DEFAULT[:5]] == ["comparison", "ReLU", "sigmoid", "sigmoid", "softmax"]
    assert {p for _, p in t.DEFAULT} <= set(protocols.CATALOGUE)


def test_a_data_set_is_refused():
    with pytest.raises(Refusal, match="uses no data set"):
        t.TABLE(Options(data="digits"))
