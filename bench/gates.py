"""How often a flip inside a comparison flips its result: `python -m bench.gates`.

Differences of two standard normal numbers in 18 fractional bits, on engine `replicated:gates=true`: for each
AND before the last one, the percentage of comparisons that come out otherwise if one lane of it is flipped. A
lane is named by the highest bit of the block that makes its carry; `pass` is the highest lane that says whether
a block of bits passes a carry on. Below, the same for tests of equality, of which half are of equal numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc

BITS = (10, 14, 18, 22, 30, 46, 62)
ENGINE = "replicated:gates=true"


def carry_lane(gate: int, bit: int) -> int | None:
    """The lane with the carry of the block that ends in a bit, if a comparison's AND (from 1) has one."""
    if gate < 3:
        return bit
    span = 2 ** (gate - 3)  # blocks of so many bits are joined; the lowest has no lane but its carry's
    block, rest = divmod(bit + 2, 2 * span)
    return None if rest or not block else 2 * (block - 1)


def flipping(f: Callable, x: np.ndarray, y: np.ndarray) -> dict[str, list[np.ndarray]]:
    """For each gate and lane of f, a comparison: which entries of the result a flip there changes."""
    secured = tc.secure(f, engine=ENGINE)
    surface = secured.surface(x, y)
    run = jax.jit(lambda errors: secured(x, y, errors=errors))
    none = {name: np.zeros(surface[name].shape, bool) for name in surface.find(kind="gate")}
    honest = np.asarray(run(tc.Errors(none)))

    def changed(name: str, lane: int) -> np.ndarray:
        flips = none[name].copy()
        flips[:, lane] = True
        return np.asarray(run(tc.Errors(none | {name: flips}))) != honest

    return {n.split("/")[-1]: [changed(n, i) for i in range(e.shape[1])] for n, e in none.items()}


def orders(x: np.ndarray, y: np.ndarray) -> list[dict[str, object]]:
    """A row per AND of x < y."""
    rows: list[dict[str, object]] = []
    for number, (gate, lanes) in enumerate(flipping(lambda x, y: x < y, x, y).items(), 1):
        at = {b: carry_lane(number, b) for b in BITS}
        shares = {str(b): float(lanes[i].mean()) for b, i in at.items() if i is not None}
        passing = float(lanes[-2].mean()) if number > 2 else None
        rows.append({"gate": gate, "lanes": len(lanes), "carries": shares, "passing": passing})
    return rows


def equalities(x: np.ndarray) -> list[dict[str, object]]:
    """A row per AND of x == y, where every second y is another number than x."""
    other = np.arange(len(x)) % 2 == 1
    y = np.where(other, np.roll(x, 1), x)
    return [
        {
            "gate": gate,
            "lanes": len(lanes),
            "equal": float(np.mean([lane[~other] for lane in lanes])),
            "different": float(np.mean([lane[other] for lane in lanes])),
        }
        for gate, lanes in flipping(lambda x, y: x == y, x, y).items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gates", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, y = rng.normal(size=(2, options.comparisons))
        found = {"order": orders(x, y), "equality": equalities(x)}
    if options.json:
        print(json.dumps({"comparisons": options.comparisons, **found}))
        return
    screen = Console(file=sys.stdout)
    table = Table(title="x < y: percentage of comparisons that a flip in one lane changes")
    for heading in ("AND", "lanes", *(f"bit {b}" for b in BITS), "pass"):
        table.add_column(heading)
    for row in found["order"]:
        shares = [row["carries"].get(str(b)) for b in BITS]
        table.add_row(row["gate"], str(row["lanes"]), *map(percent, [*shares, row["passing"]]))
    screen.print(table)
    for row in found["equality"]:
        said = (
            f"a flip changes {percent(row['equal'])} % of equal, {percent(row['different'])} % of different"
        )
        line = f"x == y, {row['gate']}, mean of {row['lanes']} lanes: {said}"
        screen.print(line, highlight=False, soft_wrap=True)


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3g}"


if __name__ == "__main__":
    main()
