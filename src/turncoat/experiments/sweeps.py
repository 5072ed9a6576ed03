"""Curves over a setting of an attack: the same trials under other values of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turncoat import attacks
from turncoat.attacks import Attack
from turncoat.attacks.attack import Sweep
from turncoat.experiments.runs import Run, Runs, per_trial
from turncoat.results.result import Result
from turncoat.results.values import Curve


@dataclass(frozen=True, eq=False)
class Point:
    """One value of a swept setting, and the attack that has it."""

    sweep: Sweep
    value: float
    attack: Attack


def swept(name: str, attack: Attack) -> list[Point]:
    """The points of all sweeps of an attack, every other setting as the attack has it."""
    kept = {n: v for n, v in attack.settings.items() if v is not None}
    return [
        Point(s, value, attacks.get(name, kept | dict(s.fixed) | {s.setting: value}))
        for s in attack.sweeps
        for value in s.values
    ]


def with_sweeps(result: Result, points: Sequence[Point], runs: Runs) -> Result:
    """The result with a curve per sweep and quantity, and a sentence per point."""
    if not points:
        return result
    rows = [measured(runs.honest, of_point) for of_point in runs.varied]
    found: dict[str, Curve] = {}
    for sweep in dict.fromkeys(point.sweep for point in points):
        mine = [(p, row) for p, row in zip(points, rows, strict=True) if p.sweep == sweep]
        for quantity in rows[0]:
            found[f"{quantity} by {sweep.setting}"] = Curve(
                x=tuple(point.value for point, _ in mine),
                y=tuple(row[quantity] for _, row in mine),
                x_label=sweep.label,
                y_label=axis(quantity, [row[quantity] for row in rows]),
            )
    honest = measured(runs.honest, runs.honest)
    said = tuple(sentence(point, row, honest) for point, row in zip(points, rows, strict=True))
    return result.model_copy(
        update={"curves": (result.curves or {}) | found, "notes": (*result.notes, *said)}
    )


def measured(honest: Sequence[Run], attacked: Sequence[Run]) -> dict[str, float]:
    """Means over trials: success, the accuracy lost against the honest runs, and the goal's measures."""
    before, after = (
        {n: float(np.mean(v)) for n, v in per_trial(runs).items()} for runs in (honest, attacked)
    )
    success = float(np.mean(np.concatenate([r.judged.flags for r in attacked])))
    return {"success": success, "accuracy lost": before["accuracy"] - after["accuracy"]} | {
        n.replace("_", " "): after[n] for n in attacked[0].judged.measures
    }


def axis(quantity: str, values: Sequence[float]) -> str:
    """The label of a quantity's axis: shares of 1 have one in common, as have other quantities of one kind."""
    return "share" if max(values) <= 1 else quantity.split()[-1]


def sentence(point: Point, row: dict[str, float], honest: dict[str, float]) -> str:
    """One point in words, each quantity beside that of the honest runs."""
    numbers = ", ".join(f"{name} {value:.4g} (honest {honest[name]:.3g})" for name, value in row.items())
    return f"{point.sweep.label} {point.value:,g}: {numbers}"
