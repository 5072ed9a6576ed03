"""How far a run is: bars on a terminal, one line a minute elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from turncoat.report.numbers import duration

WHOLE = "the whole audit"
WHOLES = (WHOLE, "the whole paper", "the whole matrix")
"""What the whole is called in reports of progress; anything else is the part that is being run."""
MINUTE, DAY = 60.0, 86400.0
LEFT = TimeRemainingColumn(elapsed_when_finished=True)

Report = Callable[[str, int, int], None]


@dataclass
class State:
    """How far the whole is and the part of it that is run now, each as (name, done, total)."""

    began: float = field(default_factory=time.monotonic)
    whole: tuple[str, int, int] | None = None
    part: tuple[str, int, int] | None = None

    def report(self, what: str, done: int, total: int) -> None:
        """Takes a report of progress."""
        if what in WHOLES:
            self.whole = (what, done, total)
        else:
            self.part = (what, done, total)

    def line(self) -> str:
        """The state in one line: the part, the whole, and the time that is left if it goes on as it has gone."""
        part, whole = self.part, self.whole or self.part
        if part is None or whole is None:
            return f"starting, for {duration(time.monotonic() - self.began)}"
        said = [f"{part[0]}: {_count(part)}"]
        if self.whole is not None:
            said.append(f"{whole[0]}: {100 * whole[1] / max(whole[2], 1):.0f}%")
        return ", ".join([*said, self._left(whole[1], whole[2])])

    def _left(self, done: int, total: int) -> str:
        passed = time.monotonic() - self.began
        if not 0 < done < total:
            return f"{duration(passed)} so far"
        return f"{duration(passed)} so far, about {duration(passed * (total - done) / done)} left"


def _count(part: tuple[str, int, int]) -> str:
    return f"{part[1]:,} of {part[2]:,}" if part[2] else f"{part[1]:,}"


@contextmanager
def lines(say: Callable[[str], None], every: float = MINUTE) -> Iterator[Report]:
    """One line after each `every` seconds, also while nothing is reported."""
    state, over = State(), threading.Event()

    def speak() -> None:
        while not over.wait(every):
            say(state.line())

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield state.report
    finally:
        over.set()
        speaker.join()


@contextmanager
def bars(console: Console) -> Iterator[Report]:
    """A bar for the whole, where it is reported, and one for the part of it that is run now."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), LEFT)
    tasks: dict[bool, tuple[TaskID, str]] = {}

    def report(what: str, done: int, total: int) -> None:
        bar.start()
        task, shown = tasks.get(what in WHOLES, (None, what))
        if task is None:
            task = bar.add_task(what, total=total or None)
        elif shown != what:
            bar.reset(task, description=what, total=total or None)
        tasks[what in WHOLES] = task, what
        bar.update(task, completed=done, total=total or None)

    bar = Progress(*columns, console=console, transient=True, speed_estimate_period=DAY)
    try:
        yield report
    finally:
        bar.stop()
