"""What injecting an error costs on replicated shares, by the length of a step: `python -m bench.injection`.

Each step is one kind of operation, unrolled until it has about so many sites, on eight numbers, under protocol
`crypten`. *part by part* is a call as users make it: the first one with an error at one site, the next with an error
at another site, and one more like it. *whole* is what `jax.jit` around the call compiles, and each new choice of
sites once more; it is measured up to `--whole` sites, as it takes minutes. Seconds are of processor time, of all
threads, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat.engines.replicated.bill import bill

Step = Callable[[Any, Any], Any]
OPERATIONS: dict[str, Step] = {
    "products": lambda x, y: x + 0.01 * x * y,
    "selections": lambda x, y: jnp.where(x > y, x * 0.5, y + x * 0.1),
    "reciprocals": lambda x, y: x + 0.01 / (y + 1 + x * x),
    "square roots": lambda x, y: x + 0.01 * jnp.sqrt(1 + x * x),
}
NUMBERS = np.linspace(0.1, 0.9, 8, dtype=np.float32)


def unrolled(operation: Step, count: int) -> Step:
    def step(x: Any, y: Any) -> Any:
        for _ in range(count):
            x = operation(x, y)
        return x

    return step


def seconds(f: Callable[[], Any]) -> float:
    began = time.process_time()
    jax.block_until_ready(f())
    return time.process_time() - began


def measured(name: str, sites: int, whole: int) -> dict[str, Any]:
    """One row: a step of about so many sites."""
    jax.clear_caches()  # nothing that another row has compiled
    x, y = NUMBERS, NUMBERS[::-1].copy()

    def secured(count: int) -> Any:
        return tc.secure(unrolled(OPERATIONS[name], count), protocol="crypten", engine="replicated")

    step = secured(max(sites // len(secured(1).surface(x, y)), 1))
    surface = step.surface(x, y)
    products = [s for s in surface if s.kind == "product"]
    errors = [{s.name: np.ones(s.full_shape, np.float32)} for s in (products[0], products[-1], products[-1])]
    first, other, again = (seconds(lambda e=e: step(x, y, errors=e)) for e in errors)
    row = {"step": name, "sites": len(surface), "circuits": sum(bill(step, x, y).circuits.values())}
    row |= {"first": first, "other": other, "again": again, "whole": None, "whole_call": None}
    if len(surface) <= whole:
        jitted = jax.jit(lambda x, y: step(x, y, errors=errors[0]))
        row["whole"] = seconds(lambda: jitted(x, y))
        row["whole_call"] = seconds(lambda: jitted(x, y))
    return row


COLUMNS = {
    "step": "step",
    "sites": "sites",
    "circuits": "circuits",
    "first call s": "first",
    "another site s": "other",
    "again s": "again",
    "whole s": "whole",
    "a call s": "whole_call",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.injection", description=__doc__.splitlines()[0])
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"of {', '.join(OPERATIONS)}; all by default"
    )
    parser.add_argument("--sites", type=int, nargs="+", default=[50, 160, 450], help="about so many")
    parser.add_argument(
        "--whole", type=int, default=60, help="compile steps of up to so many sites whole too"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    rows = [measured(n, s, options.whole) for n in options.steps or OPERATIONS for s in options.sites]
    if options.json:
        print(json.dumps({"jax": jax.__version__, "rows": rows}))
        return
    table = Table(*COLUMNS, title="an error at one site, protocol crypten on replicated, processor seconds")
    for row in rows:
        cells = (row[key] for key in COLUMNS.values())
        table.add_row(*("" if c is None else f"{c:.2f}" if isinstance(c, float) else str(c) for c in cells))
    Console(file=sys.stdout, width=110).print(table)


if __name__ == "__main__":
    main()
