"""Ctrl-C at random times: `python -m bench.interrupts` interrupts an audit 50 times and says how each run ended.

Each run is a process of its own, an audit by one attack, and is sent SIGINT after a time drawn between its
start and the time that a whole run takes. Wanted: exit code 130, one sentence, and no half-written folder.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

JOB = """
[job]
epochs = 1
[run]
trials = 1
[attacks.backdoor]
"""
COMMAND = ("audit", "job.toml", "--json")
# A shell that runs this in the background ignores the signal, and so would its children.
ENTRY = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from turncoat.cli import main
open("started", "w").close()
main()
"""
STARTED = "started"
"""A file that a run leaves once Python itself has started: before that the signal is not ours."""
EARLIEST = 0.02


def interrupted(folder: Path, after: float | None, *arguments: str) -> tuple[int, str, float]:
    """Exit code, standard error and seconds of a run, interrupted so many seconds after its start, or never."""
    (folder / "job.toml").write_text(JOB)
    places = ["--out", str(folder / "out"), "--cache", str(folder / "cells")]
    command = [sys.executable, "-c", ENTRY, *arguments, *places]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, **streams) as run:  # type: ignore[call-overload]
        while not (folder / STARTED).exists() and run.poll() is None:
            time.sleep(0.005)
        began = time.monotonic()
        try:
            _, said = run.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGINT)
            _, said = run.communicate(timeout=120)
    return run.returncode, said.decode(errors="replace"), time.monotonic() - began


def how(folder: Path, code: int, said: str) -> str:
    """How a run ended, in words: each fault is named."""
    sentences = [line for line in said.splitlines() if line.startswith("stopped; ")]
    left = sorted(path.name for path in folder.iterdir() if path.name.startswith(".turncoat"))
    whole = not (folder / "out").exists() or (folder / "out" / "files.json").is_file()
    if code == 0:
        return "was over before"
    faults = [
        f"exit code {code}" if code != 130 else "",
        f"{len(sentences)} sentences" if len(sentences) != 1 else "",
        "a traceback" if "Traceback" in said else "",
        "a folder half written" if left or not whole else "",
    ]
    return "; ".join(filter(None, faults)) or "130 and one sentence"


def main() -> None:
    """Interrupts as often as asked, at times from one seed, and prints a line for each way to end."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=50)
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    draw, ends, delays = random.Random(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as made:
        _, _, whole = interrupted(Path(made), None, *COMMAND)
    for _ in range(options.times):
        after = draw.uniform(EARLIEST, whole)
        with tempfile.TemporaryDirectory() as made:
            code, said, seconds = interrupted(Path(made), after, *COMMAND)
            ends[how(Path(made), code, said)] += 1
            delays.append(seconds - after)
    print(f"a whole run takes {whole:.1f} s; {options.times} interrupts at random times, seed {options.seed}")
    for end, count in ends.most_common():
        print(f"{count:3}  {end}")
    print(f"from the signal to the end: at most {max(delays):.2f} s ({os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
