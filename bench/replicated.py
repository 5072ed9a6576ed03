"""A step on replicated shares against the same step in the ring: `python -m bench.replicated`.

Protocol `crypten`, batch 100, parameters that stay shared, randomness included; a call is a compiled loop of
five steps, as training runs them. Engines are called in turn (A B C A B C ...), and the least of all calls is
shown, by step, on the wall and in processor time of all threads: on a machine that does other work the latter
says more.

`ring` looks at its numbers and multiplies those binary digits only that there are. `ring, all digits` does not:
that is the work which the parties do on shares, once instead of six times. `randomness` is the time that making
a step's random words alone takes. What is sent is counted from shapes; nothing is sent here, so it is in no time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat import engines
from turncoat.engines import arithmetic
from turncoat.engines.replicated import Replicated
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.randomness import Stream
from turncoat.engines.ring import Ring
from turncoat.jobs import models

BATCH, STEPS = 100, 5
MODELS = {
    "lr 64-10": models.logistic_regression(64, 10),
    "lr 784-10": models.logistic_regression(784, 10),
    "mlp 784-128-10": models.mlp(784, 10),
}


class AllDigits(Ring):
    """The ring without a look at the size of its numbers."""

    @staticmethod
    def _multiplied(bilinear: Any, x: Any, y: Any) -> Any:
        return arithmetic.multiply(bilinear, x, y, uniform=True)


class Counted(Replicated):
    """Shares, and how many random words the evaluation that was traced last has made."""

    def begin(self, key: Any) -> Any:
        self.last = super().begin(key)
        return self.last


ENGINES: dict[str, Callable[[], Any]] = {
    "reals": lambda: engines.get("reals"),
    "ring": Ring,
    "ring, all digits": AllDigits,
    "replicated": Counted,
}


class Ready:
    """Compiled steps of a model on an engine: `run(*args)`."""

    def __init__(self, model: models.Model, engine: Any) -> None:
        rng, self.engine = np.random.default_rng(0), engine
        x = jnp.asarray(rng.random((BATCH, model.widths[0]), np.float32))
        self.plain = model.init(jax.random.key(0)), x, model.encode(rng.integers(0, model.classes, BATCH))
        self.step = tc.secure(partial(model.step, learning_rate=0.1), protocol="crypten", engine=engine)
        self.args = tc.share(self.plain, engine)

        def steps(params: Any, *batch: Any) -> Any:
            def body(params: Any, key: Any) -> tuple[Any, None]:
                return self.step(params, *batch, randomness=key), None

            return jax.lax.scan(body, params, jax.random.split(jax.random.key(1), STEPS))[0]

        began, processor = time.perf_counter(), time.process_time()
        self.run = jax.jit(steps).lower(*self.args).compile()
        self.compiling = time.perf_counter() - began, time.process_time() - processor

    def randomness(self) -> Callable[[], Any] | None:
        """Makes the random words of all steps and adds them up, if the engine draws any."""
        if not isinstance(self.engine, Counted):
            return None
        words = self.engine.last.stream.made
        with jax.enable_x64(True):
            seeds = jnp.arange(1, 2 * STEPS, 2, dtype=jnp.uint64)
            made = jax.jit(lambda s: jax.lax.map(lambda seed: Stream(seed).words(words).sum(), s))
            compiled = made.lower(seeds).compile()
        return lambda: compiled(seeds)


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds a step: on the wall, and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    jax.block_until_ready(run())
    return (
        (time.perf_counter() - wall) * 1e3 / STEPS,
        (time.process_time() - processor) * 1e3 / STEPS,
    )


def measured(name: str, repetitions: int) -> list[dict[str, Any]]:
    """One row per engine."""
    ready = {label: Ready(MODELS[name], make()) for label, make in ENGINES.items()}
    runs = {label: partial(r.run, *r.args) for label, r in ready.items()}
    words = ready["replicated"].randomness()
    assert words is not None
    found: dict[str, list[tuple[float, float]]] = {label: [] for label in (*runs, "randomness")}
    for _ in range(repetitions + 1):  # the first is thrown away
        for label, run in (*runs.items(), ("randomness", words)):
            found[label].append(timed(run))
    least = {label: np.min(times[1:], axis=0).tolist() for label, times in found.items()}
    rows = []
    for label, r in ready.items():
        row = {"model": name, "engine": label, "wall_ms": least[label][0], "cpu_ms": least[label][1]}
        row |= {
            f"against_{other}": least[label][1] / least[other][1] for other in ("ring", "ring, all digits")
        }
        row |= {"compile_s": r.compiling[0], "compile_cpu_s": r.compiling[1]}
        row |= {"temporary_mib": r.run.memory_analysis().temp_size_in_bytes / 2**20}
        if label == "replicated":
            row |= {"randomness_cpu_ms": least["randomness"][1], "sent": bill(r.step, *r.plain).lines()}
        rows.append(row)
    return rows


COLUMNS = {
    "model": "model",
    "engine": "engine",
    "wall ms": "wall_ms",
    "processor ms": "cpu_ms",
    "of it randomness": "randomness_cpu_ms",
    "/ ring": "against_ring",
    "/ all digits": "against_ring, all digits",
    "compile s": "compile_s",
    "processor s": "compile_cpu_s",
    "temporary MiB": "temporary_mib",
}


def cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.replicated", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("models", nargs="*", help=f"models to time (default: {', '.join(MODELS)})")
    options = parser.parse_args()
    rows = [row for name in options.models or MODELS for row in measured(name, options.repetitions)]
    if options.json:
        print(json.dumps({"jax": jax.__version__, "batch": BATCH, "rows": rows}))
        return
    screen = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 150)
    table = Table(*COLUMNS, title=f"a step by engine, batch {BATCH}, protocol crypten")
    for r in rows:
        table.add_row(*(cell(r.get(key, "")) for key in COLUMNS.values()))
    screen.print(table)
    for r in rows:
        for line in r.get("sent", []):
            screen.print(f"{r['model']}: {line}", highlight=False)


if __name__ == "__main__":
    main()
