"""A table of the paper beside ours, for a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.report import glossary, numbers, words
from turncoat.results.reproduction import Reproduction, Reproductions, Row, stands_in
from turncoat.results.values import Measured

MOST = 6
"""How many columns of numbers stand side by side."""
COLOURS = {"exceeded": "green", "reached": "green", "short": "red", "not run": "yellow", "ours": "cyan"}


def reproduction_table(found: Reproduction) -> RenderableType:
    """Every row: the paper's number above ours with its interval, and how ours stands to it.

    More than `MOST` columns do not fit side by side: the rows are shown again for the rest of them.
    """
    columns = list(dict.fromkeys(c for row in found.rows for c in (*row.paper, *row.ours)))
    parts = [columns[i : i + MOST] for i in range(0, max(len(columns), 1), MOST)]
    lines: list[RenderableType] = [Text.assemble((found.table, "bold"), f": {found.title}")]
    lines += [_table(found.rows, part) for part in parts]
    lines += [Text(f"{row.name}: {row.why}", style="yellow") for row in found.rows if row.why]
    if stands_in(found):
        lines.append(Text(glossary.STAND_IN_WARNING, style="yellow"))
    lines += [Text(words.sentence(note), style="dim") for note in found.notes]
    lines.append(Text(f"It took {numbers.duration(found.seconds)}.", style="dim"))
    return Group(*lines)


def reproductions_table(found: Reproductions) -> RenderableType:
    """All tables, and where the time went."""
    time = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Where the time went", title_justify="left")
    for heading in ("", "Rows", "Took"):
        time.add_column(heading, justify="right" if heading else "left")
    for one in found.tables:
        time.add_row(one.table, str(len(one.rows)), numbers.duration(one.seconds))
    time.add_row("together", str(len(found.rows)), numbers.duration(found.seconds))
    return Group(*(reproduction_table(one) for one in found.tables), time)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    """The rows with some of their columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "", *columns, "Mark"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        paper, ours = ([Text(_number(of.get(c))) for c in columns] for of in (row.paper, row.ours))
        table.add_row(Text(row.name), Text("paper", style="dim"), *paper, _mark(row))
        table.add_row(_facts(row), Text("ours", style="dim"), *ours, "")
    return table


def _facts(row: Row) -> RenderableType:
    trials = f"{row.trials} trials" if row.trials else ""
    facts = " ".join(part for part in (row.data, row.model) if part)
    return Text("\n".join(part for part in (facts, trials) if part), style="dim")


def _number(value: Measured | float | str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, Measured):
        return f"{numbers.plain(value.mean)}\n{numbers.plain_span(value)}"
    return value if isinstance(value, str) else numbers.plain(value)


def _mark(row: Row) -> RenderableType:
    return Text(row.mark, style=COLOURS[row.mark])
