"""What attacks cost in accuracy against what they reach: where each stands, in percent of a picture's sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from turncoat.results.result import Result
from turncoat.results.sentences import signed

NEAR = (6.0, 9.0)
"""Attacks closer than this, in percent of the width and the height, share a mark."""


@dataclass(frozen=True)
class Tick:
    """A line of the grid: where, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """Attacks that stand at one place: their numbers, from 1, in the order given."""

    x: float
    y: float
    numbers: tuple[int, ...]
    reached: bool

    @property
    def label(self) -> str:
        return ", ".join(map(str, self.numbers))


@dataclass(frozen=True)
class Scatter:
    """Success from left to right, the change of accuracy from below upwards."""

    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def scatter(results: Sequence[Result]) -> Scatter:
    """The places of some attacks' means; accuracy is shown on no range under 10 points."""
    changes = [r.attacked.accuracy.mean - r.honest.accuracy.mean for r in results]
    low, high = min([-0.1, *changes]), max([0.0, *changes])
    ticks = [float(t) for t in MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)]
    bottom, top = ticks[0], ticks[-1]
    up = tuple(Tick(_share(t, bottom, top), signed(t, 0)) for t in ticks)
    across = tuple(Tick(100 * t / 4, f"{25 * t}%") for t in range(5))
    dots = [
        (100 * r.attacked.success.mean, _share(c, bottom, top), r.reached)
        for r, c in zip(results, changes, strict=True)
    ]
    return Scatter(_merged(dots), across, up)


def _share(value: float, low: float, high: float) -> float:
    return 100 * (value - low) / (high - low)


def _merged(dots: Sequence[tuple[float, float, bool]]) -> tuple[Mark, ...]:
    """One mark for those that would cover each other and came to the same end; it stands where the first does."""
    marks: list[Mark] = []
    for number, (x, y, reached) in enumerate(dots, 1):
        for i, mark in enumerate(marks):
            if mark.reached == reached and abs(mark.x - x) < NEAR[0] and abs(mark.y - y) < NEAR[1]:
                marks[i] = Mark(mark.x, mark.y, (*mark.numbers, number), reached)
                break
        else:
            marks.append(Mark(x, y, (number,), reached))
    return tuple(marks)
