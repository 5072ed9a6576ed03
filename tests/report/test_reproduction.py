"""A table of the paper in a terminal: the paper's row above ours, cell by cell."""

import io

import pytest
from rich.console import Console

from turncoat.report.reproduction import reproduction_table
from turncoat.results.reproduction import Reproduction, Row
from turncoat.results.values import Measured


@pytest.fixture
def lines():
    row = Row(
        name="ReLU",
        data="random secrets",
        model="exact",
        paper={"input": "{0, x + Δ} of the paper, which is long", "activation": "[x ≥ y]"},
        ours={"input": "{0}", "rate": Measured(mean=0.5, low=0.25, high=0.75, count=4)},
        mark="short",
        trials=7,
        why="not all of it",
    )
    screen = Console(width=60, file=io.StringIO())
    screen.print(reproduction_table(Reproduction(table="Table 1", title="bent", rows=(row,), seconds=2.0)))
    return screen.file.getvalue().splitlines()


def test_the_papers_row_stands_above_ours(lines):
    paper, ours = (next(i for i, line in enumerate(lines) if f" {who} " in line) for who in ("paper", "ours"))
    assert paper < ours
    assert "[x ≥ y]" in lines[paper] and "short" in lines[paper]  # brackets are text, not markup
    assert "ReLU" in lines[paper] and "random" in lines[ours]
    assert "{0}" in lines[ours] and "0.5" in lines[ours]
    assert all("{0}" not in line for line in lines[:ours])  # a long cell of the paper's pushes ours down


def test_remarks_follow_the_table(lines):
    assert "ReLU: not all of it" in lines and "Table 1: bent" in lines
    assert any("7 trials" in line for line in lines)


def test_a_wide_table_goes_on_below():
    """Of eleven columns every heading stays whole; each part has the rows' names and marks."""
    ours = {f"column{i}": Measured(mean=i / 20, low=0.0, high=1.0, count=4) for i in range(11)}
    row = Row(name="wide", data="d", ours=ours, mark="ours")
    screen = Console(width=100, file=io.StringIO())
    screen.print(reproduction_table(Reproduction(table="Table 6", title="t", rows=(row,))))
    text = screen.file.getvalue()
    assert all(
        text.count(name) == (2 if name == "column1" else 1) for name in ours
    )  # column1 begins column10
    assert text.count("wide") == 2 and text.count("Mark") == 2
