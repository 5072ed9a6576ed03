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
    first, *others = price_table(found)
    table = _table(*first)
    for line in others:
        table.add_row(*line)
    table.caption = IN_TIMES
    return table


IN_TIMES = (
    "Bytes, rounds and time: times those of passive training. Looked at: of all multiplications. Points: what a "
    "defence changes of the honest accuracy."
)


def price_table(found: Matrix) -> list[tuple[str, ...]]:
    """The same as text, the headings first; the column of times only where some were measured."""
    timed = any(one.time is not None for one in found.defences)
    head = ("Defence", "Sites", "Bytes", "Rounds", *(["Time"] if timed else []))
    lines = [(*head, "Looked at", "Deterrence", "Accuracy", "Points")]
    for one in found.defences:
        relative = [one.factor, one.rounds, *([one.time] if timed else [])]
        cost = one.accuracy.mean - found.honest.accuracy.mean
        looked = "" if one.looked_at is None else f"{one.looked_at:.3%}"
        lines.append(
            (
                one.defence,
                str(one.sites),
                *("" if value is None else f"{value:.2f}x" for value in relative),
                looked,
                f"{one.deterrence:.3g}",
                percent(one.accuracy.mean),
                f"{100 * cost:+.1f}",
            )
        )
    return lines


def attacked(found: Matrix, row: Row) -> Table:
    """One attack under every defence, as planned without it in mind and planned again in its knowledge."""
    again = ("Planned again", "How") if found.again else ()
    table = _table("Defence", "Run is aborted", "Success", *again)
    table.title = f"{row.attack}: {row.messages:,} deviating messages a run"
    table.title_justify = "left"
    table.add_row("no errors", "", percent(row.honest.mean))
    table.add_row("passive", "0%", _with_interval(row.passive))
    for one in found.defences:
        name, planned = one.defence, ("", "has no way in")
        if name in row.cells:
            cell = row.cells[name]
            planned = f"{cell.detected.mean:.4%}", _with_interval(cell.success)
        table.add_row(name, *planned, *(_again(row, name) if found.again else ()))
    return table


def _again(row: Row, defence: str) -> tuple[str, str]:
    if defence not in row.adaptive:
        return "has no way in", row.closed.get(defence, "")
    known = row.adaptive[defence]
    return _with_interval(known.success), f"{known.how}; {counted(known.messages, 'message')}"


def strongest(found: Matrix) -> Table:
    """For each defence the attack that gains most, how that was got, and what may be said of the defence."""
    table = _table("Defence", "Strongest attack", "Success beyond honest", "How", "So far")
    for one in found.defences:
        best = found.strongest(one.defence)
        cells = ("none has a way in", "", "")
        if best is not None:
            cells = best.attack, f"{100 * best.gain:+.1f} points", best.how
        table.add_row(one.defence, *cells, so_far(found, one.defence))
    table.caption = PLANNED_AGAIN if found.again else NOT_AGAIN
    return table


NOT_AGAIN = (
    "Attacks as planned without the defence in mind: a lower bound of what an adversary gains, and no ground to call "
    "any defence sufficient."
)
PLANNED_AGAIN = (
    "The strongest of attacks planned with and without the defence in mind. Plans were chosen on trials apart; an "
    "adversary may know better ones."
)


def so_far(found: Matrix, defence: str) -> str:
    """What the attacks that were tried allow to say of a defence, in a few words."""
    if not found.again:
        return "not attacked in its knowledge"
    if breaking := found.breaking(defence):
        return f"not sufficient: {', '.join(a.attack for a in breaking)}"
    if doubtful := found.doubtful(defence):
        return f"in doubt, in too few trials: {', '.join(a.attack for a in doubtful)}"
    tried = sum(defence in row.adaptive for row in found.rows)
    closed = sum(defence in row.closed for row in found.rows)
    if not tried:
        return f"nothing was tried: none of {counted(closed, 'attack')} had a way in"
    return f"not broken by {counted(tried, 'attack')} that had a way in; {closed} had none"


def _with_interval(measured: object) -> str:
    mean, low, high = (getattr(measured, name) for name in ("mean", "low", "high"))
    return f"{mean:.1%} ({100 * low:.1f} to {high:.1%})"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold")
    return table
