"""How long the attack surface takes, over unrolled programs of 100 to 10,000 sites: `python -m bench.surface_speed`.

Each program is one kind of operation, unrolled until it has so many sites: what users write who loop in Python.
The time is that of a first `surface` (trace, walk, exposure); nothing of an earlier one is reused but what this
process has compiled. The target is 5 seconds per 1,000 sites at every size, so that the time is linear in the sites.
It is held against processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from rich.console import Console
from rich.table import Table

import turncoat as tc

SIZES = (100, 1_000, 10_000)
TARGET = 5.0
"""Seconds of processor time per 1,000 sites."""
Step = Callable[..., Any]


def dense(count: int) -> tuple[Step, tuple[Any, ...]]:
    """Training steps of a perceptron with a hidden layer, one after the other on rows of the batch."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        hidden = jnp.where((z := x @ params["w0"] + params["b0"]) > 0, z, 0.0)
        return jnp.mean((hidden @ params["w1"] + params["b1"] - y) ** 2)

    def run(params: Any, x: Any, y: Any) -> Any:
        for i in range(count):
            slopes = jax.grad(loss)(params, x[i % 4 :: 4], y[i % 4 :: 4])
            params = jax.tree.map(lambda p, g: p - 0.1 * g, params, slopes)
        return params

    widths = {"w0": (8, 16), "b0": (16,), "w1": (16, 3), "b1": (3,)}
    return run, ({n: _array(s) for n, s in widths.items()}, _array((32, 8)), _array((32, 3)))


def convolution(count: int) -> tuple[Step, tuple[Any, ...]]:
    """Training steps of a convolution with average pooling."""

    def loss(w: Any, x: Any) -> Any:
        z = lax.conv_general_dilated(x, w, (1, 1), "SAME")
        pooled = lax.reduce_window(
            jnp.where(z > 0, z, 0.0), 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
        )
        return jnp.mean(pooled**2)

    def run(w: Any, x: Any) -> Any:
        for _ in range(count):
            w = w - 0.1 * jax.grad(loss)(w, x)
        return w

    return run, (_array((4, 2, 3, 3)), _array((2, 2, 8, 8)))


def gathers(count: int) -> tuple[Step, tuple[Any, ...]]:
    """Entries at changing public places times others, scattered back and added up, as in a graph network."""

    def run(x: Any, w: Any) -> Any:
        for i in range(count):
            places = (jnp.arange(12) * (i + 2)) % 17
            x = x.at[places].add(x[places] * w) if i % 2 else x.at[i % 17].set(x[(i + 1) % 17] * w[0])
        return x

    return run, (_array((17, 3)), _array((12, 3)))


def secret_places(count: int) -> tuple[Step, tuple[Any, ...]]:
    """Rows of a table at secret ids, sorted."""

    def run(table: Any, ids: Any) -> Any:
        total = table[0]
        for i in range(count):
            total = total + jnp.sort(table[ids[i % 4]]) * table[i % 5]
        return total

    return run, (_array((5, 4)), jax.ShapeDtypeStruct((4,), jnp.int32))


def slices(count: int) -> tuple[Step, tuple[Any, ...]]:
    """Elimination of an unrolled triangle, matrix after matrix of other sizes: no two slices are alike."""

    def run(a: Any) -> Any:
        size, column = 8, 0
        for i in range(count):
            size, column = (size, column + 1) if column < size - 2 else (8 + i % 23, 0)
            below = a[column + 1 : size, column : column + 1] * a[column : column + 1, column + 1 : size]
            a = a.at[column + 1 : size, column + 1 : size].add(-below)
        return a

    return run, (_array((32, 32)),)


def loop(count: int) -> tuple[Step, tuple[Any, ...]]:
    """A scan whose body is unrolled: a recurrence with so many products a pass."""

    def body(h: Any, x: Any) -> tuple[Any, Any]:
        for i in range(count):
            h = h + 0.1 * jnp.roll(h, i % 3) * x if i % 2 else jnp.where(h > x, h, x)
        return h, h.sum()

    def run(h: Any, xs: Any) -> Any:
        return lax.scan(body, h, xs)

    return run, (_array((6,)), _array((5, 6)))


PROGRAMS: dict[str, Callable[[int], tuple[Step, tuple[Any, ...]]]] = {
    "dense training": dense,
    "convolution training": convolution,
    "gathers": gathers,
    "secret places, sorts": secret_places,
    "changing slices": slices,
    "a loop": loop,
}


def _array(shape: tuple[int, ...]) -> Any:
    return jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]


def sites_of(name: str, count: int, protocol: str, engine: str) -> tuple[int, float, float]:
    """How many sites a program unrolled so often has, and what its surface takes: seconds, of them of processors."""
    f, args = PROGRAMS[name](count)
    began, processor = time.perf_counter(), time.process_time()
    surface = tc.secure(f, protocol=protocol, engine=engine).surface(*args)
    return len(surface), time.perf_counter() - began, time.process_time() - processor


def measured(name: str, sizes: tuple[int, ...], protocol: str, engine: str) -> list[tuple[int, float, float]]:
    """Sites and seconds of one program, unrolled to about each of these sizes."""
    few, many = (sites_of(name, count, protocol, engine)[0] for count in (2, 4))
    each, rest = (many - few) / 2, 2 * few - many
    return [sites_of(name, max(round((n - rest) / each), 1), protocol, engine) for n in sizes]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.surface_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}; all by default"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="about so many sites")
    parser.add_argument("--protocol", default="exact")
    parser.add_argument("--engine", default="reals")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*uses arrays that are not its arguments")
    title = f"the surface, protocol {options.protocol} on {options.engine}"
    table = Table(title=f"{title} (target: {TARGET:g} s per 1,000 sites)")
    for heading in ("program", "sites", "s", "processor s", "per 1,000"):
        table.add_column(heading, justify="left" if heading == "program" else "right")
    slow = False
    for name in options.programs or PROGRAMS:
        for sites, seconds, processor in measured(
            name, tuple(options.sizes), options.protocol, options.engine
        ):
            each = 1e3 * processor / sites
            slow |= each > TARGET
            table.add_row(name, f"{sites:,}", f"{seconds:.2f}", f"{processor:.2f}", f"{each:.2f}")
    Console(file=sys.stdout).print(table)
    sys.exit(slow)


if __name__ == "__main__":
    main()
