"""Starting the processes of a run, ending them, and what they say when they fail.

Parties whose peer has died may wait for it for ever and silently, so they have an owner: this process. It ends those
that it started on the first failure, at a deadline, and when it is interrupted; should it be killed itself, they
end because the pipe that it holds for each of them closes.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from turncoat.refusal import Refusal

LAST_WORDS = 400  # characters
POLL = 0.05  # seconds


class Failed(Refusal):
    """A party failed or was late; the sentence has its last words, and `words` has those of each."""

    words: tuple[str, ...] = ()


def launch(
    commands: Sequence[Sequence[str]],
    folder: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    grace: float = 0.0,
) -> list[str]:
    """Runs one process per command side by side until all end well, and returns what each printed.

    Their output goes to `party{i}.log` in the folder, where they run. Raises Failed on the first failure, or after so
    many seconds, and leaves none running; after a failure the others have `grace` seconds to fail by themselves.
    """
    deadline = time.monotonic() + seconds
    logs = [folder / f"party{i}.log" for i in range(len(commands))]
    children: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        stack.callback(_end, children)
        for command, log in zip(commands, logs, strict=True):
            out = stack.enter_context(log.open("wb"))
            children.append(_started(command, folder, out, environment))
        while (states := [child.poll() for child in children]) != [0] * len(children):
            if any(states):
                _wait(children, grace)
                raise _failed(states, logs)
            if time.monotonic() > deadline:
                late = states.index(None)
                raise Failed(
                    f"party {late} was not done after {seconds:g} seconds, and all were ended; give them longer by "
                    f"--deadline, or fewer steps. Its last words: {last_words(logs[late])}"
                )
            time.sleep(POLL)
    return [log.read_text(errors="replace") for log in logs]


def _started(
    command: Sequence[str], folder: Path, out: IO[bytes], environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=None if environment is None else dict(environment),
    )


def _wait(children: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(child.poll() is None for child in children):
        time.sleep(POLL)


def _failed(states: Sequence[int | None], logs: Sequence[Path]) -> Failed:
    failed = [i for i, status in enumerate(states) if status]
    # a party that was killed says nothing; those that lost it may say more, so they are heard second
    killed = [i for i in failed if (states[i] or 0) < 0]
    i = (killed or failed)[0]
    status = states[i] or 0
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    failure = Failed(f"party {i} {how}, and the others with it. Its last words: {last_words(logs[i])}")
    failure.words = tuple(map(last_words, logs))
    return failure


def _end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is None:
            child.kill()
    for child in children:
        child.wait()
        if child.stdin is not None:
            child.stdin.close()


def last_words(log: Path) -> str:
    """The end of what a party printed, on one line."""
    said = " ".join(log.read_text(errors="replace").split())
    return said[-LAST_WORDS:] or "it said nothing"
