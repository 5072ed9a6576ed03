"""Attacks against defences as tables for a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.report.numbers import counted, percent
from turncoat.results.matrix import Matrix, Row


def matrix_table(found: Matrix) -> RenderableType:
    """The defences with their prices, then each attack with what each of them leaves of it."""
    head = f"{found.model} on {found.data_label}, protocol {found.protocol}, engine {found.engine}: "
    works = f"honest test accuracy {percent(found.honest.accuracy.mean)}, {found.trials} trials"
    parts: list[RenderableType] = [Text(head + works), prices(found)]
    parts += [attacked(found, row) for row in found.rows]
    parts += [strongest(found)]
    parts += [Text(f"{name} was not run: {why}.", "dim") for name, why in found.refused.items()]
    return Group(*parts)


def outcome(found: Matrix) -> str:
    """How many attacks were set against how many defences."""
    return f"{counted(len(found.rows), 'attack')}, {counted(len(found.defences), 'defence')}"


def prices(found: Matrix) -> Table:
    """What each defence checks, and what that costs."""
    table = _table("Defence", "Sites", "Bytes x passive", "Looked at", "Deterrence", "Accuracy")
    for one in found.defences:
        factor = "" if one.factor is None else f"{one.factor:.2f}"
        looked = "" if one.looked_at is None else f"{one.looked_at:.3%}"
        table.add_row(
            one.defence, str(one.sites), factor, looked, f"{one.deterrence:.3g}", percent(one.accuracy.mean)
        )
    return table


def attacked(found: Matrix, row: Row) -> Table:
    """One attack under every defence."""
    table = _table("Defence", "Run is aborted", "Success")
    table.title = f"{row.attack}: {row.messages:,} deviating messages a run"
    table.title_justify = "left"
    table.add_row("no errors", "", percent(row.honest.mean))
    table.add_row("passive", "0%", _with_interval(row.passive))
    for one in found.defences:
        if one.defence in row.unable:
            table.add_row(one.defence, "", "has no way in")
            continue
        cell = row.cells[one.defence]
        table.add_row(one.defence, f"{cell.detected.mean:.4%}", _with_interval(cell.success))
    return table


def strongest(found: Matrix) -> Table:
    """For each defence the attack that gains most: an adversary that knows the defence gains at least that."""
    table = _table("Defence", "Strongest attack", "Success beyond honest")
    for one in found.defences:
        row = found.strongest(one.defence)
        if row is not None:
            gain = row.cells[one.defence].success.mean - row.honest.mean
            table.add_row(one.defence, row.attack, f"{100 * gain:+.1f} points")
    table.caption = (
        "Attacks as planned without the defence in mind: a lower bound of what an adversary gains."
    )
    return table


def _with_interval(measured: object) -> str:
    mean, low, high = (getattr(measured, name) for name in ("mean", "low", "high"))
    return f"{mean:.1%} ({100 * low:.1f} to {high:.1%})"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold")
    return table
