"""The answers of `turncoat detect`, as a table and in words."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.results.detection import Detection

CONDITION = (
    "Holds for coins that the corrupt party cannot foresee, tossed after its messages: see docs/defences.md."
)


def detection_table(found: Detection) -> RenderableType:
    """A row for each question."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for question, answer in found.answers:
        table.add_row(Text(question), Text(answer))
    return Group(table, Text(CONDITION, "dim"))


def outcome(found: Detection) -> str:
    """The first answer, in a few words."""
    question, answer = found.answers[0]
    return f"{question}: {answer}"
