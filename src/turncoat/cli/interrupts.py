"""Ctrl-C, handled in one place: the process ends at once, with exit code 130 and one sentence that says what is kept.

Compiled code must not be left by an exception: JAX's callbacks swallow some, and others end in a crash of what they
unwind. So no exception is raised. The interpreter writes the signal's number into a pipe as soon as it arrives, and a
thread that waits there ends the process, whatever the main thread computes (`signal.set_wakeup_fd`; `os._exit` runs
no clean-up of anybody's). A run's folder is written whole or not at all: what is being written is finished first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

CODE = 130
"""The exit code: 128 and the number of the signal, as shells have it."""
NOTHING = "stopped; nothing of this run was written, and the same command starts it again"

_lock = threading.RLock()
_state: dict[str, Any] = {"sentence": NOTHING, "raises": False}


def sentence() -> str:
    """What is said of a run that is stopped now."""
    said = _state["sentence"]
    return said if isinstance(said, str) else f"stopped; {said()}"


@contextmanager
def handled() -> Iterator[None]:
    """Ctrl-C inside ends the process; where it is ignored, or this is no main thread, nothing changes."""
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is signal.SIG_IGN:
        yield
        return
    _state.update(sentence=NOTHING, raises=False)
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    woken = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _arrived)
    watch = threading.Thread(target=_watch, args=(reads,), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        signal.set_wakeup_fd(woken)
        os.close(writes)
        watch.join()
        os.close(reads)


@contextmanager
def writing() -> Iterator[None]:
    """What is written inside is finished before Ctrl-C ends the process."""
    with _lock:
        yield


@contextmanager
def by_exception() -> Iterator[None]:
    """Ctrl-C inside is a KeyboardInterrupt: for work that clears up after itself, and compiles nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    woken = signal.set_wakeup_fd(-1)  # the thread that waits is not to hear of it, not even later
    _state["raises"] = True
    try:
        yield
    finally:
        _state["raises"] = False
        signal.set_wakeup_fd(woken)


def kept(what: str | Callable[[], str]) -> None:
    """What is said from now on of a run that is stopped: a phrase that follows on `stopped; `, or what gives it."""
    _state["sentence"] = f"stopped; {what}" if isinstance(what, str) else what


def ignored() -> None:
    """Ctrl-C does nothing any more: all is written, and the interpreter must not be interrupted as it clears up."""
    with suppress(ValueError):  # in another thread than the main one
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _arrived(*_: object) -> None:
    if _state["raises"]:
        raise KeyboardInterrupt


def _watch(reads: int) -> None:
    while numbers := os.read(reads, 64):
        if signal.SIGINT in numbers:
            with _lock:
                _end()


def _end() -> None:
    """Ends the process, a progress bar on the terminal with it."""
    clear = "\r\x1b[K\x1b[?25h" if sys.__stderr__ is not None and sys.__stderr__.isatty() else ""
    os.write(2, f"{clear}{sentence()}\n".encode())
    os._exit(CODE)
