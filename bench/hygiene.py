"""Kills among real parties: `python -m bench.hygiene --engine mpyc` kills one process of each of 20 runs.

Each run has a process that owns its parties, as `turncoat confirm` does; in turn each party, and then the owner
itself, is ended by SIGKILL at a time drawn between the start of the last party and the end of a whole run. Wanted:
within 10 seconds all processes are gone, the owner names the party in one sentence with its last words, whatever
listened was on the loopback interface and is closed, and no file is left. Linux, whose /proc is read.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turncoat.parties import backends, mp_spdz, session
from turncoat.refusal import Refusal

LIMIT, WHOLE = 10.0, 600.0  # seconds: from a kill to the end of all, and of a run that nobody kills
LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
"""127.0.0.1 and ::1, as the kernel writes them."""
LISTENS = "0A"
OVER = "was over before"
"""What is said of a run that ended before anybody was killed."""
HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Ended:
    """What became of a run after the kill: seconds until all were gone, what the owner said, and faults."""

    party: int | None
    after: float
    seconds: float
    said: str
    faults: tuple[str, ...] = ()


@dataclass
class Watched:
    """The processes below an owner, and where they have listened: address, port, both as the kernel writes them."""

    owner: int
    seen: set[int] = field(default_factory=set)
    listened: set[tuple[str, str]] = field(default_factory=set)

    def look(self) -> dict[int, int]:
        """The parties that run, by their ranks."""
        alive = {self.owner, *below(self.owner)}
        self.seen |= alive
        for process in alive:
            self.listened |= listening(process)
        return {rank: p for p in alive - {self.owner} if (rank := rank_of(p)) is not None}

    def left(self) -> set[int]:
        return {p for p in self.seen if p != self.owner and running(p)}


def kill(prepared: Path, parties: int, party: int | None, after: float) -> Ended:
    """One run on what `prepare` wrote; a party, or None: its owner, is killed so many seconds after all have started.

    A run that ends before is said to be over, `after` so many seconds.
    """
    with tempfile.TemporaryDirectory() as made:
        environment = os.environ | {"TMPDIR": made}
        command = [sys.executable, "-m", "bench.hygiene", "--own", str(prepared)]
        streams = {"stdout": subprocess.PIPE, "text": True, "env": environment, "cwd": HERE}
        with subprocess.Popen(command, **streams) as owner:  # type: ignore[call-overload]
            watched = Watched(owner.pid)
            while len(ranks := watched.look()) < parties and owner.poll() is None:
                time.sleep(0.02)
            started = time.monotonic()
            while time.monotonic() < started + after and owner.poll() is None:
                ranks |= watched.look()
                time.sleep(0.02)
            over, after = owner.poll() is not None, time.monotonic() - started
            over = over or not _ended(owner.pid if party is None else ranks[party])
            began = time.monotonic()
            while (owner.poll() is None or watched.left()) and time.monotonic() < began + 2 * LIMIT:
                time.sleep(0.02)
            seconds = time.monotonic() - began
            faults = [] if over else list(_faults(watched, party, seconds, Path(made)))
            said = "" if owner.poll() is None else (owner.stdout.read() if owner.stdout else "")
            faults += [] if over or party is None else _unsaid(said, party)
            _end(owner, watched)
    return Ended(party, after, seconds, OVER if over else said.strip(), tuple(faults))


def struck(prepared: Path, parties: int, party: int | None, whole: float, draw: random.Random) -> Ended:
    """A kill at a random moment of a run that takes so many seconds, tried again on one that was over by then."""
    while (end := kill(prepared, parties, party, draw.uniform(0, whole))).said == OVER:
        whole = end.after  # what that run took
    return end


def _faults(watched: Watched, party: int | None, seconds: float, made: Path) -> Iterator[str]:
    if seconds > LIMIT:
        yield f"{len(watched.left())} processes left after {seconds:.0f} s"
    if outside := [at for at in watched.listened if at[0] not in LOOPBACK]:
        yield f"listened outside loopback: {outside}"
    if still := watched.listened & everywhere():
        yield f"ports still open: {still}"
    if party is not None and (left := [path.name for path in made.iterdir()]):
        yield f"files left: {left}"


def _unsaid(said: str, party: int) -> list[str]:
    """An owner says one sentence, which names the party that was killed."""
    named = f"party {party} was ended by signal 9" in said and "Its last words: " in said
    return [] if named and len(said.strip().splitlines()) == 1 else [f"said {said.strip()!r}"]


def _ended(process: int) -> bool:
    """Ends a process by SIGKILL; False if it is gone by itself."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _end(owner: subprocess.Popen[str], watched: Watched) -> None:
    """Nothing of a faulty run is left to the next."""
    for process in watched.left():
        os.kill(process, signal.SIGKILL)
    owner.kill()


# ---- what the kernel says ---------------------------------------------------------------------------------


