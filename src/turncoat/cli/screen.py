"""What verbs print, and how results reach their folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from turncoat.refusal import Refusal
from turncoat.report.folder import rescue, save

screen, notices = Console(), Console(stderr=True)

Files = Mapping[str, bytes | str]


def say(text: str, style: str = "") -> None:
    """A line on standard error."""
    notices.print(text, style=style, soft_wrap=True, markup=False, highlight=False)


def show(text: str, table: RenderableType, as_json: bool) -> None:
    """A result on standard output: its JSON text, or its table."""
    if not as_json:
        screen.print(table, crop=False)  # a long path is left whole
        return
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # JSON can do without what standard output cannot encode
        text = json.dumps(json.loads(text), indent=2)
    print(text.rstrip("\n"))


def deliver(
    text: str,
    table: RenderableType,
    as_json: bool,
    folder: Path | None,
    files: Callable[[], Files],
    what: str,
) -> None:
    """Prints a result first, then writes its files and says where, `what` before the folder.

    Where the folder cannot be written any more they go to a temporary one, and the exit code is 1: the result is
    not where it was wanted.
    """
    try:
        show(text, table, as_json)
    finally:  # of a closed pipe, say
        if folder is not None:
            _keep(folder, files(), what)


def _keep(folder: Path, files: Files, what: str) -> None:
    try:
        say(what.format(folder=save(folder, files)))
    except Refusal as refusal:
        say(f"turncoat: {refusal}")
        try:
            say(what.format(folder=rescue(folder.name, files)))
        except Refusal as again:
            say(f"turncoat: {again}; the result is what was printed above")
        raise typer.Exit(1) from refusal


LEFT = TimeRemainingColumn(elapsed_when_finished=True)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, if that is a terminal; `report(what, done, total)` moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), LEFT)
    bar, tasks = Progress(*columns, console=notices, transient=True), {}

    def report(what: str, done: int, total: int) -> None:
        if not notices.is_terminal:
            return
        bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total or None)
        bar.update(tasks[what], completed=done, total=total or None)

    try:
        yield report
    finally:
        if notices.is_terminal:
            bar.stop()


@contextmanager
def aside() -> Iterator[None]:
    """What a user's own code prints goes to standard error: standard output is the result's."""
    with redirect_stdout(sys.stderr):
        yield


def command() -> str:
    """The command line as it was given."""
    return shlex.join(["turncoat", *sys.argv[1:]])


def as_text(content: Any) -> str:
    """Plain data as the JSON text of a file."""
    return json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n"
