"""`turncoat cache`: what finished work is kept, and what of it may go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turncoat.cli import interrupts
from turncoat.cli.options import Common, grouped
from turncoat.cli.screen import as_text, deliver, usable
from turncoat.experiments import store
from turncoat.experiments.kept import Kept, Pruned, kept, pruned
from turncoat.refusal import Refusal
from turncoat.report.numbers import counted, duration

app = typer.Typer(add_completion=False)

Folder = Annotated[
    Path | None,
    typer.Option("--cache", help=f"The folder; by default ${store.VARIABLE}, or the user's cache."),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune", help="Remove what no run of this version would find, damaged files and leftovers."
    ),
]
Older = Annotated[
    str | None,
    typer.Option(
        "--older-than", metavar="AGE", help="With --prune: remove what is older too, as 30d or 12h."
    ),
]
All = Annotated[bool, typer.Option("--all", help="With --prune: remove everything.")]
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
@grouped
def cache(
    *, folder: Folder = None, prune: Prune = False, older: Older = None, every: All = False, common: Common
) -> None:
    """Lists the finished work that is kept, or removes some of it."""
    age = None if older is None else _age(older)
    if not prune and (every or age is not None):
        raise Refusal("--all and --older-than say what --prune removes; give --prune too")
    found = store.Store(folder.expanduser().resolve()) if folder is not None else store.default()
    if found.folder is None:
        raise Refusal(f"${store.VARIABLE} says that nothing is kept; name a folder by --cache")
    out = common.out and usable(common.out, "cache.json")
    with interrupts.writing():
        gone = pruned(found, age, every) if prune else None
    left = kept(found)
    text = as_text(_said(found.folder, left, gone))
    said = "The list is in {folder}"
    deliver(text, _table(found.folder, left, gone), common.as_json, out, lambda: {"cache.json": text}, said)


def _age(text: str) -> timedelta:
    parts = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if parts is None:
        raise Refusal(f"--older-than takes an age such as 30m, 12h, 30d or 4w, not {text!r}")
    return timedelta(**{UNITS[parts[2]]: int(parts[1])})


def _said(folder: Path, left: Sequence[Kept], gone: Pruned | None) -> dict[str, object]:
    return {
        "format": "turncoat.cache/1",
        "folder": str(folder),
        "cells": sum(one.cells for one in left),
        "bytes": sum(one.size for one in left),
        "kept": [one._asdict() for one in left],
        "removed": None if gone is None else gone._asdict(),
    }


def _table(folder: Path, left: Sequence[Kept], gone: Pruned | None) -> RenderableType:
    """A line for each command, job and attack."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Job", "Of it", "From", "Parts", "Size", "Took", "Last"):
        table.add_column(heading, justify="right" if heading in ("Parts", "Size", "Took") else "left")
    for one in left:
        table.add_row(
            *(Text(t) for t in (one.job, one.what, one.command, f"{one.cells:,}", size(one.size))),
            Text(duration(one.seconds)),
            Text(one.last.replace("T", " ")[:16]),
        )
    whole = sum(one.cells for one in left), sum(one.size for one in left)
    lines: list[RenderableType] = [table] if left else []
    lines.append(Text(f"{counted(whole[0], 'part')} of finished work, {size(whole[1])}, in {folder}"))
    if gone is not None:
        lines.append(Text(f"Removed: {counted(gone.files, 'file')}, {size(gone.size)}"))
    return Group(*lines)


def size(number: int) -> str:
    """Bytes in the largest unit of which there is one."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number = round(number / 1000)
    return f"{number:,.0f} GB"
