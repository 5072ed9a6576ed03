"""Table 8: availability by parameter transfer (section 5.7), and by the other two strategies that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turncoat.paper.rows import Columns, Experiments, Line, half_digit
from turncoat.paper.table import Table
from turncoat.results.reproduction import Mark, lower
from turncoat.results.result import Result
from turncoat.results.values import Measured

SMALL = 0.32  # of a shift: just above what costs as much as the paper on the tuning part (docs/tuning.md)
DATA = ("fmnist", "texas100", "location30", "digits")
# model, what is done, settings; the paper has the first alone, "a small shift"
ATTACKS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("lr", "a small shift, as the paper", {"strength": SMALL}),
    ("lr", "a large shift", {}),
    ("lr", "heavy scaling", {"by": "scaling"}),
    ("mlp", "a large shift", {}),
    ("mlp", "heavy scaling", {"by": "scaling"}),
    ("mlp", "zeroing", {"by": "zeroing"}),
)


def accuracies(result: Result) -> dict[str, Measured]:
    """A result's accuracies alone."""
    return {"accuracy, no attack": result.honest.accuracy, "accuracy, attack": result.attacked.accuracy}


def compared(ours: Columns, paper: Mapping[str, Any]) -> dict[str, Mark]:
    """The mark: an accuracy no higher than the paper's."""
    value = paper["accuracy, attack"]
    return {"accuracy, attack": lower(ours["accuracy, attack"], value, half_digit(value))}


TABLE = Table(
    "Table 8",
    "Availability attacks",
    Experiments(
        tuple(
            Line(title, "availability", name, {"model": model}, settings)
            for name in DATA
            for model, title, settings in ATTACKS
        ),
        accuracies,
        compared,
    ),
)
"""Accuracies with and without each attack."""
