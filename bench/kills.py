"""kill -9 at random times: `python -m bench.kills` kills an audit 20 times and compares what comes of it in the end.

Each run is a process of its own with one cache among them, killed at a random time after it has finished none, one
or two more cells. Wanted: whatever was finished stays finished, untouched by the runs after it, and the result of the
last run is that of a run which nobody killed, in every number. `--workers 2` kills a run and its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

JOB = """
[job]
epochs = 2
[run]
trials = 16
[attacks.backdoor]
[attacks.availability]
"""
AUDIT = ("audit", "job.toml")
NEW = (0, 1, 1, 2)
"""How many new cells a run may finish before it is killed: by chance."""
APART = ("created", "seconds", "command")
"""What two runs may differ in: when, for how long, and where to."""


def command(folder: Path, cache: Path, asked: Sequence[str]) -> list[str]:
    """The command line of a run in a folder."""
    line = [sys.executable, "-m", "turncoat", *asked, "--cache", str(cache), "--json"]
    return [*line, "--out", str(folder / f"out-{cache.name}")]


def finished(folder: Path, cache: Path, asked: Sequence[str]) -> Any:
    """The result of a run that is let be."""
    done = subprocess.run(command(folder, cache, asked), cwd=folder, capture_output=True, check=True)
    return without(json.loads(done.stdout))


def killed(folder: Path, cache: Path, asked: Sequence[str], new: int, after: float) -> bool:
    """Whether a run had to be killed so many seconds after it had finished so many new cells, its workers with it."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    wanted, line = len(cells(cache)) + new, command(folder, cache, asked)
    with subprocess.Popen(line, cwd=folder, start_new_session=True, **quiet) as run:  # type: ignore[call-overload]
        while len(cells(cache)) < wanted and run.poll() is None:
            time.sleep(0.01)
        try:
            run.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            return True
    return False


def cells(cache: Path) -> dict[str, int]:
    """The files of finished cells, and when each was written, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in cache.glob("??/*.npz")}


def without(found: Any) -> Any:
    """A result without what two runs may differ in."""
    if isinstance(found, dict):
        return {name: without(value) for name, value in found.items() if name not in APART}
    return [without(value) for value in found] if isinstance(found, list) else found


def main() -> None:
    """Kills as often as asked, prints a line for each, and what was lost."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--times", type=int, default=20)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--workers", type=int, default=1)
    options = asked.parse_args()
    line, draw, lost = (*AUDIT, "--workers", str(options.workers)), random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "job.toml").write_text(JOB)
        began = time.monotonic()
        expected = finished(folder, folder / "whole", AUDIT)
        whole, cache = time.monotonic() - began, folder / "killed"
        every = len(cells(folder / "whole"))
        print(f"a whole run takes {whole:.1f} s and finishes {every} cells\n", flush=True)
        print("| kill | seconds after its last new cell | finished before | then | lost or written again |")
        print("|---|---|---|---|---|")
        for number in range(1, options.times + 1):
            before, new = cells(cache), draw.choice(NEW)
            after = draw.uniform(0, whole / every if new else whole / 2)
            ended = "" if killed(folder, cache, line, new, after) else " (over before)"
            then = cells(cache)
            gone = sum(then.get(name) != written for name, written in before.items())
            lost += gone
            print(f"| {number} | {after:.2f}{ended} | {len(before)} | {len(then)} | {gone} |", flush=True)
        last, before = finished(folder, cache, line), cells(cache)
    print(f"\nlost or written again: {lost}; finished in the end: {len(before)} of {every}")
    print(
        "the last run's result is",
        "the same" if last == expected else "ANOTHER",
        "as of the run nobody killed",
    )
    sys.exit(last != expected or lost > 0)


if __name__ == "__main__":
    main()
