"""What fixed point changes: `python -m bench.fixed_point`. Engine `ring` beside `reals`, all numbers exact repeats.

Four tables: how far honest training (34 steps on digits, protocol crypten) ends from float64; a large error
at the softmax output against wrap-around; an error of a weight gradient below the last bit; the exponential of
protocol crypten outside its domain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import turncoat as tc
from turncoat import data, engines, functions
from turncoat.jobs import models

PAIR = ("reals", "ring")
WATCHED = (*PAIR, "ring:monitor=true")
STEPS, BATCH, UNIT = 34, 100, 2.0**-18
INITIAL = 16


def sigmoid_step(params: Any, x: Any, y: Any, learning_rate: float) -> Any:
    """A step of a perceptron with sigmoids where `models.mlp` has ReLUs."""
    h = functions.sigmoid(x @ params["w0"] + params["b0"])
    g = functions.softmax(h @ params["w1"] + params["b1"]) - y
    g0 = (g @ params["w1"].T) * h * (1 - h)
    grads = {"w0": x.T @ g0, "b0": g0.sum(0), "w1": h.T @ g, "b1": g.sum(0)}
    return {name: params[name] - learning_rate / len(x) * grads[name] for name in params}


def training(model: models.Model, step: Callable, engine: str) -> Callable[[Any], Any]:
    """Two epochs on digits from an initial model, in float64 or fixed point."""
    digits, chosen = data.load("digits"), engines.get(engine)
    index = jnp.arange(STEPS * BATCH).reshape(STEPS, BATCH) % 1700
    x, y = jnp.asarray(digits.x, jnp.float64)[index], model.encode(digits.y)[index].astype(jnp.float64)
    secured = tc.secure(partial(step, learning_rate=0.5), protocol="crypten", engine=chosen)

    @jax.jit
    def run(params: Any) -> Any:
        def body(params: Any, batch: tuple) -> Any:
            return secured(params, *batch[:2], randomness=batch[2]), None

        keys = jax.random.split(jax.random.key(1), STEPS)
        return tc.reveal(jax.lax.scan(body, tc.share(params, chosen), (x, y, keys))[0])

    return run


def agreement() -> None:
    keys = jax.random.split(jax.random.key(0), INITIAL)
    lr, mlp = models.logistic_regression(64, 10), models.mlp(64, 10, (32,))
    for name, model, step in (
        ("lr 64-10", lr, lr.step),
        ("mlp 64-32-10", mlp, mlp.step),
        ("sigmoid neurons", mlp, sigmoid_step),
    ):
        begun = [jax.tree.map(lambda a: a.astype(jnp.float64), model.init(key)) for key in keys]
        reference = [*map(training(model, step, "reals"), begun)]
        for engine in ("ring", "ring:precision=16", "ring:precision=22", "ring:truncation=probabilistic"):
            pairs = zip(map(training(model, step, engine), begun), reference, strict=True)
            apart = sorted(max(float(jnp.abs(p[k] - r[k]).max()) for k in r) for p, r in pairs)
            print(f"  {name:15} {engine:30} {apart[0]:.1e}  {np.median(apart):.1e}  {apart[-1]:.1e}")


def one_step() -> tuple[Callable, tuple]:
    """A step of logistic regression on 100 records whose first feature is 1, on any engine."""
    model, rng = models.logistic_regression(4, 3), np.random.default_rng(0)
    x = jnp.asarray(rng.random((BATCH, 4), np.float32)).at[:, 0].set(1.0)
    args = model.init(jax.random.key(0)), x, model.encode(rng.integers(0, 3, BATCH))
    return (lambda engine: tc.secure(partial(model.step, learning_rate=0.1), engine=engine)), args


def moves(site: str, error: Any, where: tuple[int, int], names: tuple[str, ...]) -> list[float]:
    """How far an error moves an entry of the weights on each engine."""
    step, args = one_step()
    steps = [step(n) for n in names]
    return [float((s(*args, errors={site: error})["w0"] - s(*args)["w0"])[where]) for s in steps]


def large_errors() -> None:
    step, args = one_step()
    (softmax,) = step("ring").surface(*args).find(kind="ideal")
    for size in (5e2, 1e5, 6e5, 7e5, 2e6):
        error = jnp.zeros((BATCH, 3)).at[:, 0].set(size)
        row = zip(WATCHED, moves(softmax, error, (0, 0), WATCHED), strict=True)
        print(f"  {size:8.0e}  ", "  ".join(f"{n}: {v:.6g}" for n, v in row))


def small_errors() -> None:
    for size in (2.0**-20, 1e-3, 2e-3, 4e-3, 1e-2):
        row = moves("dense0/grad_weights", jnp.zeros((4, 3)).at[1, 1].set(size), (1, 1), PAIR)
        print(f"  {size:8.1e}  ", "  ".join(f"{n}: {v / UNIT:.2f}" for n, v in zip(PAIR, row, strict=True)))


def exponentials() -> None:
    with jax.enable_x64(True):
        for x in (-5.0, -500.0, -520.0, -540.0, 10.0, 18.0):
            row = [tc.secure(jnp.exp, protocol="crypten", engine=n)(jnp.asarray([x]))[0] for n in WATCHED]
            said = "  ".join(f"{n}: {float(v):.6g}" for n, v in zip(WATCHED, row, strict=True))
            print(f"  {x:8.0f}   true: {np.exp(x):.6g}  {said}")


def main() -> None:
    print(f"honest training from {INITIAL} initial models, largest difference of a parameter from float64:")
    print("  the least, the median and the largest")
    with jax.enable_x64(True):
        agreement()
    print("error at the softmax output of all 100 examples: change of a weight")
    large_errors()
    print("error of a weight gradient: change of the weight in units of 2^-18")
    small_errors()
    print("exponential of protocol crypten")
    exponentials()


if __name__ == "__main__":
    main()
