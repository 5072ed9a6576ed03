"""`make bench`: a secured step against the plain jitted step.

Each row is timed interleaved with the plain step (A B A B ...), on the same arguments, and reported as the
median of the ratios. `call` is one step called from Python; `scan` is one step of a compiled loop of 50.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat.jobs import models

BATCH, STEPS, TARGET = 100, 50, 1.05


def arguments(model: models.Model, seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    x = jnp.asarray(rng.random((BATCH, model.widths[0]), np.float32))
    y = model.encode(rng.integers(0, model.classes, BATCH))
    return model.init(jax.random.key(seed)), x, y


def looped(step: Callable, **kwargs) -> Callable:
    """`STEPS` steps as one compiled loop."""

    def run(params, x, y):
        def body(carry, _):
            return step(carry, x, y, **kwargs), None

        return jax.lax.scan(body, params, None, length=STEPS)[0]

    return jax.jit(run)


def seconds(f: Callable, args: tuple) -> float:
    start = time.perf_counter()
    jax.block_until_ready(f(*args))
    return time.perf_counter() - start


def ratio(f: Callable, plain: Callable, args: tuple, repetitions: int) -> tuple[float, float]:
    """Median ratio of f to plain, and the median seconds of f, after a warm-up of each."""
    for g in (f, plain):
        seconds(g, args)
    pairs = [(seconds(f, args), seconds(plain, args)) for _ in range(repetitions)]
    return median(a / b for a, b in pairs), median(a for a, _ in pairs)


def rows(repetitions: int, seed: int) -> list[dict]:
    out = []
    for name, model in (
        ("lr 784-10", models.logistic_regression(784, 10)),
        ("mlp 784-128-10", models.mlp(784, 10)),
        ("cnn 28x28-980-100-10", models.cnn((28, 28), 10)),
    ):
        args = arguments(model, seed)
        plain = partial(model.step, learning_rate=0.1)
        hit = {f"{model.layer(0).name}0/grad_weights": jnp.zeros(args[0]["w0"].shape).at[0, 0].set(1.0)}
        for protocol in ("exact", "crypten"):
            step = tc.secure(plain, protocol=protocol)
            for case, errors in (("no errors", None), ("one site hit", hit)):
                secured = partial(step, errors=errors)
                call, per_call = ratio(secured, jax.jit(plain), args, repetitions)
                scan, per_scan = ratio(looped(secured), looped(plain), args, repetitions)
                out.append(
                    {"model": name, "protocol": protocol, "case": case, "call": call, "scan": scan,
                     "call_ms": per_call * 1e3, "scan_step_ms": per_scan * 1e3 / STEPS}
                )  # fmt: skip
    return out


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    if options.repetitions < 20:
        parser.error("a median needs at least 20 repetitions")
    found = rows(options.repetitions, options.seed)
    machine = f"jax {jax.__version__}, {jax.default_backend()}, {platform.machine()}"
    if options.json:
        print(json.dumps({"machine": machine, "batch": BATCH, "rows": found}))
        return
    table = Table(title=f"secured step / plain jitted step, batch {BATCH} ({machine})")
    for heading in ("model", "protocol", "case"):
        table.add_column(heading)
    for heading in ("call", "in a scan", "ms a call", "ms a step"):
        table.add_column(heading, justify="right")
    for r in found:
        table.add_row(
            r["model"], r["protocol"], r["case"], f"{r['call']:.3f}", f"{r['scan']:.3f}",
            f"{r['call_ms']:.3f}", f"{r['scan_step_ms']:.3f}",
        )  # fmt: skip
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
