"""Table 7: data poisoning by a colluding contributor, amplified by gradient scaling (section 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turncoat.paper.rows import Experiments, Line
from turncoat.paper.table import Table

DATA = ("fmnist", "texas100", "purchase100", "location30", "digits")
MODELS = ("lr", "mlp")
PAPERS: Mapping[str, Any] = {"against": "nothing", "begin": 0.0}
# docs/tuning.md, "Amplified poisoning"
TUNED: dict[tuple[str, str], Mapping[str, Any]] = {
    ("fmnist", "lr"): {"copies": 10, "strength": -4.0, "begin": 0.0},
    ("fmnist", "mlp"): {"copies": 6, "begin": 0.5},
}
PAPERS_TUNED: dict[tuple[str, str], Mapping[str, Any]] = {
    ("fmnist", "lr"): {"copies": 10, "strength": -5.0},
    ("fmnist", "mlp"): {"copies": 10, "strength": -2.0},
}
# what is done, its settings, and those that depend on data and model
KINDS: tuple[tuple[str, Mapping[str, Any], Mapping[tuple[str, str], Mapping[str, Any]]], ...] = (
    ("scaled towards the label all along, as the paper", PAPERS, PAPERS_TUNED),
    ("scaled against the record's class too", {}, TUNED),
)


TABLE = Table(
    "Table 7",
    "Targeted data poisoning, amplified by gradient scaling",
    Experiments(
        tuple(
            Line(
                title,
                "amplified-poisoning",
                name,
                {"model": model},
                {**settings, **tuned.get((name, model), {})},
            )
            for name in DATA
            for model in MODELS
            for title, settings, tuned in KINDS
        )
    ),
    notes=(
        "No scaling: the same contributed records without any error. The attack aims at 5 test records drawn at "
        "random and one class drawn at random that is none of theirs",
        "The accuracy is kept if it falls by no more than the paper's or by 0.01",
    ),
)
"""The contributor's records alone and scaled, as the paper describes it and as we would run it."""
