"""One party on MP-SPDZ: replicated sharing in Z_2^64 among three, of which one may be corrupt.

The party compiles the tape by the user's own installation and runs MP-SPDZ's own virtual machine on it: passive
`replicated-ring-party.x`, or `malicious-rep-ring-party.x`, whose products are checked. The honest parties' is
unchanged. The corrupt party's is built from a copy of the source in which `corrupt_party.patch` changes one thing: it
adds errors, from a file, to its own summand of a product, and so to the message that it sends and to its own copy.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mp_spdz_numbers import PRECISION, summand, timer
from party import Party
from tape import Array, Tape, load_numbered

DATA = re.compile(r"^Data sent = (\S+) MB in ~(\d+) rounds", re.M)
TIMES = re.compile(r"^Time(\d+) = (\S+) seconds", re.M)
NUMBER = re.compile(r"\d[\d.e+-]*")
OURS = re.compile(r"^(Starting timer|Stopped timer|Time|Data sent|Global data sent).*\n?", re.M)
"""What MP-SPDZ says of the program's timers, and what it counted, which is reported."""
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
PORT = 5000
"""The first port in a network in which there is nothing else."""
WAITS = "trying again in a second"
"""What MP-SPDZ says, for ten minutes, where its port is taken."""


def main() -> None:
    party = Party.of_arguments()
    os.chdir(party.own)
    tape, tree = party.tape, Path(party.options["tree"])
    malicious = party.options.get("malicious", "")
    program = "malicious-rep-ring-party.x" if malicious else "replicated-ring-party.x"
    errors = load_numbered(party.own / "errors.npz")
    compiled(tree, party, malicious)
    give_inputs(party, tape)
    (party.own / "errors.txt").write_text("".join(_lines(tape, errors)))
    certify(party)
    where = Path(party.options["corrupt"]) if errors else tree
    link = meet(party)
    try:
        said, found = played(party, [*link.prefix, str(where / program)])
    finally:
        link.close()
    sys.stdout.write(NUMBER.sub("#", OURS.sub("", said)))  # other numbers in it are times
    party.times = [(seconds, found["processor"]) for seconds in steps_of(said, tape.steps)]
    sent, rounds = DATA.findall(said)[-1]
    counted = {"sent_bytes": round(float(sent) * 1e6), "rounds": int(rounds)}
    party.report(tape, revealed(party, tape), version=version(tree), peak_mib=found["peak_mib"], **counted)


def compiled(tree: Path, party: Party, malicious: str) -> None:
    beside = Path(__file__).with_name("mp_spdz_compile.py")
    command = [sys.executable, str(beside), str(tree), str(party.folder), malicious]
    _done("MP-SPDZ's compiler", command)


def give_inputs(party: Party, tape: Tape) -> None:
    """This party's private inputs, in the order in which the program asks for them."""
    given = load_numbered(party.own / "inputs.npz")
    lines = []
    for number, op in enumerate(tape.ops):
        if op.name == "share" and party.owner(number) == party.rank:
            scale = PRECISION if op.sort == "fixed" else 0
            whole = np.rint(np.asarray(given[number], np.float64) * 2.0**scale).astype(np.int64)
            lines.append(" ".join(map(str, whole.ravel().tolist())) + "\n")
    Path("Player-Data").mkdir(exist_ok=True)
    Path(f"Player-Data/Input-P{party.rank}-0").write_text("".join(lines))


def _lines(tape: Tape, errors: dict[int, Array]) -> Any:
    for number, error in errors.items():
        whole = summand(tape.ops[number], error).ravel().tolist()
        yield f"{timer(tape.ops[number])} {len(whole)} {' '.join(map(str, whole))}\n"


# ---- the connection ---------------------------------------------------------------------------------------


def certify(party: Party) -> None:
    """A key of this party's own, and everybody's certificates: MP-SPDZ lets nobody else in."""
    name = f"Player-Data/P{party.rank}"
    made = ["-out", f"{name}.pem", "-keyout", f"{name}.key"]
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-x509", "-subj", f"/CN=P{party.rank}", *made)
    published(party, "certificate", Path(f"{name}.pem").read_text())
    for rank, text in enumerate(everybodys(party, "certificate")):
        Path(f"Player-Data/P{rank}.pem").write_text(text)
    _openssl("rehash", "Player-Data")


def _openssl(*arguments: str) -> None:
    _done(f"openssl {arguments[0]}", ["openssl", *arguments])


def _done(what: str, command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_end_with_this_process,
    )
    if done.returncode:
        raise SystemExit(f"{what}: {done.stdout}")


