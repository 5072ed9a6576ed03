"""What workers make of long work: `python -m bench.scaling` measures the overhead of a cell, and one and two workers.

With `--cache DIR`, a folder of finished cells, it also computes what 1, 2, 10 and 100 workers would make of all of
them: attack after attack, each worker compiling an attack's programs once, its trials shared out evenly; or job
beside job, each job with all its attacks one worker's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from turncoat.experiments import codec, executors
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import Store, about
from turncoat.jobs import fingerprint
from turncoat.jobs.setup import Setup

REPEATS = 20
WORKERS = (1, 2, 10, 100)


def of_a_cell() -> None:
    """What it takes to name, write and read one cell."""
    print("| cell of | name of the job | name | write | read | size |\n|---|---|---|---|---|---|")
    for job in (Setup("digits"), Setup("digits", "mlp")):
        with tempfile.TemporaryDirectory() as made:
            kept = Store(Path(made))
            run(Experiment("availability", job, {}, trials=1), memory=Memory(kept))
            (path,) = [p for p in kept.paths() if about(p)["cell"] == "attack"]
            found, target, memory = kept.read(path.stem), job.deployed(), Memory(kept)
            assert found is not None
            encoded, cell = codec.encoded(found.value), {"cell": "attack", "seed": 0}
            first = timed(lambda t=target: fingerprint.of_deployed(t), 1)
            name = timed(lambda m=memory, t=target, c=cell: m.key(t, c))
            write = timed(lambda k=kept, e=encoded, a=found.about: k.write("0" * 64, e, a))
            read = timed(lambda k=kept: k.read("0" * 64))
            times = " | ".join(f"{1000 * t:.1f} ms" for t in (first, name, write, read))
            print(f"| {job.data} {job.model} | {times} | {path.stat().st_size / 1000:.0f} kB |")


def timed(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of a call, the mean of so many."""
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


def of_workers(trials: int, epochs: int) -> None:
    """One attack on one and on two workers, from an empty store."""
    print(
        "\n| executor | workers | until they are ready | an attack of", trials, "trials |\n|---|---|---|---|"
    )
    job = Setup("digits", "mlp", epochs=epochs)
    for name, workers in (("local", 1), ("local", 2), ("dask", 2)):
        with ExitStack() as stack, tempfile.TemporaryDirectory() as made:
            began, executor = time.perf_counter(), executors.get(name, workers)
            each = None if executor is None else stack.enter_context(executor.started())
            ready = time.perf_counter() - began
            run(
                Experiment("availability", job, {}, trials),
                memory=Memory(Store(Path(made)), "", each, workers),
            )
            whole = time.perf_counter() - began - ready
            print(f"| {name} | {workers} | {ready:.1f} s | {whole:.1f} s |", flush=True)


def of_more(folder: Path) -> None:
    """What workers would make of the cells in a folder, computed from what each took."""
    every = sorted((about(path) for path in Store(folder).paths()), key=lambda said: str(said["created"]))
    newest = [one for one in every if one["surroundings"]["source"] == every[-1]["surroundings"]["source"]]
    attacks = _seconds(newest, ("cell", "data", "job", "protocol", "engine", "attack", "settings")).values()
    jobs = [sum(times) for times in _seconds(newest, ("data", "job", "protocol", "engine")).values()]
    print(f"\n{len(newest)} cells of the newest version: {len(attacks)} attacks and kinds of honest run")
    print(f"on {len(jobs)} jobs\n\n| workers | attack after attack | job beside job |\n|---|---|---|")
    for workers in WORKERS:
        after = sum(spread(times, workers) for times in attacks)
        print(f"| {workers} | {after:.0f} s | {side_by_side(jobs, workers):.0f} s |")


def _seconds(cells: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[tuple[str, ...], list[float]]:
    """The seconds of cells, by what is said of them under these names."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for said in cells:
        found[tuple(str(said.get(name)) for name in names)].append(float(said["seconds"]))
    return found


def side_by_side(jobs: Sequence[float], workers: int) -> float:
    """Seconds until the last of so many workers is done, each job given to the one that is free first."""
    busy = [0.0] * workers
    for seconds in sorted(jobs, reverse=True):
        busy[busy.index(min(busy))] += seconds
    return max(busy)


def spread(times: list[float], workers: int) -> float:
    """Seconds of an attack's trials, of which the first to be computed compiled: each worker has to do that."""
    each = sorted(times)[(len(times) - 1) // 2]
    compiling = max(max(times) - each, 0.0)
    return compiling + each * -(-len(times) // workers)


def main() -> None:
    """Prints what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--cache", type=Path)
    asked.add_argument("--trials", type=int, default=8)
    asked.add_argument("--epochs", type=int, default=40)
    options = asked.parse_args()
    if options.cache is not None:
        of_more(options.cache)
        return
    of_a_cell()
    of_workers(options.trials, options.epochs)


if __name__ == "__main__":
    main()
