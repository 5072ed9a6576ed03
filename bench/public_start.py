"""Parameter transfer to networks from a public start (section 5.1): `python -m bench.public_start [--trials 3]`.

A network is trained on the first 10,000 records of the data set and published; the victims fine-tune it on records
that are none of these, and the adversary, who has the same start, computes on its own records what its poisoned ones
change there. Beside it the same attack on the same job from a secret start, which is refused.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import turncoat as tc
from turncoat.data import Dataset
from turncoat.jobs.loop import batch_order
from turncoat.refusal import Refusal

PUBLISHED = 10_000
ATTACKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("backdoor", {}),
    ("backdoor", {"strength": 1.0}),
    ("backdoor", {"rows": "all"}),
    ("backdoor", {"rows": "all", "strength": 0.3}),
    ("targeted", {}),
    ("targeted", {"transfer": "gradient"}),
)


def fine_tuning(model: str, dataset: Dataset, before: int, epochs: int) -> tc.Job:
    """The job of fine-tuning a network that was trained for `before` epochs on the first records of the data set."""
    first = replace(dataset, x=dataset.x[:PUBLISHED], y=dataset.y[:PUBLISHED], test_from=None)
    official = None if dataset.test_from is None else dataset.test_from - PUBLISHED
    rest = replace(dataset, x=dataset.x[PUBLISHED:], y=dataset.y[PUBLISHED:], test_from=official)
    start = trained(tc.jobs.named(model, first, epochs=before))
    job = tc.jobs.named(model, rest, epochs=epochs)
    return replace(job, init=lambda key: jax.tree.map(jnp.asarray, start), initial="public")


def trained(job: tc.Job) -> Any:
    """A model trained in the clear on all records of its job."""
    x, y = jnp.asarray(job.data.x), job.labelled(job.data.y)
    order = batch_order(jax.random.key(1), len(x), job)

    @jax.jit
    def run(state: Any) -> Any:
        def body(state: Any, index: Any) -> tuple[Any, None]:
            return job.step(state, x[index].reshape(len(index), *job.shape), y[index]), None

        return jax.lax.scan(body, state, order)[0]

    return jax.tree.map(np.asarray, run(job.init(jax.random.key(0))))


def measured(job: tc.Job, name: str, settings: dict[str, Any], trials: int, seed: int) -> list[str]:
    """Accuracy and success, honest and attacked; or why the attack has no way in."""
    try:
        result = tc.attack(name, job, protocol="crypten", trials=trials, seed=seed, **settings)
    except Refusal as refused:
        return [str(refused), "", ""]
    honest, attacked = result.honest, result.attacked
    success = attacked.success
    return [
        f"{honest.accuracy.mean:.4f} > {attacked.accuracy.mean:.4f}",
        f"{honest.success.mean:.3f} > {success.mean:.3f} ({success.low:.3f} to {success.high:.3f})",
        f"{result.errors:,}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.public_start", description=__doc__)
    parser.add_argument("--data", default="fmnist")
    parser.add_argument("--models", nargs="+", default=["mlp", "cnn"])
    parser.add_argument("--before", type=int, default=3, help="epochs of the published network")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of fine-tuning")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--seed", type=int, default=5000)
    options = parser.parse_args()
    dataset = tc.data.load(options.data)
    table = Table(title=f"fine-tuning from a public start, {options.data}, {options.trials} trials")
    for heading in ("model", "start", "attack", "accuracy", "success", "errors"):
        table.add_column(heading)
    for model in options.models:
        job = fine_tuning(model, dataset, options.before, options.epochs)
        for start in ("public", "secret"):
            for name, settings in ATTACKS if start == "public" else ATTACKS[:1]:
                given = " ".join([name, *(f"{k}={v}" for k, v in settings.items())])
                row = measured(replace(job, initial=start), name, settings, options.trials, options.seed)
                table.add_row(model, start, given, *row)
    Console(file=sys.stdout, width=140).print(table)


if __name__ == "__main__":
    main()
