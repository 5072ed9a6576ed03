"""A designed defence as a picture: how far each attack gets without it and against it, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator

from turncoat.report import words
from turncoat.report.design import factor, outcome
from turncoat.report.figure import ATTACKED, FAINT, HONEST, INK, LEGEND, MUTED, image
from turncoat.report.heat import NO_WAY
from turncoat.report.numbers import TIMES
from turncoat.results.design import Cost, Design, Held, Way
from turncoat.results.values import Measured

WIDTHS, HEAD, ROW, FOOT = (7.4, 4.2), 0.65, 0.3, 0.75
"""Of a picture on a wide page and on a phone's; room for the title, each line and what is below, in inches."""


@dataclass(frozen=True)
class Pair:
    """One attack: what it reached while a site of the set was left to it, and what against the whole set.

    `honest` is what runs without errors reach; `before` is None where it never reached its goal; `after` where the
    set leaves it no way in, if `closed`, and else where nothing is known of it.
    """

    attack: str
    honest: Measured
    before: Measured | None
    after: Measured | None
    closed: bool


def pairs(found: Design) -> tuple[Pair, ...]:
    """The attacks that were run, each with the most that any of its settings reached."""
    ran: list[Way | Held] = [*found.ways, *found.held]
    honest = {one.attack: one.honest for one in reversed(ran)}
    names = dict.fromkeys(one.attack for one in ran)
    closed = {one.attack for one in found.unmade if one.closed}
    return tuple(Pair(n, honest[n], _most(found.ways, n), _most(found.held, n), n in closed) for n in names)


def _most(each: Iterable[Way | Held], attack: str) -> Measured | None:
    return max((one.success for one in each if one.attack == attack), key=lambda s: s.mean, default=None)


def design_image(found: Design, kind: str = "png", narrow: bool = False) -> bytes:
    """The picture as bytes of the format `kind` ('png', 'svg' or 'pdf'); equal designs give equal bytes.

    `narrow`: for a phone.
    """
    return image(lambda: _draw(found, WIDTHS[narrow]), kind)


def _draw(found: Design, width: float) -> Figure:
    lines, bars = pairs(found), _bars(found.costs[0])
    tall, low = ROW * len(lines), ROW * len(bars)
    title, said = fill(f"The cheapest checks: {words.origin(found)}", int(7.4 * width)), outcome(found)
    head = HEAD + 0.2 * title.count("\n")
    height = head + tall + FOOT + low + FOOT
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.text(0.02, 1 - 0.1 / height, title, weight="bold", size=11, va="top")
    figure.text(0.02, 1 - (head - 0.27) / height, fill(said, int(13 * width)), color=MUTED, va="top", size=8)
    side = 1.75 / width
    place = {"left": side, "right": 0.95, "top": 1 - head / height, "bottom": (low + 2 * FOOT) / height}
    _attacks(figure.subplots(gridspec_kw=place), lines)
    place |= {"top": (low + FOOT) / height, "bottom": FOOT / height}
    _costs(figure.subplots(gridspec_kw=place), bars, found.costs[0])
    figure.legend(
        handles=_legend(), **LEGEND | {"loc": "upper left", "bbox_to_anchor": (0.005, 0.38 / height)}
    )
    return figure


def _attacks(axes: Axes, lines: tuple[Pair, ...]) -> None:
    """A line for each attack: what it reached, and below that what is left of it."""
    for y, one in enumerate(lines):
        axes.plot(one.honest.mean, y, "|", color=FAINT, markersize=12, zorder=1)
        for success, colour, mark, aside in (
            (one.before, ATTACKED, "o", -0.13),
            (one.after, HONEST, "s", 0.13),
        ):
            if success is not None:
                bars = [[success.mean - success.low], [success.high - success.mean]]
                axes.errorbar(
                    success.mean, y + aside, None, bars, fmt=mark, color=colour, markersize=5, elinewidth=1
                )
        if one.after is None:
            text = NO_WAY if one.closed else "not known"
            axes.text(0.015, y + 0.06, text, color=HONEST if one.closed else MUTED, va="center", size=8)
    axes.set(xlim=(-0.03, 1.03), ylim=(len(lines) - 0.4, -0.6), xlabel="Success")
    axes.xaxis.set_major_locator(MultipleLocator(0.25))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}%"))
    axes.set_yticks(range(len(lines)), [one.attack for one in lines])
    _frame(axes)


def _bars(cost: Cost) -> list[tuple[str, float]]:
    """Names and lengths: of bytes with those of passive training in them, of other units what is added."""
    start = cost.passive or 0.0
    passive = [("passive", start)] if start else []
    return [*passive, ("this set", start + cost.design), ("everything", start + cost.everything)]


def _costs(axes: Axes, bars: list[tuple[str, float]], cost: Cost) -> None:
    colours = (MUTED, HONEST, FAINT)[-len(bars) :]
    for y, ((_, value), colour) in enumerate(zip(bars, colours, strict=True)):
        axes.barh(y, value, height=0.6, color=colour)
        times = factor(cost, value - (cost.passive or 0.0))
        said = f"{times} {TIMES}" if times else f"{value:,.0f}"
        axes.text(value, y, f" {said}", va="center", size=8, color=INK)
    longest = max(value for _, value in bars)
    label = f"{words.capital(cost.unit)} a step{'' if cost.passive else ', added'}, by the prices of {cost.framework}"
    axes.set(xlim=(0, 1.15 * longest or 1), ylim=(len(bars) - 0.4, -0.6), xlabel=label)
    axes.set_xticks([])
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    _frame(axes)


def _frame(axes: Axes) -> None:
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8)


def _legend() -> list[Line2D]:
    marks = (
        ("o", ATTACKED, "a site of the set unchecked"),
        ("s", HONEST, "against the set"),
        ("|", FAINT, "honest runs"),
    )
    return [Line2D([], [], color=c, marker=m, linestyle="", label=label) for m, c, label in marks]
