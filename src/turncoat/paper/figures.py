"""Figures 2 and 3: training records reconstructed by one large scaling in the last batch (section 5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turncoat.paper.rows import Columns, Experiments, Line
from turncoat.paper.table import Table
from turncoat.results.reproduction import Mark, lower
from turncoat.results.result import Result
from turncoat.results.values import Measured

PAPER: dict[tuple[str, str], dict[str, float | str]] = {
    ("fmnist", model): {"mean absolute error": error, "accuracy, attack": 0.10}
    for model, error in (("lr", 0.017), ("mlp", 0.036))
}
READINGS = {"neuron": "one neuron, as the paper", "all": "all neurons"}
NOTES = (
    "The mean absolute error is a share of the features' range",
    "The paper picks a neuron by eye; here the one is picked whose weights are best explained by a record of "
    "the adversary's own population, or one record is fitted to all neurons and denoised by a Gaussian "
    "fitted to the adversary's records",
)


def columns(result: Result) -> dict[str, Measured]:
    """A result's numbers under the figures' headings."""
    return {
        "mean absolute error": result.attacked.measures["mae"],
        "records within 0.05": result.attacked.success,
        "accuracy, no attack": result.honest.accuracy,
        "accuracy, attack": result.attacked.accuracy,
    }


def compared(ours: Columns, paper: Mapping[str, Any]) -> dict[str, Mark]:
    """The mark: an error at most the paper's."""
    return {"mean absolute error": lower(ours["mean absolute error"], paper["mean absolute error"], 0.0005)}


def _lines(name: str, model: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            title,
            "reconstruction",
            data,
            {"model": model},
            {"read": read},
            PAPER.get((data, model), {}),
            picture=f"{name}-{data}-{read}.png",
        )
        for data in ("fmnist", "digits")
        for read, title in READINGS.items()
    )


FIGURE2, FIGURE3 = (
    Table(f"Figure {number}", title, Experiments(_lines(f"figure{number}", model), columns, compared), NOTES)
    for number, model, title in (
        (2, "lr", "Reconstruction from logistic regression"),
        (3, "mlp", "Reconstruction from a neural network"),
    )
)
