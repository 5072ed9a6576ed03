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
WHOLES = (WHOLE, "the whole paper", "the whole table", "the whole matrix")
"""What the whole is called in reports of progress; anything else is the part that is being run."""
MINUTE, DAY = 60.0, 86400.0
LEFT = TimeRemainingColumn(elapsed_when_finished=True)

Report = Callable[[str, int, int], None]


@dataclass
class State:
    """How far the whole is and the part of it that is run now, each as (name, done, total).

    `firsts` is when a part, by its name, had advanced for the first time, and how far: until then it was compiled.
    `since` is when the whole was told of for the first time, and how far it was.
    """

    began: float = field(default_factory=time.monotonic)
    whole: tuple[str, int, int] | None = None
    part: tuple[str, int, int] | None = None
    firsts: dict[str, tuple[float, int]] = field(default_factory=dict)
    last: float = 0.0
    since: tuple[float, int] | None = None

    def report(self, what: str, done: int, total: int) -> None:
        """Takes a report of progress."""
        if what in WHOLES:
            self.whole, self.since = (what, done, total), self.since or (time.monotonic(), done)
            return
        self.last, self.part = time.monotonic(), (what, done, total)
        if done == 0:
            self.firsts.pop(what, None)
        else:
            self.firsts.setdefault(what, (self.last, done))

    def line(self) -> str:
        """The state in one line: the part, the whole, and the time that is left if it goes on as it has gone."""
        part, whole, passed = self.part, self.whole, duration(time.monotonic() - self.began)
        if part is None:
            return f"starting, for {passed}"
        said = [f"{part[0]}: {_count(part)}"]
        if whole is not None:
            said.append(f"{whole[0]}: {100 * whole[1] / max(whole[2], 1):.0f}%")
        left, most = self.left(), self._most()
        if left is not None:
            return ", ".join([*said, f"{passed} so far", f"about {duration(left)} left"])
        return ", ".join(
            [*said, f"{passed} so far", *([] if most is None else [f"at most {duration(most)} left"])]
        )

    def left(self) -> float | None:
        """The seconds that are left of the whole, or of a part that is all there is; None where nothing tells."""
        if self.whole is not None:
            return self._most()
        name, done, total = self.part or ("", 0, 0)
        began, before = self.firsts.get(name, (0.0, done))
        if not before < done < total:
            return None
        each = (self.last - began) / (done - before)
        return max(each * (total - done) - (time.monotonic() - self.last), 0.0)

    def _most(self) -> float | None:
        """What is left if all goes on as since the start, in which a part that is all there is was compiled."""
        told = self.whole or self.part
        if told is None or not 0 < told[1] < told[2]:
            return None
        began, before = self.since if self.since and self.since[1] < told[1] else (self.began, 0)
        return (time.monotonic() - began) * (told[2] - told[1]) / (told[1] - before)


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
