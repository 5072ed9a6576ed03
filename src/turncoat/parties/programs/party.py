"""What a party's process does whatever its engine: read what it was given, run the tape, write what it found.

A party reads `tape.npz` in the folder of the run, and in a folder of its own (`party0`, ...) `inputs.npz` and, if it
is the corrupt one, `errors.npz`. There it leaves `revealed.npz` and `report.json`. Standard library and NumPy alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from interpreter import interpret
from tape import Tape, load_numbered, save_numbered


@dataclass
class Party:
    """One party of a run: its number, how many there are, and the folder of the run; `options` are its engine's."""

    rank: int
    parties: int
    folder: Path
    engine: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    times: list[tuple[float, float]] = field(default_factory=list)
    _began: tuple[float, float] | None = None

    @classmethod
    def of_arguments(cls) -> Party:
        """As the parent process started it; from here on it ends when the parent does."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--folder", type=Path, required=True)
        parser.add_argument("--rank", type=int, required=True)
        parser.add_argument("--parties", type=int, required=True)
        parser.add_argument("--engine", default="")
        parser.add_argument("--set", action="append", default=[])  # what one engine alone is told
        given = parser.parse_args()
        sys.argv = sys.argv[:1]  # engines read these too
        threading.Thread(target=_end_with_the_parent, daemon=True).start()
        options = dict(pair.split("=", 1) for pair in given.set)
        return cls(given.rank, given.parties, given.folder, given.engine, options)

    @property
    def own(self) -> Path:
        return self.folder / f"party{self.rank}"

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """Where the parties are, host and port; none where all are on this machine."""
        given = filter(None, self.options.get("hosts", "").split(","))
        return [(host, int(port)) for host, _, port in (at.rpartition(":") for at in given)]

    @property
    def tape(self) -> Tape:
        return Tape.load(self.folder / "tape.npz")

    def owner(self, share: int) -> int:
        """Who gives the input that this operation shares, as the parent has dealt them out."""
        owners: dict[str, int] = json.loads((self.folder / "owners.json").read_text())
        return owners[str(share)]

    def step(self) -> None:
        """Called when a step begins, and at the end of the last one."""
        now = time.perf_counter(), time.process_time()
        if self._began is not None:
            self.times.append((now[0] - self._began[0], now[1] - self._began[1]))
        self._began = now

    async def run(self, tape: Tape, machine: Any) -> list[Any]:
        """The opened outputs of the tape."""
        inputs, errors = (load_numbered(self.own / f"{name}.npz") for name in ("inputs", "errors"))
        return await interpret(tape, machine, inputs, errors)

    def report(self, tape: Tape, revealed: list[Any], **found: Any) -> None:
        """Writes what this party saw; `found` are the engine's counts and its version."""
        save_numbered(self.own / "revealed.npz", {i: np.asarray(a) for i, a in enumerate(revealed)})
        wall, processor = ([t[i] for t in self.times] for i in (0, 1))
        found = {"peak_mib": peak_mib()} | found
        found |= {"tape": tape.hash, "seconds": wall, "processor": processor}
        (self.own / "report.json").write_text(json.dumps(found))


def _end_with_the_parent() -> None:
    """The parent holds the other end of this process's standard input: it closes when the parent is gone."""
    os.read(0, 1)
    os._exit(1)


def peak_mib() -> float:
    """The most memory that this process has had resident.

    Linux counts what the process that started this one had into `ru_maxrss`; its own peak is `VmHWM`.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
