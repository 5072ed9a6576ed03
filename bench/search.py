"""What the universal search reaches: `python -m bench.search [ROW ...]`, in some minutes a row.

Each row is a job, what is searched for and within which budget. One search on the adversary's records of the first
trial; its errors are then made in the training of `--trials` victims, from starts and orders never seen, honestly
beside from the same keys. A target is reached if the rate of success (a mean, its interval beside it) is as high as
wanted and the accuracy falls by one point at most.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flax.linen as nn
import optax

import turncoat as tc
from turncoat.experiments.experiment import Experiment, run
from turncoat.jobs.deployed import Deployed
from turncoat.results.result import Result

HEAD = "| row | protocol | settings | wanted | success | accuracy, honest / attacked | errors | minutes | reached |"
FALL = 0.01


class Mlp(nn.Module):
    """A perceptron of 64-32-10."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(10)(nn.relu(nn.Dense(32)(x.reshape(len(x), -1))))


class Cnn(nn.Module):
    """A convolution, max-pooling and a hidden layer."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.max_pool(nn.relu(nn.Conv(8, (3, 3))(x[..., None])), (2, 2), (2, 2))
        return nn.Dense(10)(nn.relu(nn.Dense(32)(x.reshape(len(x), -1))))


def of_flax(module: Any, optimizer: Any, name: str) -> Callable[[], tc.Job]:
    """A job on digits."""
    return lambda: tc.adapters.linen(module, optimizer, "digits", batch=32, epochs=10, name=name)


def transformer() -> tc.Job:
    """That of the examples."""
    path = Path(__file__).parents[1] / "examples" / "transformer_sequences.py"
    spec = importlib.util.spec_from_file_location("transformer_sequences", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    job: tc.Job = module.job()
    return job


@dataclass(frozen=True)
class Row:
    """A job, its protocol, the search's settings, and the success that is wanted of it."""

    job: Callable[[], tc.Job]
    protocol: str
    settings: Mapping[str, Any]
    wanted: float


FEW = {"errors": 8}
ROWS = {
    "mlp-sgd": Row(of_flax(Mlp(), optax.sgd(0.2), "flax-mlp-sgd"), "crypten", {"iterations": 200}, 0.95),
    "mlp-adam": Row(of_flax(Mlp(), optax.adam(3e-3), "flax-mlp-adam"), "crypten", {}, 0.95),
    "cnn-adam": Row(of_flax(Cnn(), optax.adam(3e-3), "flax-cnn-adam"), "crypten", {"horizon": 40}, 0.95),
    "fmnist-8": Row(lambda: tc.jobs.lr("fmnist"), "crypten", FEW, 0.95),
    "transformer": Row(transformer, "spu", {"iterations": 700}, 0.9),
    "membership": Row(lambda: tc.jobs.lr("digits"), "exact", {"aim": "membership", "iterations": 100}, 0.1),
    "deposit": Row(lambda: tc.jobs.mlp("digits"), "exact", {"aim": "deposit", "iterations": 100}, 0.95),
}


def line(name: str, row: Row, found: Result) -> str:
    """A row of the table."""
    rate, fall = found.attacked.success, found.honest.accuracy.mean - found.attacked.accuracy.mean
    settings = " ".join(f"{key}={value}" for key, value in row.settings.items())
    reached = rate.mean >= row.wanted and fall <= FALL
    cells = [
        name,
        row.protocol,
        settings,
        f"{100 * row.wanted:g} %",
        f"{100 * rate.mean:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})",
        f"{100 * found.honest.accuracy.mean:.1f} / {100 * found.attacked.accuracy.mean:.1f} %",
        f"{found.errors:,}",
        f"{found.seconds / 60:.1f}",
        "yes" if reached else "no",
    ]
    return f"| {' | '.join(cells)} |"


def lines(names: list[str], how: tuple[int, int], minutes: float, protocol: str | None) -> Iterator[str]:
    """The table, as soon as each row is known."""
    yield HEAD
    yield "|" + "---|" * HEAD.count(" |")
    for name in names:
        row = ROWS[name] if protocol is None else replace(ROWS[name], protocol=protocol)
        settings = {"minutes": minutes, **row.settings}
        job = row.job()
        yield line(name, row, one(job, row.protocol, settings, how))


def one(job: tc.Job, protocol: str, settings: Mapping[str, Any], how: tuple[int, int]) -> Result:
    """The attack, without its sweeps."""
    return run(Experiment("search", Deployed.of(job, protocol, "reals"), settings, *how))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0, help="of each search, at most")
    parser.add_argument("--protocol", help="instead of a row's own")
    given = parser.parse_args()
    if unknown := sorted(set(given.rows) - set(ROWS)):
        sys.exit(f"there is no row {unknown[0]!r}; take {', '.join(ROWS)}")
    how = (given.trials, given.seed)
    for text in lines(given.rows or list(ROWS), how, given.minutes, given.protocol):
        print(text, flush=True)


if __name__ == "__main__":
    main()
