"""Results as tables for a terminal, 80 columns wide or more."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from turncoat.report import glossary, numbers, remedy, summary, words
from turncoat.report.grouping import groups
from turncoat.results.audit import AuditResult, SiteRow
from turncoat.results.result import Result
from turncoat.results.threats import ranked, threats
from turncoat.results.values import Measured

COLOURS = {
    "broken": "red",
    "noticeable": "red",
    "exposed": "yellow",
    "unknown": "magenta",
    "protected": "green",
}


def attack_table(result: Result) -> RenderableType:
    """One attack: honest beside attacked beside the paper's numbers, each with its interval."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *words.runs(result).values(), *_paper_headings(result)):
        table.add_column(heading, justify="right" if heading else "left")
    for name, label in (("accuracy", "Test accuracy"), ("success", words.capital(result.success_name))):
        table.add_row(*_measured_row(result, name, label))
    for name, of_runs in words.measures(result).items():
        table.add_row(_text(name), *("" if one is None else _cell(*one) for one in of_runs))
    lines: list[RenderableType] = [
        Text.assemble((result.attack, "bold"), f": {words.origin(result)}"),
        _text(words.purpose(result), "italic"),
        table,
        _text(words.headline(result)),
        *map(_text, words.judgement(result)),
        _text(words.sentence("; ".join(words.facts(result))), "dim"),
    ]
    lines += [_text(f"Note: {note}", "yellow") for note in words.notes(result)]
    lines += [_text(made, "dim") for made in words.intervals(result)]
    return Group(*lines)


def audit_table(audit: AuditResult, detail: int = 3) -> RenderableType:
    """A whole audit. `detail` 1: the verdict; 2: and each threat, and what to do next; 3: and why, every attack and
    the surface in groups; 4: and how the intervals were made, and every site."""
    parts: list[RenderableType] = [_verdict(audit, detail)]
    if detail > 1:
        parts += [_text(words.introduction(audit), "dim"), _text(words.subject(audit))]
        parts += _threats(audit)
        parts += _remedies(audit)
    if detail > 2:
        parts += _list("Why", audit.reasons)
        if audit.results:
            parts += [_heading("Attacks that were tried"), _attack_rows(ranked(audit.results))]
            parts.append(_text(words.reading(audit.results), "dim"))
    if detail > 1:
        parts += _list("What was not run", words.left_out(audit.unrun))
    if words.stands_in(audit):
        parts.append(_text(glossary.STAND_IN_WARNING, "yellow"))
    if audit.surface and detail > 2:
        table = surface_table(audit.surface, audit.shiftable, brief=detail < 4)
        parts += [_heading("What one corrupt party can touch"), table]
    if audit.results and detail > 3:
        parts += [_heading("How the intervals were made"), _text(glossary.INTERVALS)]
        parts += map(_text, words.all_intervals(audit.results))
    if detail > 1:
        parts += _list("What to do next", audit.next_steps)
    parts.append(_text(f"\nThe audit took {numbers.duration(audit.seconds)}.", "dim"))
    return Group(*parts)


def _verdict(audit: AuditResult, detail: int) -> Panel:
    colour = COLOURS[audit.severity]
    said: list[str | tuple[str, str]] = [
        (audit.severity.upper(), f"bold {colour}"),
        f": {glossary.SEVERITIES[audit.severity]}.\n\n",
    ]
    said.append((summary.in_a_sentence(audit), "bold"))
    more = Text.assemble("\n\n", _prose(audit.verdict)) if detail > 1 else Text()
    return Panel(Text.assemble(*said, more), title="Verdict", border_style=colour, padding=(1, 2))


