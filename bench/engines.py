"""A training step on each engine against the float step: `python -m bench.engines`.

A step is one of a compiled loop on shares that stay shared, protocol `crypten`, as training runs it. All
engines are timed interleaved (A B C A B C ...) in one run, and a ratio is the median of the pairs' ratios.
`compile` is tracing and compiling that loop, `temporary` what XLA allocates for it besides arguments and
results. Nothing is sent: engines that simulate several parties do it in this process.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat import engines
from turncoat.jobs import models

BATCH, STEPS = 100, 10
MODELS = {
    "lr 64-10": models.logistic_regression(64, 10),
    "lr 784-10": models.logistic_regression(784, 10),
    "mlp 784-128-10": models.mlp(784, 10),
}
ENGINES = ("reals", "ring", "ring:truncation=probabilistic", "ring:truncation=local")


def arguments(model: models.Model, seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    x = jnp.asarray(rng.random((BATCH, model.widths[0]), np.float32))
    return model.init(jax.random.key(seed)), x, model.encode(rng.integers(0, model.classes, BATCH))


def loop(model: models.Model, engine: str, protocol: str) -> Callable:
    """`STEPS` steps on shares, the model revealed at the end."""
    chosen = engines.get(engine)
    step = tc.secure(partial(model.step, learning_rate=0.1), protocol=protocol, engine=chosen)

    def run(params: Any, x: Any, y: Any) -> Any:
        params, x, y = tc.share((params, x, y), chosen)

        def body(params: Any, key: Any) -> Any:
            return step(params, x, y, randomness=key), None

        keys = jax.random.split(jax.random.key(0), STEPS) if chosen.random else None
        return tc.reveal(jax.lax.scan(body, params, keys, length=STEPS)[0])

    return run


def seconds(run: Callable, args: tuple) -> float:
    began = time.perf_counter()
    jax.block_until_ready(run(*args))
    return time.perf_counter() - began


def measured(name: str, names: tuple[str, ...], protocol: str, repetitions: int, seed: int) -> list[dict]:
    """One row per engine, `reals` first."""
    args = arguments(MODELS[name], seed)
    compiled, rows = {}, []
    for engine in names:
        began = time.perf_counter()
        compiled[engine] = jax.jit(loop(MODELS[name], engine, protocol)).lower(*args).compile()
        rows.append({"model": name, "engine": engine, "compile_s": time.perf_counter() - began})
        seconds(compiled[engine], args)
    times = [{e: seconds(run, args) for e, run in compiled.items()} for _ in range(repetitions)]
    for row in rows:
        engine = row["engine"]
        row["step_ms"] = median(t[engine] for t in times) * 1e3 / STEPS
        row["against_reals"] = median(t[engine] / t["reals"] for t in times)
        row["against_ring"] = median(t[engine] / t["ring"] for t in times)
        row["temporary_mib"] = compiled[engine].memory_analysis().temp_size_in_bytes / 2**20
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--protocol", default="crypten")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("engines", nargs="*", help=f"engines to time (default: {', '.join(ENGINES)})")
    options = parser.parse_args()
    if options.repetitions < 20:
        parser.error("a median needs at least 20 repetitions")
    names = tuple(dict.fromkeys(("reals", "ring", *(options.engines or ENGINES))))
    given = (names, options.protocol, options.repetitions, options.seed)
    found = [row for model in MODELS for row in measured(model, *given)]
    machine = f"jax {jax.__version__}, {jax.default_backend()}, {platform.machine()}"
    if options.json:
        print(json.dumps({"machine": machine, "batch": BATCH, "protocol": options.protocol, "rows": found}))
        return
    table = Table(title=f"a step by engine, batch {BATCH}, protocol {options.protocol} ({machine})")
    table.add_column("model")
    table.add_column("engine")
    for heading in ("ms a step", "/ reals", "/ ring", "compile s", "temporary MiB"):
        table.add_column(heading, justify="right")
    for r in found:
        table.add_row(
            r["model"], r["engine"], f"{r['step_ms']:.3f}", f"{r['against_reals']:.1f}",
            f"{r['against_ring']:.2f}", f"{r['compile_s']:.1f}", f"{r['temporary_mib']:.1f}",
        )  # fmt: skip
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
