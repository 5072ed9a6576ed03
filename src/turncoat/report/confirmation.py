"""A confirmation among real parties as a table, as a picture and as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.report import numbers, words
from turncoat.report.figure import ATTACKED, FAINT, HONEST, INK, MUTED, image
from turncoat.report.terminal import attack_table
from turncoat.results.confirmation import EVIDENCE, Among, Confirmation

PLACE = {"left": 0.11, "right": 0.97, "top": 0.82, "bottom": 0.15, "wspace": 0.35, "width_ratios": (1.3, 1)}
BELOW = {"left": 0.19, "right": 0.97, "top": 0.87, "bottom": 0.06, "hspace": 0.3, "height_ratios": (1.2, 1)}
COUNTS = {
    "exit_code": "exit code",
    "printed": "characters printed",
    "rounds": "rounds",
    "messages": "messages",
    "sent_bytes": "bytes sent",
    "received_bytes": "bytes received",
    "bytes": "bytes sent and received",
}


def headline(found: Confirmation) -> str:
    """Whether it is confirmed, in one sentence."""
    where = f"among {found.parties} processes of {found.version}"
    if len(found.here) < found.parties:
        where = f"by party {found.here[0]} of {found.parties} on as many machines, {found.version}"
    if found.confirmed and found.evidence == "B":
        return (
            f"Computed as predicted {where}: the errors were inputs of party {found.corrupt} that all parties agreed "
            "to, so nothing is shown of whether anyone would notice."
        )
    if found.confirmed:
        saw = (
            "no honest party saw a difference"
            if found.honest_parties
            else "the honest ones say what they saw"
        )
        return f"Confirmed {where}: party {found.corrupt} alone deviated, and {saw}."
    reasons = [
        f"the {name} run is {run.deviation:.2g} from the prediction, where rounding allows {run.allowed:.2g}"
        for name, run in (("honest", found.honest), ("attacked", found.attacked))
        if not run.agrees
    ]
    reasons += (
        []
        if found.unseen or found.evidence == "B"
        else ["an honest party saw another run than the clean one"]
    )
    if found.uncut is not None and not found.whole:
        reasons.append(f"the honest result is {found.uncut:.2g} from that of the program in one part")
    return f"NOT confirmed {where}: {'; '.join(reasons)}."


def outcome(found: Confirmation) -> str:
    """Whether it is confirmed, in a word or two."""
    return "confirmed" if found.confirmed else "NOT confirmed"


def confirmation_table(found: Confirmation) -> RenderableType:
    """The attack's own table, then what the parties revealed and saw."""
    lines = [
        attack_table(found.result),
        Text(""),
        Text(headline(found), "bold green" if found.confirmed else "bold red"),
        _runs(found),
        *_views(found),
        *_active(found),
        *(Text(line, "dim") for line in evidence(found)),
    ]
    return Group(*lines)


