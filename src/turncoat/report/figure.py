"""A result as a picture: every trial, honest and attacked, beside the means and the paper's values."""

import io
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from turncoat.report import numbers, words
from turncoat.results.result import Result
from turncoat.results.values import Measured

# The hues of the Okabe-Ito palette, which the common kinds of colour blindness keep apart (Okabe and Ito, 2008),
# darkened until text in them has a contrast of 4.5 on white (WCAG 2.2, 1.4.3).
HONEST, POISONED, ATTACKED = "#0068A3", "#93456F", "#A84300"
COLOURS = {"honest": HONEST, "poisoned": POISONED, "attacked": ATTACKED}
INK, MUTED, FAINT = "#222222", "#5c5c5c", "#8a8a8a"
PLACE = {"left": 0.095, "right": 0.985, "top": 0.79, "bottom": 0.26, "wspace": 0.27}
BELOW = {"left": 0.17, "right": 0.975, "top": 0.87, "bottom": 0.17, "hspace": 0.3}
"""Where panels stand: side by side, and one below the other on the page of a phone."""
ROUND: Any = {"nbins": 6, "steps": [1, 2, 5, 10]}
"""Ticks stand at round numbers: never at 2.5 points, which whole percents cannot say."""
LEGEND: Any = {
    "loc": "lower left",
    "bbox_to_anchor": (0.005, 0.0),
    "ncols": 5,
    "frameon": False,
    "fontsize": 8,
    "columnspacing": 1.6,
    "handletextpad": 0.4,
    "handlelength": 1.4,
}
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "turncoat",
    # A dollar sign in the name of a user's model is no formula.
    "text.parse_math": False,
}


def attack_image(result: Result, kind: str = "png", narrow: bool = False) -> bytes:
    """The picture as bytes of the format `kind` ('png', 'svg' or 'pdf'); equal results give equal bytes.

    `narrow`: for a phone, the panels below each other.
    """
    return image(lambda: _draw(result, narrow), kind)


def image(draw: Callable[[], Figure], kind: str) -> bytes:
    """What `draw` draws, in the reports' style, as bytes without a date in them."""
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        draw().savefig(buffer, format=kind, dpi=160, metadata=undated.get(kind))
    return buffer.getvalue()


def _draw(result: Result, narrow: bool = False) -> Figure:
    figure = Figure(figsize=(4.2, 6.6) if narrow else (7.4, 3.5))
    FigureCanvasAgg(figure)
    title, said = (
        f"{result.attack}: {words.origin(result)}",
        words.sentence("; ".join(words.facts(result)[:4])),
    )
    if narrow:
        figure.text(0.02, 0.985, fill(title, 44), weight="bold", size=10.5, va="top")
        figure.text(0.02, 0.93, fill(said, 60), color=MUTED, size=8, va="top")
        first, second = figure.subplots(2, 1, gridspec_kw=BELOW)
    else:
        figure.text(0.02, 0.93, title, weight="bold", size=12)
        figure.text(0.02, 0.855, said, color=MUTED)
        first, second = figure.subplots(1, 2, gridspec_kw=PLACE)
    _panel(first, result, "accuracy", "Test accuracy")
    _panel(second, result, "success", words.capital(result.success_name))
    figure.legend(handles=_legend(result), **LEGEND | ({"ncols": 1} if narrow else {}))
    return figure


def _panel(axes: Axes, result: Result, name: str, label: str) -> None:
    """One quantity: a thin line per trial from run to run, the means beside them, the outer ones outside."""
    runs = list(words.runs(result))
    values = [result.per_trial[f"{run}_{name}"] for run in runs]
    means = [getattr(getattr(result, run), name) for run in runs]
    alpha = max(0.12, min(0.6, 6 / result.trials))
    for one in zip(*values, strict=True):
        axes.plot(range(len(runs)), one, color=FAINT, alpha=alpha, linewidth=0.9, zorder=1)
    published = [getattr(result.paper, f"{run}_{name}", None) for run in runs]
    for x, run in enumerate(runs):
        side, colour, value = -1 if x == 0 else 1, COLOURS[run], published[x]
        axes.plot(
            [x] * result.trials, values[x], "o", color=colour, alpha=alpha, markersize=4, mew=0, zorder=2
        )
        _mean(axes, x + 0.32 * side, side, means[x], colour)
        if value is not None:
            axes.plot(x + 0.16 * side, value, "D", mfc="white", mec=INK, mew=1.1, markersize=5.5, zorder=3)
    known = [v for of_run in values for v in of_run] + means + [v for v in published if v is not None]
    _frame(axes, runs, label, _limits(name, known))


def _mean(axes: Axes, x: float, side: int, measured: Measured, colour: str) -> None:
    bars = [[measured.mean - measured.low], [measured.high - measured.mean]]
    axes.errorbar(
        x, measured.mean, bars, fmt="s", color=colour, markersize=7, capsize=4, elinewidth=1.6, zorder=4
    )
    axes.annotate(
        numbers.percent(measured.mean),
        (x, measured.mean),
        xytext=(9 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        color=colour,
        weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _limits(name: str, values: Sequence[float | Measured]) -> tuple[float, float]:
    """All of 0 to 1 for success; for accuracy the values' range, but never under 10 points."""
    ends = [end for v in values for end in ((v.low, v.high) if isinstance(v, Measured) else (v,))]
    low, high = min(ends), max(ends)
    if name == "success":
        return min(low, 0) - 0.04, max(high, 1) + 0.04
    # A smaller range would show the spread between seeds as if it mattered.
    margin = max((0.1 - (high - low)) / 2, 0.08 * (high - low))
    return max(low - margin, -0.04), min(
        high + margin, 1.04
    )  # at least 10 points: ticks lie 2 points apart or more


def _frame(axes: Axes, runs: Sequence[str], label: str, limits: tuple[float, float]) -> None:
    axes.set(xlim=(-1.05, len(runs) + 0.05), ylim=limits, ylabel=fill(label, 28), xlabel="Training run")
    axes.set_xticks(range(len(runs)), runs)
    axes.yaxis.set_major_locator(MaxNLocator(**ROUND))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}%"))
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0)


def _legend(result: Result) -> list[Line2D]:
    trial = Line2D([], [], color=FAINT, marker="o", markersize=4, linewidth=0.9, label="one trial")
    interval = f"mean and {words.confidence(result)} interval"
    handles = [trial]
    for run in words.runs(result):
        named = f"{run}, {interval}" if result.poisoned is None or run == "attacked" else run
        handles.append(Line2D([], [], color=COLOURS[run], marker="s", linestyle="", label=named))
    if result.paper:
        paper = f"the paper, {result.paper.table}"
        handles.append(Line2D([], [], color=INK, marker="D", mfc="white", linestyle="", label=paper))
    return handles
