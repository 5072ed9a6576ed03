"""What a party's process does whatever its engine: read inputs, time a step, write what it found.

Standard library and NumPy alone, since other engines' interpreters run it. A party leaves `party{rank}.json` in
the directory it was given, and party 0 the revealed parameters, `revealed.npz`, too.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE, WARM_UP = 0.1, 2

Arrays = dict[str, np.ndarray]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--parties", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--engine", default="")
    parser.add_argument("--ports", default="", help="one per party, separated by commas")
    return parser.parse_args()


def read(directory: Path) -> tuple[np.ndarray, np.ndarray, Arrays]:
    """The batch, the labels and the parameters."""
    with np.load(directory / "inputs.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays.pop("x"), arrays.pop("y"), arrays


def timed(step: Callable[[], Any], barrier: Callable[[], Any], repetitions: int) -> list[dict[str, float]]:
    """Milliseconds of each step, on the wall and of this process's processor time, after a warm-up."""
    found = []
    for _ in range(repetitions + WARM_UP):
        barrier()
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        found.append({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3})
    return found[WARM_UP:]


def peak_mib() -> float:
    """The most memory that this process has had resident.

    Linux counts what the process that started this one had into `ru_maxrss`; its own peak is `VmHWM`.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def report(given: argparse.Namespace, revealed: Arrays | None = None, **found: Any) -> None:
    """Writes this party's measurements; `revealed` is party 0's to give."""
    if revealed is not None:
        np.savez(given.directory / "revealed.npz", **revealed)
    found["peak_mib"] = peak_mib()
    (given.directory / f"party{given.rank}.json").write_text(json.dumps(found))
