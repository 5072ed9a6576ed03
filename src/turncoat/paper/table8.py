"""Table 8: availability by parameter transfer (section 5.7), and by the other two strategies that it names."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turncoat.experiments.experiment import versions
from turncoat.paper.options import Options
from turncoat.paper.rows import Columns, attack_row, half_digit
from turncoat.results.reproduction import Mark, Reproduction, lower
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


def table8(options: Options) -> Reproduction:
    """Accuracies with and without each attack."""
    began = time.perf_counter()
    rows = [
        attack_row(
            title,
            name,
            "availability",
            {"model": model},
            options,
            settings,
            compare=compared,
            show=accuracies,
        )
        for name in DATA
        if options.wants(name)
        for model, title, settings in ATTACKS
    ]
    return Reproduction(
        table="Table 8",
        title="Availability attacks",
        rows=tuple(rows),
        settings=options.settings(),
        seconds=time.perf_counter() - began,
        versions=versions(),
    )


def accuracies(result: Result) -> dict[str, Measured]:
    """A record's accuracies alone."""
    return {"accuracy, no attack": result.honest.accuracy, "accuracy, attack": result.attacked.accuracy}


def compared(ours: Columns, paper: Mapping[str, Any]) -> dict[str, Mark]:
    """The mark: an accuracy no higher than the paper's."""
    value = paper["accuracy, attack"]
    return {"accuracy, attack": lower(ours["accuracy, attack"], value, half_digit(value))}
