"""Model-epochs a second: `python -m bench.training`. Training as the attacks run it, beside bare loops.

One model-epoch is one pass of one model over 20,000 records of 784 features in batches of 100. `turncoat`
is `turncoat.jobs.loop.train` under a protocol; `bare scan` the same gradient steps as a jitted `jax.lax.scan`
without any protocol: with the exact softmax, or with CrypTen's circuit for it in plain JAX. scikit-learn's and
PyTorch's loops do the same work (softmax cross-entropy, plain gradient descent, the same batches), where they
are installed. All are interleaved (A B C A B C ...) and the median is shown, with the ratio to the bare
scan of the same formulas (for other libraries, of the exact ones) as the median of the pairs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from turncoat import functions
from turncoat.data.dataset import of_arrays
from turncoat.jobs import models
from turncoat.jobs.builtin import Training, built_in
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import batch_order, schedule, train

RECORDS, FEATURES, CLASSES = 20_000, 784, 10
MODELS = {"lr": models.logistic_regression(FEATURES, CLASSES), "mlp": models.mlp(FEATURES, CLASSES)}


def records(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((RECORDS, FEATURES), np.float32), rng.integers(0, CLASSES, RECORDS)


def secured(model: models.Model, training: Training, protocol: str, x: np.ndarray, y: np.ndarray) -> Callable:
    job = built_in(model, training, of_arrays(x, y))
    step = Deployed.of(job, protocol, "reals").step
    params, shared, encoded = job.init(jax.random.key(0)), jnp.asarray(x), model.encode(y)
    order = schedule(jax.random.key(1), RECORDS, job)
    return lambda: jax.block_until_ready(train(step, params, shared, encoded, order)[0])


def batches(model: models.Model, training: Training, x: np.ndarray, y: np.ndarray) -> Any:
    """The records of each step, for every way the same."""
    return batch_order(jax.random.key(1), RECORDS, built_in(model, training, of_arrays(x, y)))


def bare(model: models.Model, training: Training, x: np.ndarray, y: np.ndarray) -> Callable:
    params, shared, encoded = model.init(jax.random.key(0)), jnp.asarray(x), model.encode(y)
    order = batches(model, training, x, y)

    @jax.jit
    def run(params: Any, x: Any, y: Any, order: Any) -> Any:
        def body(params: Any, index: Any) -> tuple:
            return model.step(params, x[index], y[index], training.learning_rate), None

        return jax.lax.scan(body, params, order)[0]

    return lambda: jax.block_until_ready(run(params, shared, encoded, order))


def softmax_of_crypten(x: jax.Array) -> jax.Array:
    """The circuit of `turncoat.protocols.crypten`, with its tournament, in plain JAX."""

    def exp(x: jax.Array) -> jax.Array:
        y = 1 + x / 2**8
        for _ in range(8):
            y = y * y
        return y

    largest = x
    while (n := largest.shape[-1]) > 1:
        a, b, rest = jnp.split(largest, (n // 2, n // 2 * 2), axis=-1)
        largest = jnp.concatenate([jnp.where(a < b, b, a), rest], axis=-1)
    e = exp(x - largest)
    total = jnp.sum(e, axis=-1, keepdims=True)
    inverse = 3 * exp(1 - 2 * total) + 0.003
    for _ in range(10):
        inverse = 2 * inverse - total * inverse * inverse
    return e * inverse


def bare_crypten(model: models.Model, training: Training, x: np.ndarray, y: np.ndarray) -> Callable:
    with mock.patch.object(functions, "softmax", softmax_of_crypten):
        run = bare(model, training, x, y)
        run()  # traced with CrypTen's formula
    return run


def scikit_learn(model: models.Model, training: Training, x: np.ndarray, y: np.ndarray) -> Callable:
    """`MLPClassifier`, which without hidden layers is softmax regression; raises ImportError without it."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    def run() -> None:
        net = MLPClassifier(
            model.widths[1:-1], solver="sgd", alpha=0.0, batch_size=training.batch, momentum=0.0,
            learning_rate_init=training.learning_rate, max_iter=training.epochs, n_iter_no_change=10_000, tol=0.0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            net.fit(x, y)

    return run


def pytorch(model: models.Model, training: Training, x: np.ndarray, y: np.ndarray) -> Callable:
    """A plain loop; raises ImportError where PyTorch is not installed."""
    import torch

    layers: list[Any] = []
    for i, (n, m) in enumerate(zip(model.widths[:-1], model.widths[1:], strict=True)):
        layers += [torch.nn.ReLU()] if i else []
        layers.append(torch.nn.Linear(n, m))
    net, loss = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    descent = torch.optim.SGD(net.parameters(), lr=training.learning_rate)
    order = torch.from_numpy(np.array(batches(model, training, x, y), np.int64))
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)

    def run() -> None:
        for index in order:
            descent.zero_grad()
            loss(net(inputs[index]), labels[index]).backward()
            descent.step()

    return run


def seconds(run: Callable) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def formulas(way: str) -> str:
    return "crypten" if "(crypten)" in way else "exact"


def measured(name: str, epochs: int, repetitions: int) -> list[dict[str, Any]]:
    """One row per way of training the model, with its speed and its ratio to the bare scan."""
    model, training, (x, y) = MODELS[name], Training(epochs=epochs), records(0)
    ways = {
        "turncoat (crypten)": secured(model, training, "crypten", x, y),
        "turncoat (exact)": secured(model, training, "exact", x, y),
        "bare scan (crypten)": bare_crypten(model, training, x, y),
        "bare scan (exact)": bare(model, training, x, y),
    }
    for library, way in (("scikit-learn", scikit_learn), ("PyTorch", pytorch)):
        try:
            ways[library] = way(model, training, x, y)
        except ImportError:
            print(
                f"{library} is not installed; its loop is left out (pip install 'turncoat[bench]').",
                file=sys.stderr,
            )
    for run in ways.values():
        run()  # compile
    times = [{way: seconds(run) for way, run in ways.items()} for _ in range(repetitions)]
    return [
        {
            "model": name,
            "way": way,
            "model_epochs_a_second": epochs / median(t[way] for t in times),
            "ratio_to_bare_scan": median(t[f"bare scan ({formulas(way)})"] / t[way] for t in times),
        }
        for way in ways
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    rows = [row for name in MODELS for row in measured(name, options.epochs, options.repetitions)]
    if options.json:
        print(json.dumps({"jax": jax.__version__, "backend": jax.default_backend(), "rows": rows}))
        return
    table = Table(title=f"training speed, {RECORDS:,} x {FEATURES} records, batch 100")
    for heading in ("model", "way", "model-epochs / s", "ratio to the bare scan"):
        table.add_column(heading)
    for row in rows:
        speed, share = f"{row['model_epochs_a_second']:.1f}", f"{row['ratio_to_bare_scan']:.3f}"
        table.add_row(row["model"], row["way"], speed, share)
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
