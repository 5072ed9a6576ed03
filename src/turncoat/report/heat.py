"""What is left of attacks under defences as a heat map: the hotter, the more an attack succeeds.

Each defence has two columns: attacks as they were planned without it in mind, and planned again in its knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from turncoat.report import numbers, words
from turncoat.report.figure import INK, MUTED, image
from turncoat.results.matrix import Matrix, Row
from turncoat.results.values import Measured

COLD, HOT = (255, 246, 238), (122, 46, 0)
"""The colours of no success and of full success."""
LIGHT, DARK = "#ffffff", "#000000"
EMPTY = "#eceef1"
NO_WAY = "no way in"
NOT_KNOWN = "as planned without any defence in mind"
CELL = (0.5, 0.32)
"""The width and height of a number's place, in inches."""
NAMES, HEADS = 1.75, 1.3
"""The room of attacks' names at the left, of titles and defences' names at the top."""


@dataclass(frozen=True)
class Tile:
    """One number: its text, its colours, and whether the attack knows the defence."""

    text: str
    ground: str
    ink: str
    again: bool
    says: str

    @property
    def style(self) -> str:
        """The colours as a page has them."""
        return f"background:{self.ground};color:{self.ink}"


@dataclass(frozen=True)
class Line:
    """One attack: without any defence, and under each of them."""

    attack: str
    passive: Tile
    tiles: tuple[Tile, ...]


def heat_lines(found: Matrix) -> tuple[Line, ...]:
    """The map's rows: of each defence one tile, or two where attacks were planned again."""
    return tuple(
        Line(row.attack, warm(row.passive, False, "no defence"), tuple(_tiles(found, row)))
        for row in found.rows
    )


def _tiles(found: Matrix, row: Row) -> Iterator[Tile]:
    for one in found.defences:
        name = one.defence
        yield warm(row.cells[name].success, False, name) if name in row.cells else nothing(False, name)
        if found.again:
            known = row.adaptive.get(name)
            yield nothing(True, name) if known is None else warm(known.success, True, name)


def warm(success: Measured, again: bool, under: str) -> Tile:
    """A success in its colour; the text in the ink that is read better on it."""
    ground = blended(success.mean)
    ink = max((LIGHT, DARK), key=lambda colour: contrast(colour, ground))
    return Tile(
        f"{100 * success.mean:.0f}", ground, ink, again, f"{numbers.percent(success.mean)} under {under}"
    )


def nothing(again: bool, under: str) -> Tile:
    """Where an attack has no way in."""
    return Tile("\u2013", EMPTY, DARK, again, f"{NO_WAY} under {under}")


def blended(share: float) -> str:
    """The colour of a share from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    mixed = (round(c + (h - c) * share) for c, h in zip(COLD, HOT, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances (WCAG 2.2, 1.4.3): text needs 4.5."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


# ---- as a picture -----------------------------------------------------------------------------------------


def heat_image(found: Matrix, kind: str = "png") -> bytes:
    """The map as bytes of the format `kind`; equal matrices give equal bytes."""
    return image(lambda: _draw(found), kind)


def _draw(found: Matrix) -> Figure:
    lines, each = heat_lines(found), 2 if found.again else 1
    across = 1 + each * len(found.defences)
    width, height = max(NAMES + CELL[0] * across + 0.2, 5.0), HEADS + CELL[1] * len(lines) + 0.15
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.text(
        0.1 / width, 1 - 0.1 / height, f"Success in percent, {words.origin(found)}", weight="bold", va="top"
    )
    told = "framed: planned again in the knowledge of the defence" if found.again else NOT_KNOWN
    figure.text(0.1 / width, 1 - 0.32 / height, told, color=MUTED, va="top", size=8)
    place = NAMES / width, 0.15 / height, CELL[0] * across / width, CELL[1] * len(lines) / height
    axes = figure.add_axes(place)
    axes.set_xlim(0, across)
    axes.set_ylim(len(lines), 0)
    axes.set_axis_off()
    for i, head in enumerate(["no defence", *(one.defence for one in found.defences)]):
        at = 0.5 if i == 0 else 1 + each * (i - 0.5)
        axes.text(at, -0.15, _broken(head, 9 * each), ha="center", va="bottom", size=6.5)
    for y, line in enumerate(lines):
        axes.text(-0.12, y + 0.5, line.attack, ha="right", va="center")
        for x, tile in enumerate((line.passive, *line.tiles)):
            _place(axes, x, y, tile)
    return figure


def _place(axes: Axes, x: int, y: int, tile: Tile) -> None:
    edge, gap = INK if tile.again else "white", 0.05
    corner, side = (x + gap, y + gap), 1 - 2 * gap
    axes.add_patch(Rectangle(corner, side, side, facecolor=tile.ground, edgecolor=edge, linewidth=1.1))
    axes.text(x + 0.5, y + 0.5, tile.text, ha="center", va="center", color=tile.ink, size=8)


def _broken(name: str, width: int) -> str:
    """A defence's name in lines, broken where its parts end."""
    parts = name.replace("+", "+\n").replace(":", ":\n").splitlines()
    return "\n".join(fill(part, width) for part in parts)
