"""What verbs print, and how results reach their folder."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, RenderableType

from turncoat.cli import interrupts
from turncoat.cli.progress import Report, bars, lines
from turncoat.refusal import Refusal
from turncoat.report.folder import rescue, save
from turncoat.report.folder import usable as _usable

if TYPE_CHECKING:
    from turncoat.results.json import Found

screen, notices = Console(), Console(stderr=True)

STDOUT, STDERR = 1, 2

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


def usable(folder: str | Path, kind: str) -> Path:
    """`report.folder.usable`, whose trial file is removed even if Ctrl-C comes meanwhile."""
    with interrupts.writing():
        return _usable(folder, kind)


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
        _written(what, lambda: save(folder, files))
    except Refusal as refusal:
        say(f"turncoat: {refusal}")
        try:
            _written(what, lambda: rescue(folder.name, files))
        except Refusal as again:
            say(f"turncoat: {again}; the result is what was printed above")
        raise typer.Exit(1) from refusal


def _written(what: str, write: Callable[[], Path]) -> None:
    """Writes a result, whole even if Ctrl-C comes meanwhile, and says where it is."""
    with interrupts.writing():
        said = what.format(folder=write())
        interrupts.kept(said[:1].lower() + said[1:])
    say(said)


@contextmanager
def progress() -> Iterator[Report]:
    """`report(what, done, total)` moves bars on standard error, or its lines where that is no terminal that has any.

    What a user's own code prints meanwhile goes to standard error as well.
    """
    has_bars = notices.is_terminal and not notices.is_dumb_terminal
    with aside(), bars(notices) if has_bars else lines(say) as report:
        yield report


@contextmanager
def aside() -> Iterator[None]:
    """What a user's own code prints goes to standard error, by whichever way: standard output is the result's."""
    with _descriptor_aside(), redirect_stdout(sys.stderr):
        yield
        if "jax" in sys.modules:  # what compiled code prints comes when it likes
            sys.modules["jax"].effects_barrier()


@contextmanager
def _descriptor_aside() -> Iterator[None]:
    """The process's own standard output too, which other programs and libraries in C write to."""
    try:
        plain = sys.stdout.fileno() == STDOUT
    except (OSError, ValueError, AttributeError):  # a stream of a test's or a notebook's
        plain = False
    if not plain:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    try:
        yield
    finally:
        os.dup2(saved, STDOUT)
        os.close(saved)


def command() -> str:
    """The command line as it was given."""
    return shlex.join(["turncoat", *sys.argv[1:]])


def as_text(content: Any) -> str:
    """Plain data as the JSON text of a file."""
    return json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n"


def report_of(found: Found) -> Files:
    """The files of a result's folder: the result, its page and its pictures."""
    # imported here, as they draw: the help needs none of it
    from turncoat.report.files import files_of
    from turncoat.report.saved import Saved

    return files_of(Saved(found))
