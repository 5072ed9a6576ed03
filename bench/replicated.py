"""A step on replicated shares against the same step in the ring: `python -m bench.replicated`.

One call on shares that stay shared, protocol `crypten`, batch 100, randomness included. Engines are called in
turn (A B C A B C ...), and the least of all calls is shown, on the wall and in processor time of all threads:
on a machine that does other work the latter says more. `compile` is processor time too. What is sent is
counted from shapes; nothing is sent here, so it is in no time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat import engines, models
from turncoat.engines.replicated.bill import bill

BATCH = 100
MODELS = {
    "lr 64-10": models.logistic_regression(64, 10),
    "lr 784-10": models.logistic_regression(784, 10),
    "mlp 784-128-10": models.mlp(784, 10),
}
ENGINES = ("reals", "ring", "replicated")


def prepared(model: models.Model, engine: str) -> tuple[Any, tuple, float, Any]:
    """A compiled step, its shared arguments, the seconds that compiling took, and the secured step."""
    chosen, rng = engines.get(engine), np.random.default_rng(0)
    x = jnp.asarray(rng.random((BATCH, model.widths[0]), np.float32))
    plain = model.init(jax.random.key(0)), x, model.encode(rng.integers(0, model.classes, BATCH))
    args = tc.share(plain, chosen)
    step = tc.secure(partial(model.step, learning_rate=0.1), protocol="crypten", engine=chosen)
    began = time.process_time()
    compiled = jax.jit(lambda *a: step(*a)).lower(*args).compile()
    return compiled, args, time.process_time() - began, (step, plain)


def measured(name: str, repetitions: int) -> list[dict[str, Any]]:
    """One row per engine."""
    ready = {engine: prepared(MODELS[name], engine) for engine in ENGINES}
    walls: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    cpus: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(repetitions + 1):  # the first is thrown away
        for engine, (run, args, _, _) in ready.items():
            wall, cpu = time.perf_counter(), time.process_time()
            jax.block_until_ready(run(*args))
            walls[engine].append((time.perf_counter() - wall) * 1e3)
            cpus[engine].append((time.process_time() - cpu) * 1e3)
    rows = []
    for engine, (run, _, compiling, (step, plain)) in ready.items():
        row = {
            "model": name,
            "engine": engine,
            "wall_ms": min(walls[engine][1:]),
            "cpu_ms": min(cpus[engine][1:]),
        }
        row |= {"against_ring": row["cpu_ms"] / min(cpus["ring"][1:]), "compile_cpu_s": compiling}
        row["temporary_mib"] = run.memory_analysis().temp_size_in_bytes / 2**20
        rows.append(row | {"sent": bill(step, *plain).lines() if engine == "replicated" else []})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.replicated", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("models", nargs="*", help=f"models to time (default: {', '.join(MODELS)})")
    options = parser.parse_args()
    rows = [row for name in options.models or MODELS for row in measured(name, options.repetitions)]
    if options.json:
        print(json.dumps({"jax": jax.__version__, "batch": BATCH, "rows": rows}))
        return
    screen = Console(file=sys.stdout)
    table = Table(title=f"a step by engine, batch {BATCH}, protocol crypten")
    for heading in ("model", "engine", "wall ms", "processor ms", "/ ring", "compile s", "temporary MiB"):
        table.add_column(heading)
    for r in rows:
        numbers = ("wall_ms", "cpu_ms", "against_ring", "compile_cpu_s", "temporary_mib")
        table.add_row(r["model"], r["engine"], *(f"{r[n]:.2f}" for n in numbers))
    screen.print(table)
    for r in rows:
        for line in r["sent"]:
            screen.print(f"{r['model']}: {line}", highlight=False)


if __name__ == "__main__":
    main()
