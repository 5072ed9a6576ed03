"""Markdown: an audit in short, for a pull request's comment or a pipeline; the paper's tables beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turncoat.report import glossary, numbers, remedy, reproduced, summary, words
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult
from turncoat.results.reproduction import Reproduction, Reproductions, Row
from turncoat.results.threats import Threat, threats

COLUMNS = ("Threat", "Possible?", "Worst attack", "Success", "Accuracy, points", "Errors", "Noticed")


def render(saved: Saved) -> str:
    """An audit's verdict, a row for each threat, what was not run, and what to do next; or tables of the paper."""
    if isinstance(saved.found, Reproductions):
        return _reproductions(saved.found)
    audit = saved.found
    assert isinstance(audit, AuditResult)
    parts = [
        f"# Audit: {_plain(words.origin(audit))}",
        f"**{audit.severity.upper()}**: {summary.in_a_sentence(audit)}",
        _prose(audit.verdict),
        _table(COLUMNS, [_row(threat) for threat in threats(audit)]),
        _remedies(audit),
        _list("What was not run", [_prose(line) for line in words.left_out(audit.unrun)]),
        _list("What to do next", [_prose(step) for step in audit.next_steps]),
        glossary.STAND_IN_WARNING if words.stands_in(audit) else "",
        f"Again: {_code(audit.command)}" if audit.command else "",
        f"_{_plain(words.dated(audit))}_",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _remedies(audit: AuditResult) -> str:
    """What would have stopped the attacks, by threat, and how to read that."""
    found = [
        f"{summary.TITLES[one.harm]}: {checks}; {price}; named: {who}"
        for one, checks, price, who in remedy.rows(audit)
    ]
    return _list(remedy.TITLE, [_prose(line) for line in (*found, *filter(None, remedy.remarks(audit)))])


def _row(threat: Threat) -> list[str]:
    said = [f"{summary.TITLES[threat.harm]}", f"{summary.outcome(threat)} ({summary.count(threat)})"]
    worst = threat.worst
    if worst is None:
        return [*said, "none was run", "", "", "", ""]
    success = f"{numbers.percent(worst.attacked.success.mean)} ({numbers.span(worst.attacked.success)}; "
    accuracy = f"{summary.accuracy(worst)} ({summary.accuracy_interval(worst)})".replace(" ()", "")
    noticed = f"{summary.noticed(worst)} ({summary.noticed_interval(worst)})".replace(" ()", "")
    errors = numbers.whole(worst.errors)
    return [*said, _code(worst.attack), f"{success}{summary.reference(worst)})", accuracy, errors, noticed]


def _reproductions(found: Reproductions) -> str:
    """A table for each of the paper's, and where the time went."""
    time = [[one.table, str(len(one.rows)), numbers.duration(one.seconds)] for one in found.tables]
    parts = [
        "# The paper's tables and figures, ours beside them",
        f"{_plain(words.dated(found))}, by {_code(found.command or '')}. {reproduced.in_a_sentence(found)}",
        reproduced.QUICK if found.quick else "",
        glossary.STAND_IN_WARNING if reproduced.stands_in(found) else "",
        *(part for one in found.tables for part in _reproduction(one)),
        "## Where the time went",
        _table(("Table or figure", "Rows", "Took"), time),
        f"Together: {numbers.duration(found.seconds)}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _reproduction(found: Reproduction) -> list[str]:
    """One of the paper's tables: each quantity of each row, and what is to be known to read it."""
    rows = [
        [
            _plain(row.name),
            _plain(f"{row.data} {row.model}".strip()),
            _plain(name),
            paper,
            ours,
            row.marks.get(name, ""),
        ]
        for row in found.rows
        for name, paper, ours in _cells(row)
    ]
    left = [f"{_plain(row.name)}, {_plain(row.data)}: {_plain(row.why)}" for row in found.rows if row.why]
    return [
        f"## {found.table}: {_plain(found.title)}",
        _table(("Row", "Data, model", "Quantity", "Paper", "Ours (interval)", "Mark"), rows),
        "\n".join(f"- {line}" for line in [*left, *map(_plain, map(words.sentence, found.notes))]),
    ]


def _cells(row: Row) -> Iterator[tuple[str, str, str]]:
    """Each quantity of a row that was run, the paper's number and ours."""
    for name in reproduced.columns(row) if row.ours else ():
        paper, ours = (reproduced.cell(of.get(name)) for of in (row.paper, row.ours))
        yield (
            name,
            _plain(paper.mean),
            _plain(f"{ours.mean} ({ours.interval})" if ours.interval else ours.mean),
        )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _list(title: str, items: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {item}" for item in items) if items else ""


def _prose(text: str) -> str:
    return "".join(_code(piece) if is_command else _plain(piece) for piece, is_command in words.pieces(text))


def _plain(text: str) -> str:
    """Text on one line in which nothing is markup."""
    marked = "".join(f"\\{c}" if c in "\\`*_[]<>#|~" else c for c in text)
    return " ".join(marked.split()) if text.strip() == text else marked.replace("\n", " ")


def _code(text: str) -> str:
    fence = "`" * (1 + max((len(run) for run in _runs(text)), default=0))
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def _runs(text: str) -> list[str]:
    """The runs of backticks in a text."""
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]