def _runs(found: Confirmation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Among real parties", "honest", "attacked"):
        table.add_column(heading, justify="left" if heading == "Among real parties" else "right")
    for row in runs(found):
        table.add_row(*row)
    return table


def runs(found: Confirmation) -> list[tuple[str, str, str]]:
    """What was revealed and what it took, of the honest and the attacked run."""
    both = (found.honest, found.attacked)
    whose = "all parties" if len(found.here) == found.parties else "this party"

    def row(what: str, of: Callable[[Among], str]) -> tuple[str, str, str]:
        return (what, *map(of, both))  # type: ignore[return-value]

    return [
        row("Revealed, off the prediction by at most", lambda run: f"{run.deviation:.1e}"),
        row("  which rounding explains up to", lambda run: f"{run.allowed:.1e}"),
        *([] if found.uncut is None else [("  off the same program in one part", f"{found.uncut:.1e}", "")]),
        ("Its errors move the model by up to", "", f"{found.effect:.2g}"),
        row("Seconds a step (median)", lambda run: f"{_median(run.seconds):.2g}"),
        row(f"  processor, {whose}", lambda run: f"{_median(run.processor):.2g}"),
        row("Seconds in all, with start-up", lambda run: f"{run.whole_seconds:.2g}"),
        row(f"MB sent a step, by {whose}", lambda run: f"{_sent(found, run):.3g}"),
        row("Peak memory, largest party (MiB)", lambda run: f"{max(run.peak_mib):.0f}"),
    ]


def _views(found: Confirmation) -> list[RenderableType]:
    """What each honest party saw, in the clean run and in the other; nothing where the corrupt one alone is here."""
    if not found.honest_parties:
        return []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("An honest party saw")
    for i in found.honest_parties:
        table.add_column(f"party {i}, honest run", justify="right")
        table.add_column(f"party {i}, attacked run", justify="right")
    for row in views(found):
        table.add_row(*row)
    return [table]


def views(found: Confirmation) -> list[tuple[str, ...]]:
    """What each honest party saw in the honest run and in the attacked one, by what it can count."""
    rows = []
    for name, label in COUNTS.items():
        seen = [
            getattr(run.of(i), name) for i in found.honest_parties for run in (found.honest, found.attacked)
        ]
        if seen and seen[0] is not None:
            rows.append((label, *(str(len(v)) if isinstance(v, str) else f"{v:,}" for v in seen)))
    return rows


def evidence(found: Confirmation) -> list[str]:
    """What the confirmation rests on, in sentences."""
    own = found.evidence == "A"
    edits = f" It edits {found.where}." if own else ""
    did = "deviated" if own else "gave errors"
    return [
        f"Evidence {found.evidence}: {EVIDENCE[found.evidence]}.{edits}",
        words.sentence(found.sharing),
        f"All parties ran one program of {numbers.counted(found.operations, 'operation')} in "
        f"{numbers.counted(found.steps, 'step')}, {found.interactive:,} of them interactive; party "
        f"{found.corrupt} {did} at {found.tampered:,}: {', '.join(found.sites)}. SHA-256 of the program: "
        f"{found.tape[:16]}...",
    ]


ENDINGS = ("The same attack", "corrupt", "honest run", "attacked run", "what the honest parties knew")


def _active(found: Confirmation) -> list[RenderableType]:
    """The same errors where nobody checks and where products are checked, side by side."""
    if not found.active:
        return []
    table = Table(*ENDINGS, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in endings(found):
        table.add_row(*row)
    return [table]


def endings(found: Confirmation) -> list[tuple[str, ...]]:
    """How the attack ended without checks, and with them for each corrupt party; none where that was not run."""
    passive = "revealed, unseen" if found.unseen else "revealed"
    rows: list[tuple[str, ...]] = []
    if found.active:
        rows.append((f"passive: {found.version}", str(found.corrupt), "revealed", passive, ""))
    for one in found.active:
        honest, attacked = "revealed" if one.honest else "FAILED", "aborted" if one.aborted else "NOT aborted"
        rows.append((f"active: {one.protocol}", str(one.corrupt), honest, attacked, one.said))
    return rows


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // 2])


def _sent(found: Confirmation, run: Among) -> float:
    return run.sent_bytes / found.steps / 1e6


def confirmation_image(found: Confirmation, kind: str = "png", narrow: bool = False) -> bytes:
    """Revealed against predicted change of the model, and how far both runs are from the prediction."""
    return image(lambda: _draw(found, narrow), kind)


def _draw(found: Confirmation, narrow: bool) -> Figure:
    figure = Figure(figsize=(4.2, 7.2) if narrow else (7.4, 4.2))
    FigureCanvasAgg(figure)
    title = f"{found.result.attack} among {found.parties} processes of {found.version}"
    about = f"{words.origin(found.result)}, {found.steps} steps"
    if narrow:
        figure.text(0.02, 0.985, fill(title, 40), weight="bold", size=11, va="top")
        figure.text(0.02, 0.925, fill(about, 60), color=MUTED, va="top")
        first, second = figure.subplots(2, 1, gridspec_kw=BELOW)
    else:
        figure.text(0.02, 0.94, title, weight="bold", size=12)
        figure.text(0.02, 0.88, about, color=MUTED)
        first, second = figure.subplots(1, 2, gridspec_kw=PLACE)
    _changes(first, found)
    _deviations(second, found)
    return figure


def _changes(axes: Axes, found: Confirmation) -> None:
    ends = [min(found.predicted_change), max(found.predicted_change)]
    axes.plot(ends, ends, color=FAINT, linewidth=1, zorder=1)
    axes.plot(
        found.predicted_change, found.revealed_change, "o", color=ATTACKED, markersize=4, mew=0, alpha=0.7
    )
    axes.set(xlabel="Change of a weight, as predicted", ylabel="as the parties revealed")
    axes.xaxis.set_major_locator(MaxNLocator(5))  # signed numbers are wide
    _plain(axes)


def _deviations(axes: Axes, found: Confirmation) -> None:
    runs: list[tuple[str, Among, Any]] = [
        ("honest", found.honest, HONEST),
        ("attacked", found.attacked, ATTACKED),
    ]
    for x, (_, run, colour) in enumerate(runs):
        axes.plot(x, max(run.deviation, 1e-12), "s", color=colour, markersize=8)
        axes.plot([x - 0.2, x + 0.2], [run.allowed] * 2, color=INK, linewidth=1.5)
    axes.plot([-0.5, 1.5], [found.effect] * 2, color=FAINT, linestyle="--", linewidth=1)
    axes.annotate(
        "what the errors change", (-0.45, found.effect), xytext=(0, 3), textcoords="offset points", size=8
    )
    axes.annotate(
        "what rounding explains",
        (-0.45, found.honest.allowed),
        xytext=(0, 5),
        textcoords="offset points",
        size=8,
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0e}"))
    axes.set(xlim=(-0.5, 1.5), ylabel="Largest deviation from the prediction")
    axes.set_xticks(range(2), [name for name, _, _ in runs])
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
