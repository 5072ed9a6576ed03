"""Curves over a setting of an attack: the same trials under other values of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turncoat import attacks
from turncoat.attacks import Attack
from turncoat.attacks.attack import Sweep
from turncoat.experiments.judged import Run
from turncoat.experiments.runs import Runs, accuracy_change
from turncoat.goals import Goal
from turncoat.metrics import Interval
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
    rows = [measured(runs.honest, of_point, points[0].attack.goal) for of_point in runs.varied]
    found: dict[str, Curve] = {}
    for sweep in dict.fromkeys(point.sweep for point in points):
        mine = [(p, row) for p, row in zip(points, rows, strict=True) if p.sweep == sweep]
        for quantity in rows[0]:
            found[f"{quantity} by {sweep.setting}"] = Curve(
                x=tuple(point.value for point, _ in mine),
                y=tuple(row[quantity].mean for _, row in mine),
                x_label=sweep.label,
                y_label=axis(quantity, [row[quantity].mean for row in rows]),
            )
    honest = measured(runs.honest, runs.honest, points[0].attack.goal)
    said = tuple(sentence(point, row, honest) for point, row in zip(points, rows, strict=True))
    return result.model_copy(
        update={"curves": (result.curves or {}) | found, "notes": (*result.notes, *said)}
    )


def measured(honest: Sequence[Run], attacked: Sequence[Run], goal: Goal) -> dict[str, Interval]:
    """Success, the accuracy lost against the honest runs, and the goal's measures over trials, with intervals."""
    found = goal.summary([r.judged for r in attacked])
    lost = accuracy_change(attacked, honest)
    return {"success": found.success, "accuracy lost": lost} | {
        n.replace("_", " "): one
        for n in attacked[0].judged.measures
        if isinstance(one := found.measures.get(n), Interval)
    }


def axis(quantity: str, values: Sequence[float]) -> str:
    """The label of a quantity's axis: shares of 1 have one in common, as have other quantities of one kind."""
    return "share" if max(values) <= 1 else quantity.split()[-1]


def sentence(point: Point, row: dict[str, Interval], honest: dict[str, Interval]) -> str:
    """One point in words, each quantity with its interval and beside that of the honest runs."""
    numbers = ", ".join(
        f"{name} {one.mean:.4g} ({one.low:.3g} to {one.high:.3g}; honest {honest[name].mean:.3g})"
        for name, one in row.items()
    )
    return f"{point.sweep.label} {point.value:,g}: {numbers}"
