"""One run among real parties: what each is given, and what each saw and revealed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.parties.backends import Backend
from turncoat.parties.launcher import Failed, launch
from turncoat.parties.programs.tape import Array, Tape, load_numbered, save_numbered
from turncoat.refusal import Refusal

COUNTED = ("rounds", "messages", "sent_bytes", "received_bytes", "bytes")


@dataclass(frozen=True)
class Session:
    """How parties are run: the engine and its interpreter, how many there are, and seconds until all are ended.

    `party` is the one that this machine runs where they are on several, and None where it runs all of them.
    `options` are what this engine's program is told besides; `grace` is how many seconds parties have to fail by
    themselves once one has failed.
    """

    backend: Backend
    parties: int = 3
    corrupt: int = 0
    deadline: float = 600.0
    python: str = sys.executable
    options: Mapping[str, str] = field(default_factory=dict)
    grace: float = 0.0
    party: int | None = None

    def __post_init__(self) -> None:
        if not self.deadline > 0:
            raise Refusal(f"--deadline is a number of seconds above 0, not {self.deadline:g}")
        self.backend.check_parties(self.parties, self.corrupt)
        self.backend.check_installed(self.python)

    @property
    def honest(self) -> list[int]:
        return [i for i in range(self.parties) if i != self.corrupt]

    @property
    def here(self) -> list[int]:
        """The parties that this machine runs."""
        return [*range(self.parties)] if self.party is None else [self.party]


@dataclass(frozen=True, eq=False)
class Ended:
    """A run that ended well: of each party here its report and what it printed, and what all of them revealed."""

    reports: dict[int, dict[str, Any]]
    said: dict[int, str]
    revealed: list[Array]
    seconds: float

    def seen(self, party: int) -> dict[str, Any]:
        """What an honest party could tell runs apart by: equal in a clean and a tampered run."""
        report = self.reports[party]
        counted = {name: report[name] for name in COUNTED if name in report}
        return {"exit_code": 0, "printed": self.said[party], **counted}


def run(
    session: Session,
    tape: Tape,
    inputs: Mapping[int, Array],
    errors: Mapping[int, Array],
    more: Mapping[str, bytes] | None = None,
    given: Collection[int] = (),
) -> Ended:
    """Starts the parties on a tape, each with its own inputs; only the corrupt one gets the errors.

    The private inputs belong to the honest parties in turn, but for those `given` by the corrupt one; `more` are
    files for all, by name. Raises Failed where a
    party fails, where they revealed different things, or did not run this tape.
    """
    with tempfile.TemporaryDirectory(prefix="turncoat-") as made:
        folder = Path(made)
        for name, content in (more or {}).items():
            (folder / name).write_bytes(content)
        tape.save(folder / "tape.npz")
        _deal(folder, session, inputs, errors, _owners(session, inputs, given))
        began = time.perf_counter()
        said = launch(_commands(session, folder), folder, session.deadline, _environment(), session.grace)
        seconds = time.perf_counter() - began
        own = {i: folder / f"party{i}" for i in session.here}
        reports = {i: json.loads((path / "report.json").read_text()) for i, path in own.items()}
        revealed = {i: list(load_numbered(path / "revealed.npz").values()) for i, path in own.items()}
    first = session.here[0]
    for i, report in reports.items():
        if report["tape"] != tape.hash:
            raise Failed(f"party {i} says that it ran another program than the one it was given")
        if not all(np.array_equal(a, b) for a, b in zip(revealed[i], revealed[first], strict=True)):
            raise Failed(f"party {i} saw another result revealed than party {first} did")
    return Ended(reports, dict(zip(session.here, said, strict=True)), revealed[first], seconds)


def _owners(session: Session, inputs: Mapping[int, Array], given: Collection[int]) -> dict[int, int]:
    """Who gives each private input."""
    others = [number for number in inputs if number not in given]
    honest = {number: session.honest[i % len(session.honest)] for i, number in enumerate(others)}
    return honest | dict.fromkeys(given, session.corrupt)


def _deal(
    folder: Path,
    session: Session,
    inputs: Mapping[int, Array],
    errors: Mapping[int, Array],
    owners: Mapping[int, int],
) -> None:
    """Who gives what, for all, and each party's own folder with what is its alone."""
    (folder / "owners.json").write_text(json.dumps(owners))
    for party in session.here:
        own = folder / f"party{party}"
        own.mkdir(mode=0o700)
        save_numbered(own / "inputs.npz", {n: a for n, a in inputs.items() if owners[n] == party})
    if errors and session.corrupt in session.here:
        save_numbered(folder / f"party{session.corrupt}" / "errors.npz", errors)


def _commands(session: Session, folder: Path) -> list[list[str]]:
    base = [session.python, str(session.backend.file), "--folder", str(folder)]
    base += ["--parties", str(session.parties), "--engine", session.backend.name]
    base += [f"--set={name}={value}" for name, value in session.options.items()]
    return [[*base, "--rank", str(rank)] for rank in session.here]


def _environment() -> dict[str, str]:
    """One thread a party: they share this machine's cores. Flags for this process's compiler are not an engine's."""
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
