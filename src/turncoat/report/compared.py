"""Two runs beside each other, in words."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.report import numbers
from turncoat.results.comparison import Change, Comparison
from turncoat.results.sentences import signed

READING = (
    "A change is after minus before, in points, with its 95% interval: paired by trial where both runs drew the same "
    "seeds on the same data, from the two intervals where they did not. It is called better or worse for those who "
    "train only where that interval leaves out 0."
)
COLOURS = {"better": "green", "worse": "red", "only after": "yellow", "only before": "yellow"}


def in_a_sentence(found: Comparison) -> str:
    """How many numbers got better, and how many worse."""
    said = [_many([c for c in found.changes if c.trend == name], name) for name in ("worse", "better")]
    rest = [c for c in found.changes if c.trend not in ("worse", "better")]
    before, after = found.before.severity, found.after.severity
    verdict = f" The verdict went from {before} to {after}." if before != after and before and after else ""
    same = f" The verdict stayed {after}." if before and before == after else ""
    return f"For those who train, {said[0]} and {said[1]}; of {len(rest)} nothing can be said.{verdict}{same}"


def _many(changes: list[Change], trend: str) -> str:
    named = f" ({', '.join(c.attack for c in changes)})" if changes else ""
    return f"{numbers.counted(len(changes), 'number')}{named} got {trend}"


def sides(found: Comparison) -> list[str]:
    """The two runs, each in a line."""
    named = (("Before", found.before), ("After", found.after))
    return [f"{name}: {side.title}, {side.created:%Y-%m-%d %H:%M} UTC." for name, side in named]


def change(row: Change) -> str:
    """The change in points; a dash where one run lacks the number."""
    return "\u2013" if row.change is None else signed(row.change.mean, 1)


def interval(row: Change) -> str:
    """Its interval, and whether it is paired."""
    if row.change is None:
        return ""
    return f"{signed(row.change.low, 1)} to {signed(row.change.high, 1)}{', paired' if row.paired else ''}"


def errors(row: Change) -> str:
    """The numbers of errors, before and after."""
    if row.errors == (None, None):
        return ""
    before, after = ("\u2013" if e is None else numbers.whole(e) for e in row.errors)
    return before if before == after else f"{before} {numbers.ARROW} {after}"


def goal(row: Change) -> str:
    """Whether the goal was reached, before and after."""
    if None in row.reached:
        return ""
    before, after = ("reached" if r else "not reached" for r in row.reached)
    return f"goal {before}" if before == after else f"goal {before}, then {after}"


def comparison_table(found: Comparison) -> RenderableType:
    """The comparison for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Attack", overflow="fold", ratio=1)
    for heading in ("Before", "After", "Change,\npoints", "Errors"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in found.changes:
        cells = ["\u2013" if m is None else numbers.percent(m.mean) for m in (row.before, row.after)]
        moved = Text.assemble(change(row), "\n", (interval(row), "dim"))
        trend = Text.assemble((row.trend, COLOURS.get(row.trend, "")), "\n", (goal(row), "dim"))
        table.add_row(Text(row.attack), *map(Text, cells), moved, Text(errors(row)), trend)
    lines = [Text(line) for line in (in_a_sentence(found), *sides(found))]
    lines += [Text(f"Not the same: {line}", "yellow") for line in found.differences]
    return Group(*lines, table, Text(READING, "dim"))