def below(process: int) -> Iterator[int]:
    """The processes that this one has started, and theirs."""
    for task in _listed(f"/proc/{process}/task"):
        for child in map(int, _read(Path(task) / "children").split()):
            yield child
            yield from below(child)


def rank_of(process: int) -> int | None:
    """The number of the party that a process is, or None."""
    words = _read(Path(f"/proc/{process}/cmdline")).split("\0")
    return int(words[words.index("--rank") + 1]) if "--rank" in words else None


def running(process: int) -> bool:
    """Whether it is there; one that has ended and that nobody waits for any more counts as gone."""
    status = _read(Path(f"/proc/{process}/status"))
    return bool(status) and "\tZ" not in status


def listening(process: int) -> set[tuple[str, str]]:
    """Where it listens by TCP; nowhere if it is in a network of its own, in which there is nothing but loopback."""
    interfaces = {
        line.split(":")[0].strip() for line in _read(Path(f"/proc/{process}/net/dev")).splitlines()[2:]
    }
    if interfaces == {"lo"} and _link(f"/proc/{process}/ns/net") != _link("/proc/self/ns/net"):
        return set()
    held = {_link(path).removeprefix("socket:[").removesuffix("]") for path in _listed(f"/proc/{process}/fd")}
    return {at for at, inode in listeners(process) if inode in held}


def _listed(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]
    except OSError:  # the process has ended
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # it has ended, or closed this
        return ""


def listeners(process: int | str) -> Iterator[tuple[tuple[str, str], str]]:
    for name in ("tcp", "tcp6"):
        for line in _read(Path(f"/proc/{process}/net/{name}")).splitlines()[1:]:
            words = line.split()
            if words[3] == LISTENS:
                address, _, port = words[1].partition(":")
                yield (address, port), words[9]


def everywhere() -> set[tuple[str, str]]:
    """Where anybody listens."""
    return {at for at, _ in listeners("self")}


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""


# ---- the runs ---------------------------------------------------------------------------------------------


def prepare(folder: Path, chosen: session.Session, batch: int, steps: int) -> Path:
    """A run that is ready to start, in a file: digits, logistic regression, the honest program."""
    import jax

    from turncoat import attacks
    from turncoat.engines.segments import segments
    from turncoat.experiments import confirm
    from turncoat.jobs.setup import Setup

    with jax.numpy_dtype_promotion("strict"):
        what = confirm.Confirm("backdoor", Setup(batch=batch), chosen, {"strength": 1.0}, steps)
        honest = confirm.predicted(chosen, confirm.drawn(what, attacks.get("backdoor", what.settings)))[0]
    more = {"segments.json": segments(honest.recorded.tape)} if chosen.backend.cut else {}
    return written(folder, chosen, honest.recorded, more)


def written(folder: Path, chosen: session.Session, recorded: Any, more: Any) -> Path:
    """A recorded program and its inputs, for the processes that own a run of it."""
    path = folder / "prepared"
    path.write_bytes(pickle.dumps((chosen, recorded.tape, dict(recorded.inputs), more)))
    return path


def own(prepared: Path) -> None:
    """What the owner does: it starts the parties, and says why it gave up."""
    given: Any = pickle.loads(prepared.read_bytes())
    chosen, tape, inputs, more = given
    try:
        session.run(chosen, tape, inputs, {}, more)
    except Refusal as reason:
        print(reason)


def session_of(given: argparse.Namespace) -> session.Session:
    """Three parties, as the command line says."""
    told = mp_spdz.options(given.mp_spdz) if given.engine == "mp-spdz" else {}
    python = os.path.abspath(given.python) if given.python else sys.executable  # parties run elsewhere
    return session.Session(backends.get(given.engine), 3, 2, python=python, options=told)


def main() -> None:
    """Kills as often as asked, at times from one seed, and prints a line for each run."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--engine", default="mpyc", choices=[*backends.CATALOGUE])
    asked.add_argument("--python", help="the interpreter that has the engine")
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--mp-spdz", help="the folder of MP-SPDZ")
    asked.add_argument("--own", type=Path, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.own:
        return own(options.own)
    draw, chosen, ends = random.Random(options.seed), session_of(options), []
    with tempfile.TemporaryDirectory() as made:
        prepared = prepare(Path(made), chosen, 16, 3)
        whole = kill(prepared, chosen.parties, None, WHOLE).after
        targets = [*range(chosen.parties), None]
        for i in range(options.kills):
            end = struck(prepared, chosen.parties, targets[i % len(targets)], whole, draw)
            ends.append(end)
            who = "the owner" if end.party is None else f"party {end.party}"
            became = "; ".join(end.faults) or end.said
            print(f"{who} after {end.after:4.1f} s: gone {end.seconds:4.1f} s later; {became}", flush=True)
    bad = sum(bool(end.faults) for end in ends)
    print(
        f"{options.engine}: {len(ends)} kills, seed {options.seed}, of runs of {whole:.1f} s; faulty: {bad}"
    )
    print(f"the last process was gone at most {max(end.seconds for end in ends):.1f} s after the kill")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
