"""The curves of a result as a picture: one panel for each pair of axes."""

from collections.abc import Sequence
from itertools import cycle
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from turncoat.report import words
from turncoat.report.figure import ATTACKED, FAINT, HONEST, MUTED, image
from turncoat.results.result import Result
from turncoat.results.values import Curve

ACROSS = 2
COLOURS = (ATTACKED, "#00704F", "#93456F", "#8A6100", "#2F6F9F")
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")  # matplotlib's own writes powers as formulas
SPAN = 100  # an axis whose positive values span more than this factor is logarithmic


def curves_image(result: Result, kind: str = "png", narrow: bool = False) -> bytes:
    """The picture as bytes of the format `kind` ('png', 'svg' or 'pdf'); equal results give equal bytes.

    `narrow`: for a phone, the panels below each other.
    """
    return image(lambda: _draw(result, 1 if narrow else ACROSS), kind)


def panels(curves: dict[str, Curve]) -> dict[tuple[str, str], dict[str, Curve]]:
    """The curves by name under the labels of their axes: those that share both share a panel."""
    found: dict[tuple[str, str], dict[str, Curve]] = {}
    for name, curve in curves.items():
        found.setdefault((curve.x_label, curve.y_label), {})[name] = curve
    return found


def _draw(result: Result, across: int = ACROSS) -> Figure:
    found = panels(result.curves or {})
    rows = -(-len(found) // across)
    width = 7.4 if across == ACROSS else 4.2
    figure = Figure(figsize=(width, 0.7 + 2.3 * max(rows, 1)), layout="constrained")
    FigureCanvasAgg(figure)
    title = f"{result.attack}: {words.origin(result)}"
    lines = title if across == ACROSS else fill(title, 40)
    figure.suptitle(lines, weight="bold", size=12, x=0.02, ha="left")
    if not found:
        return figure
    grid = figure.subplots(rows, min(across, len(found)), squeeze=False).ravel()
    for axes, (labels, curves) in zip(grid, found.items(), strict=False):
        _panel(axes, labels, curves)
    for axes in grid[len(found) :]:
        axes.set_visible(False)
    return figure


def _panel(axes: Axes, labels: tuple[str, str], curves: dict[str, Curve]) -> None:
    colours = cycle(COLOURS)
    for name, curve in curves.items():
        colour = HONEST if "honest" in name else next(colours)
        few = "o" if len(curve.x) <= 20 else ""
        axes.plot(curve.x, curve.y, marker=few, markersize=3.5, linewidth=1.3, color=colour, label=name)
    axes.set(xlabel=words.capital(labels[0]), ylabel=words.capital(labels[1]))
    x, y = ([v for c in curves.values() for v in getattr(c, end)] for end in "xy")
    if is_wide(x):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(PLAIN)
    if is_wide(y) and max(*x, *y) <= 1:  # rates against rates
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PLAIN)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=7)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(length=0, labelsize=7, labelcolor=MUTED)


def is_wide(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis shows these values better: none negative, and a span beyond `SPAN`."""
    positive = [v for v in values if v > 0]
    return bool(positive) and min(values) >= 0 and max(positive) > SPAN * min(positive)