def _threats(audit: AuditResult) -> list[RenderableType]:
    """A row for each threat: whether it came true, by which attack, and what that did."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Threat, and the\nworst attack", overflow="fold", ratio=1)
    for heading in ("Success", "Accuracy,\npoints", "Errors", "Noticed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for threat in threats(audit):
        name = Text.assemble((summary.TITLES[threat.harm], "bold"), f": {summary.outcome(threat).lower()}")
        worst = threat.worst
        cells: list[RenderableType] = []
        if worst is not None:
            name.append(f"\n{worst.attack}\n").append(f"({summary.reference(worst)})", "dim")
            cells = [
                _cell(numbers.percent(worst.attacked.success.mean), numbers.span(worst.attacked.success)),
                _cell(summary.accuracy(worst), summary.accuracy_interval(worst)),
                _text(numbers.whole(worst.errors)),
                _cell(summary.noticed(worst), summary.noticed_interval(worst)),
            ]
        table.add_row(name, *cells)
    return [_heading("What one party can do"), table] if table.row_count else []


def _remedies(audit: AuditResult) -> list[RenderableType]:
    """What would have stopped each threat, its price, and who would have been named."""
    rows = remedy.rows(audit)
    if not rows:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Threat", "Check", "Price", "Named"):
        table.add_column(heading, overflow="fold")
    for one, checks, price, who in rows:
        table.add_row(Text(summary.TITLES[one.harm], "bold"), _prose(checks), _text(price), _text(who))
    notes = [_prose(line) for line in remedy.remarks(audit) if line]
    return [_heading(remedy.TITLE), table, *notes]


def surface_table(
    rows: Sequence[SiteRow], shiftable: Mapping[str, Sequence[str]] | None = None, brief: bool = False
) -> RenderableType:
    """The sites of a training step: what each is, its multiplications, and what an error there does.

    `brief` shows neighbouring sites of one part of the program that do the same as one line.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Site", overflow="fold")
    table.add_column("Multiplications", justify="right")
    table.add_column("An error there ...", overflow="fold")
    for group in groups(rows) if brief else [[row] for row in rows]:
        effect = _text("\n".join(words.exposure(group[0])))
        table.add_row(_site_cell(group), numbers.products_of(group), effect)
    parts: list[RenderableType] = [table]
    parts += [_text(line) for line in words.reach(shiftable or {})]
    parts += [_text(f"{word}: {meaning}.", "dim") for word, meaning in glossary.EXPOSURES.items()]
    if any(row.passes for row in rows):
        parts.append(_text(f"{glossary.IN_ONE_PASS}.", "dim"))
    parts += [_text(f"Hint: {hint}", "yellow") for hint in words.hints(rows)]
    return Group(*parts)


def _site_cell(group: Sequence[SiteRow]) -> RenderableType:
    first = group[0]
    if len(group) == 1:
        kind = f"{first.kind}, {numbers.shape(first)}, {first.phase}"
        return Group(_text(first.name), _text(kind, "dim"))
    last = group[-1].name
    kind = f"to {last}\n{len(group)} sites, {first.phase}"
    return Group(_text(first.name), _text(kind, "dim"))


def _measured_row(result: Result, name: str, label: str) -> list[RenderableType]:
    cells: list[RenderableType] = [_text(label)]
    for run in words.runs(result):
        measured: Measured = getattr(getattr(result, run), name)
        cells.append(_cell(numbers.percent(measured.mean), numbers.span(measured)))
    if result.paper:
        cells += [_text(words.published(result.paper, run, name)) for run in words.runs(result)]
    return cells


def _paper_headings(result: Result) -> tuple[str, ...]:
    return tuple(f"Paper,\n{kind}" for kind in words.runs(result)) if result.paper else ()


def _attack_rows(results: Sequence[Result]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Attack", overflow="fold", ratio=1)
    for heading in ("Success", "Test accuracy"):
        table.add_column(f"{heading}\nhonest {numbers.ARROW} attacked", justify="right", no_wrap=True)
    table.add_column("Tampered\nproducts", justify="right")
    for result in results:
        cells = [
            _cell(numbers.change(before.mean, after.mean), numbers.span(after))
            for before, after in (
                (result.honest.success, result.attacked.success),
                (result.honest.accuracy, result.attacked.accuracy),
            )
        ]
        origin, purpose = _text(words.origin(result)), _text(words.purpose(result), "dim")
        name = Group(_text(result.attack, "bold"), origin, purpose)
        table.add_row(name, *cells, numbers.whole(result.errors), end_section=True)
    return table


def _cell(number: str, interval: str) -> Text:
    return Text.assemble(number, "\n", (interval, "dim"))


def _heading(title: str) -> RenderableType:
    return Padding(Text(title, "bold"), (1, 0, 0, 0))


def _list(title: str, items: Sequence[str]) -> list[RenderableType]:
    if not items:
        return []
    table = Table.grid(padding=(0, 1))
    for number, item in enumerate(items, 1):
        table.add_row(f"{number}.", _prose(item))
    return [_heading(title), table]


def _prose(text: str) -> Text:
    return Text.assemble(*((piece, "bold" if is_command else "") for piece, is_command in words.pieces(text)))


def _text(content: str, style: str = "") -> Text:
    # Text, not a string: a name such as `w[0]` must not be read as rich's markup.
    return Text(content, style)
