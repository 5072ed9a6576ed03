"""What amplified gradients do, in floats: `python -m bench.amplification [--data fmnist] [--trials 5]`.

Engine `replicated`, which leaves the way in, takes 50 ms a step for a network of 784-128-10. An error e in a bit's
conversion makes ([active] - 2e) G of what flows back to a ReLU (`tests/adversary/test_amplify.py` holds the engine to
that), so the same training runs here with that formula: attack `gradient-amplification` at several strengths, and
all records negated.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.attacks.gradient_amplification import GradientAmplification
from turncoat.experiments.attacked import contributed
from turncoat.experiments.trial import Trial
from turncoat.jobs.loop import predictions
from turncoat.jobs.models import Model, Params
from turncoat.jobs.setup import Setup

STRENGTHS = (0, -1, -2, -3, -5)


def gradient(model: Model, params: Params, x: Array, y: Array, e: Array) -> Params:
    """That of a summed cross-entropy loss, the last ReLU's amplified by an e for each example."""
    inputs, active = [x], []
    for i in range(model.layers):
        inputs.append(inputs[-1] @ params[f"w{i}"] + params[f"b{i}"])
        active.append(inputs[-1] > 0)
        if i < model.layers - 1:
            inputs[-1] = jnp.where(active[-1], inputs[-1], 0)
    g, grads = jax.nn.softmax(inputs.pop()) - y, {}
    for i in reversed(range(model.layers)):
        grads |= {f"w{i}": inputs[i].T @ g, f"b{i}": g.sum(0)}
        if i:
            extra = 2.0 * e[:, None] if i == model.layers - 1 else 0.0
            g = (active[i - 1] - extra) * (g @ params[f"w{i}"].T)
    return grads


@partial(jax.jit, static_argnums=(0, 1))
def trained(model: Model, rate: float, given: tuple[Any, ...], e: Array) -> Params:
    """The model after all steps; `e` holds each record's."""
    params, x, y, order = given

    def step(params: Params, index: Array) -> tuple[Params, None]:
        grads = gradient(model, params, x[index], y[index], e[index])
        return {n: p - rate / len(index) * grads[n] for n, p in params.items()}, None

    return lax.scan(step, params, order)[0]


def trial(job: Setup, seed: int) -> dict[str, tuple[float, float]]:
    """Accuracy and success of one trial's runs, by what was done."""
    attack = GradientAmplification()
    t = Trial.of(job.deployed(), seed).drawn(attack.goal)
    view, test, told = t.view(attack.goal), t.splits.test, t.case.told
    records = attack.contribute(view)
    mine = jnp.arange(view.records) >= view.records - len(records[0])
    honest, poisoned = t.arguments(), t.arguments(contributed(t.splits.victim, records))
    none = jnp.zeros(view.records)
    runs = {"honest": (honest, none), "all negated, e = 1": (honest, none + 1)}
    runs |= {f"contributed, e = {e}": (poisoned, jnp.where(mine, float(e), 0.0)) for e in STRENGTHS}
    found = {}
    for name, (given, e) in runs.items():
        params = trained(t.model, t.job.origin.training(len(t.splits.victim)).learning_rate, given, e)
        taken = predictions(t.model, params, told["records"]) == told["labels"]
        right = predictions(t.model, params, test.x) == test.y
        found[name] = float(np.mean(right)), float(np.mean(taken))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.amplification", description=__doc__)
    parser.add_argument("--data", default="fmnist")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    job = Setup(options.data, "mlp", protocol="exact")
    every = [trial(job, options.seed + i) for i in range(options.trials)]
    print("| run | accuracy | success | least and most |\n|---|---|---|---|")
    for name in every[0]:
        accuracy, success = (np.array([found[name][i] for found in every]) for i in (0, 1))
        print(
            f"| {name} | {accuracy.mean():.3f} | {success.mean():.2f} | {success.min():.1f}, {success.max():.1f} |"
        )


if __name__ == "__main__":
    main()
