"""Starting the processes of a run, ending them, and what they say when they fail.

Engines whose peer has died may wait for it for ever and silently, so the processes have an owner: this one, which
ends those it started on the first failure, at a deadline, and when it is interrupted.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

LAST_WORDS = 400  # characters


class Failed(RuntimeError):
    """A party failed or was late; the message has its last words."""


def run(
    commands: Sequence[Sequence[str]], directory: Path, seconds: float, where: Path | None = None
) -> None:
    """Runs one process per command side by side until all end; raises Failed, and leaves none running.

    What party i prints goes to `party{i}.log` in the directory; `where` is the working directory.
    """
    deadline = time.monotonic() + seconds
    children: list[subprocess.Popen] = []
    logs = [directory / f"party{i}.log" for i in range(len(commands))]
    with ExitStack() as stack:
        stack.callback(_end, children)
        for command, log in zip(commands, logs, strict=True):
            out = stack.enter_context(log.open("wb"))
            children.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=where)
            )
        while (states := [c.poll() for c in children]) != [0] * len(children):
            failed = [i for i, status in enumerate(states) if status]
            if failed:
                i = failed[0]
                raise Failed(f"party {i} ended with status {states[i]}: {last_words(logs[i])}")
            if time.monotonic() > deadline:
                i = states.index(None)
                raise Failed(f"party {i} was not done after {seconds:g} seconds: {last_words(logs[i])}")
            time.sleep(0.05)


def _end(children: list[subprocess.Popen]) -> None:
    for child in children:
        if child.poll() is None:
            child.kill()
    for child in children:
        child.wait()


def last_words(log: Path) -> str:
    """The end of what a party printed, on one line."""
    said = " ".join(log.read_text(errors="replace").split())
    return said[-LAST_WORDS:] or "it said nothing"


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
