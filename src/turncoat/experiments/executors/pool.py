"""Processes of this machine's own: each holds one item at a time, and a dead one is replaced, its item run again."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from typing import Any

from turncoat.experiments.executors.executor import TRIES, Each, Executor

SPAWN = get_context("spawn")
"""JAX's threads do not survive a fork."""


def make(workers: int, address: str | None) -> Executor:
    """So many processes."""
    return Pool(workers)


@dataclass(frozen=True)
class Pool:
    """So many processes, started when there is work for them."""

    workers: int

    @contextmanager
    def started(self) -> Iterator[Each]:
        """The processes, until the `with` ends."""
        running: list[Worker] = []
        try:
            yield lambda function, items: self._each(running, function, items)
        finally:
            for worker in running:
                worker.stop()

    def _each(
        self, running: list[Worker], function: Callable[[Any], Any], items: Sequence[Any]
    ) -> Iterator[Any]:
        left, died = deque(enumerate(items)), Counter[int]()
        while len(running) < min(self.workers, len(items)):
            running.append(Worker.start())
        while left or any(worker.item is not None for worker in running):
            for worker in running:
                if worker.item is None and left:
                    worker.give(left.popleft(), function)
            for place in connection.wait([w.pipe for w in running if w.item is not None]):
                worker = next(w for w in running if w.pipe is place)
                number, item = worker.item
                try:
                    yield worker.pipe.recv()
                    worker.item = None
                except (EOFError, OSError):  # it is dead: another one takes over, and its item too
                    running[running.index(worker)] = Worker.start()
                    died[number] += 1
                    if died[number] < TRIES:
                        left.appendleft((number, item))


@dataclass(eq=False)
class Worker:
    """A process, our end of its pipe, and the item that it has, by number."""

    process: Any
    pipe: Any
    item: Any = None

    @classmethod
    def start(cls) -> Worker:
        """A new process."""
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, item: tuple[int, Any], function: Callable[[Any], Any]) -> None:
        """Lets it work on an item; one that is dead by now is found to be so when its answer is waited for."""
        self.item = item
        with suppress(OSError):
            self.pipe.send((function, item[1]))

    def stop(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _work(pipe: Any) -> None:
    """What a worker does: one item after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    with suppress(EOFError):
        while True:
            function, item = pipe.recv()
            pipe.send(function(item))


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
