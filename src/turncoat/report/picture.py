"""The attack surface as a picture of the training step: a tile for each site, in the order of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10

from turncoat.report import numbers, words
from turncoat.report.grouping import best, module, products
from turncoat.results.audit import SiteRow

LANES = {"forward": "Forward pass", "backward": "Backward pass and update"}
LARGEST = 7
LEGEND = {
    "shift": "adds a number of the party's choice",
    "tied": "the same, all entries together",
    "scaled": "adds its number times a secret",
    "bent": "changes outputs in ways that depend on secrets",
    "none": "reaches no output",
}


@dataclass(frozen=True)
class Tile:
    """A site: its size from 1 to `LARGEST`, by the digits of its products; its class; what it says."""

    size: int
    kind: str
    says: str


@dataclass(frozen=True)
class Block:
    """Sites of one part of the program, side by side."""

    name: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Lane:
    """A phase of the step."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def says(self) -> str:
        """The lane in words, for those who do not see it."""
        tiles = [tile for block in self.blocks for tile in block.tiles]
        kinds = [f"{sum(t.kind == kind for t in tiles)} {kind}" for kind in LEGEND]
        return f"{self.title}: {numbers.counted(len(tiles), 'site')} ({', '.join(k for k in kinds if k[0] != '0')})"


def lanes(rows: Sequence[SiteRow]) -> tuple[Lane, ...]:
    """The phases of a step that have sites, in their order."""
    return tuple(
        Lane(title, _blocks([row for row in rows if row.phase == phase]))
        for phase, title in LANES.items()
        if any(row.phase == phase for row in rows)
    )


def kinds(rows: Sequence[SiteRow]) -> dict[str, str]:
    """The classes that some site has, each with its meaning."""
    present = {best(row) for row in rows}
    return {kind: meaning for kind, meaning in LEGEND.items() if kind in present}


def _blocks(rows: Sequence[SiteRow]) -> tuple[Block, ...]:
    return tuple(Block(name, tuple(map(_tile, run))) for name, run in groupby(rows, key=module))


def _tile(row: SiteRow) -> Tile:
    said = [
        f"{row.name} ({row.kind})",
        numbers.counted(products(row), "multiplication"),
        "; ".join(words.exposure(row)),
    ]
    size = min(LARGEST, max(1, round(log10(products(row) + 1))))
    return Tile(size, best(row), "\n".join([*said, *([row.line] if row.line else [])]))
