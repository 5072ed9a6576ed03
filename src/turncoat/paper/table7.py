"""Table 7: data poisoning by a colluding contributor, amplified by gradient scaling (section 5.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turncoat import attacks
from turncoat.paper.rows import Experiments, Line
from turncoat.paper.table import Table

DATA = ("fmnist", "texas100", "purchase100", "location30", "digits")
MODELS = ("lr", "mlp")
COPIES = {"fmnist": 8, "texas100": 8, "purchase100": 8, "location30": 2, "digits": 2}
"""One for each 2,500 of the victims' records, from 2 to 10, as the attack's default has it."""
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
    ("towards the label all along, as the paper", PAPERS, PAPERS_TUNED),
    ("against the record's class too", {}, TUNED),
)


def _lines() -> Iterator[Line]:
    """The rows, each named by its copies of a record and its strength, which differ between them."""
    for name in DATA:
        for model in MODELS:
            for title, settings, tuned in KINDS:
                chosen = {"copies": COPIES[name], **settings, **tuned.get((name, model), {})}
                of = attacks.get("amplified-poisoning", chosen).settings
                told = f"{of['copies']} copies, C = {of['strength']:g}"
                late = f", from {of['begin']:.0%} on" if of["begin"] else ""
                yield Line(f"{title}: {told}{late}", "amplified-poisoning", name, {"model": model}, chosen)


TABLE = Table(
    "Table 7",
    "Targeted data poisoning, amplified by gradient scaling",
    Experiments(tuple(_lines())),
    notes=(
        "No scaling: the same contributed records without any error. The attack aims at 5 test records drawn at "
        "random and one class drawn at random that is none of theirs",
        "The copies of each of them and the strength C differ by row, as they do in the paper (2 to 10, -2 to -5), "
        "which does not say which row has which: rows compare with the paper's, not with one another",
        "The accuracy is kept if it falls by no more than the paper's or by 0.01",
    ),
)
"""The contributor's records alone and scaled, as the paper describes it and as we would run it."""
