"""What it costs to prove a step's products and ANDs: `python -m bench.checks`.

Steps of a model on engine `replicated` (batch 100, protocol `crypten`, parameters that stay shared), with and without
a check; processor time of all threads, the least of several calls. *Check* is what the check adds for one prover; all
three prove at the same time, each on its own machine. Bytes are those of all three, counted from shapes. `--honest N`
makes N honest steps of a small model instead, all with everything proved, and counts false aborts.
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
from turncoat.engines.replicated import Replicated, failed
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.checks.plan import soundness
from turncoat.jobs import models

MODELS = {
    "lr 64-10": (models.logistic_regression(64, 10), 100, 1),
    "lr 64-10, batch 200": (models.logistic_regression(64, 10), 200, 1),
    "lr 64-10, batch 400": (models.logistic_regression(64, 10), 400, 1),
    "lr 64-10, 4 steps a check": (models.logistic_regression(64, 10), 100, 4),
    "lr 784-10": (models.logistic_regression(784, 10), 100, 1),
    "mlp 784-128-10": (models.mlp(784, 10), 100, 1),
}
CHECKS = ("none", "all", "matrices", "0.01")


class Ready:
    """A compiled step, or as many as one check is about."""

    def __init__(self, model: models.Model, batch: int, steps: int, check: str) -> None:
        rng = np.random.default_rng(0)
        engine, x = Replicated(check=check), rng.random((batch, model.widths[0]), np.float32)
        labels = model.encode(rng.integers(0, model.classes, batch))
        one = partial(model.step, learning_rate=0.1)

        def several(params: Any, x: Any, y: Any) -> Any:
            return jax.lax.scan(lambda p, _: (one(p, x, y), None), params, length=steps)[0]

        self.steps = steps
        self.plain = model.init(jax.random.key(0)), jnp.asarray(x), labels
        self.step = tc.secure(one if steps == 1 else several, protocol="crypten", engine=engine)
        args = tc.share(self.plain, engine)
        began = time.process_time()
        self.run = jax.jit(lambda key, *args: self.step(*args, randomness=key)).lower(
            jax.random.key(0), *args
        )
        self.compiled = self.run.compile()
        self.compile_s, self.args = time.process_time() - began, args

    def milliseconds(self, repetitions: int) -> float:
        times = []
        for i in range(repetitions + 1):
            began = time.process_time()
            out = jax.block_until_ready(self.compiled(jax.random.key(i), *self.args))
            times.append((time.process_time() - began) * 1e3 / self.steps)
            assert not failed(out).any(), "an honest step was aborted"
        return min(times[1:])


def measured(name: str, checks: list[str], repetitions: int) -> list[dict[str, Any]]:
    """One row per check."""
    rows: list[dict[str, Any]] = []
    for check in checks:
        ready = Ready(*MODELS[name], check)
        row: dict[str, Any] = {"model": name, "check": check, "ms": ready.milliseconds(repetitions)}
        row["compile_s"] = ready.compile_s
        row["mib"] = ready.compiled.memory_analysis().temp_size_in_bytes / 2**20
        sent = bill(ready.step, *ready.plain)
        row["online_bytes"] = sent.total.bytes / ready.steps
        if sent.proof is not None:
            row |= {"proof_bytes": sent.proof.bytes / ready.steps, "rounds": sent.proof.rounds}
            row |= {"passes": soundness(sent.proof.counts)}
        rows.append(row)
    if rows[0]["check"] == "none":
        for row in rows[1:]:
            row |= {"check_ms": row["ms"] - rows[0]["ms"], "ratio": row["ms"] / rows[0]["ms"]}
    return rows


def honest(steps: int) -> dict[str, Any]:
    """Honest steps of a small model, each with other numbers and randomness: how many were aborted."""
    model, engine, at_once = models.logistic_regression(4, 2), Replicated(check="all"), 100
    step = tc.secure(partial(model.step, learning_rate=0.1), protocol="crypten", engine=engine)

    def one(key: Any) -> Any:
        first, second, third = jax.random.split(key, 3)
        x = jax.random.uniform(first, (3, 4))
        y = jax.nn.one_hot(jax.random.randint(second, (3,), 0, 2), 2)
        return failed(step(*tc.share((model.init(first), x, y), engine, third), randomness=key)).any()

    run = jax.jit(lambda keys: jax.lax.map(one, keys))
    aborted, made = 0, 0
    while made < steps:
        aborted += int(run(jax.random.split(jax.random.key(made), at_once)).sum())
        made += at_once
    return {"steps": made, "aborted": aborted}


COLUMNS = {
    "model": "model",
    "check": "check",
    "ms": "ms",
    "of it check": "check_ms",
    "/ passive": "ratio",
    "MiB": "mib",
    "compile s": "compile_s",
    "bytes online": "online_bytes",
    "of the proof": "proof_bytes",
    "rounds": "rounds",
    "passes with": "passes",
}


def cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.1e}" if value < 1e-3 else f"{value:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.checks", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--checks", nargs="*", default=list(CHECKS), help=f"default: {' '.join(CHECKS)}")
    parser.add_argument("--honest", type=int, help="count false aborts in so many honest steps")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("models", nargs="*", help=f"models to time (default: {', '.join(MODELS)})")
    options = parser.parse_args()
    if options.honest:
        print(json.dumps(honest(options.honest)))
        return
    rows = [r for n in options.models or MODELS for r in measured(n, options.checks, options.repetitions)]
    if options.json:
        print(json.dumps({"jax": jax.__version__, "rows": rows}))
        return
    table = Table(*COLUMNS, title="a step with its check, by prover; processor time")
    for row in rows:
        table.add_row(*(cell(row.get(key, "")) for key in COLUMNS.values()))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 150).print(table)


if __name__ == "__main__":
    main()