def meet(party: Party) -> Link:
    """Where the parties find each other: in a network of their own, in which there is nothing else, or by free ports.

    MP-SPDZ listens on all interfaces. Where the system lets users make network namespaces (Linux), its parties run in
    one that has a loopback interface alone. Elsewhere the system chooses ports, and a socket keeps each: it is bound
    to it and does not listen, so that MP-SPDZ can and nobody else is given it.
    """
    holder = _network() if party.rank == 0 else None
    if party.rank == 0:
        published(party, "network", "" if holder is None else str(holder.pid))
    network = everybodys(party, "network", [0])[0]
    kept = socket.socket()
    if network:
        ports = [str(PORT + rank) for rank in range(party.parties)]
        enter = ["nsenter", "--target", network, "--user", "--net", "--preserve-credentials"]
        prefix = [*enter, "setpriv", "--pdeathsig", "KILL"]  # entering forgets with whom to end
    else:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("", 0))
        published(party, "port", str(kept.getsockname()[1]))
        ports, prefix = everybodys(party, "port"), []
    Path("parties").write_text("".join(f"127.0.0.1:{port}\n" for port in ports))
    return Link(prefix, kept, holder)


@dataclass
class Link:
    """What a program is started behind, and what is held while it runs."""

    prefix: list[str]
    kept: socket.socket
    holder: subprocess.Popen[str] | None

    def close(self) -> None:
        self.kept.close()
        if self.holder is not None:
            self.holder.kill()
            self.holder.wait()


def _network() -> subprocess.Popen[str] | None:
    """A process in a network of its own, or None where none can be made."""
    if not all(map(shutil.which, ("unshare", "nsenter", "setpriv", "ip"))):
        return None
    inside = "ip link set lo up && echo up && exec setpriv --pdeathsig KILL sleep infinity"
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", inside]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if holder.stdout is not None and holder.stdout.readline() == "up\n":
        return holder
    holder.wait()
    return None


def published(party: Party, what: str, text: str) -> None:
    """A file for the others, which is there once it is whole."""
    made = party.own / f"{what}.new"
    made.write_text(text)
    made.rename(party.folder / f"{what}{party.rank}")


def everybodys(party: Party, what: str, ranks: Sequence[int] | None = None) -> list[str]:
    """What all parties have published, or those of some ranks."""
    paths = [party.folder / f"{what}{rank}" for rank in (range(party.parties) if ranks is None else ranks)]
    while not all(path.exists() for path in paths):
        time.sleep(0.02)
    return [path.read_text() for path in paths]


# ---- the run ----------------------------------------------------------------------------------------------


def played(party: Party, program: list[str]) -> tuple[str, dict[str, float]]:
    """What MP-SPDZ's party said, and its peak memory and processor seconds a step; it ends when this process does."""
    command = [*program, "-p", str(party.rank), "--ip-file-name", "parties", "tape"]
    environment = os.environ | {"CORRUPT_PARTY_ERRORS": str(party.own / "errors.txt")}
    log, peak, before = party.own / "mp-spdz.log", 0.0, _used()
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, preexec_fn=_end_with_this_process
        )
        while child.poll() is None:
            peak = max(peak, memory(child.pid))
            if WAITS in log.read_text(errors="replace"):
                child.kill()
            time.sleep(0.02)
    said = log.read_text(errors="replace")
    if child.returncode:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"status {child.returncode}"
        print(f"{Path(program[-1]).name} ended with {how}: {reason(said)}", flush=True)
        raise SystemExit(2)
    return said, {"peak_mib": peak, "processor": (_used() - before) / max(party.tape.steps, 1)}


def _used() -> float:
    """Seconds of processor time of the processes that this one has waited for."""
    used = os.times()
    return used.children_user + used.children_system


def _end_with_this_process() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def reason(said: str) -> str:
    """Why MP-SPDZ stopped, in its own words."""
    found = re.findall(r"(?:what\(\): |Fatal error).*", said)
    return found[-1] if found else said[-300:]


def memory(process: int) -> float:
    """The most memory, in MiB, that a process has had resident; 0 once it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 2**10 if found else 0.0


def steps_of(said: str, steps: int) -> list[float]:
    times = {int(number): float(seconds) for number, seconds in TIMES.findall(said)}
    return [times[step] for step in range(1, steps + 1)]


def revealed(party: Party, tape: Tape) -> list[Array]:
    """What was opened, in the order of the tape's outputs."""
    numbers = np.fromfile(f"Player-Data/Binary-Output-P{party.rank}-0", np.int64) / 2.0**PRECISION
    shapes = [tape.ops[wire].shape for wire in tape.outputs]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = np.split(numbers, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def version(tree: Path) -> str:
    found = re.search(r"^## (\d[\d.]*)", (tree / "CHANGELOG.md").read_text(), re.M)
    return f"mp-spdz {found[1]}" if found else "mp-spdz"


if __name__ == "__main__":
    main()
