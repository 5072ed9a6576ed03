"""The options of verbs that work for long: what is finished is kept, and found again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from turncoat.cli import interrupts
from turncoat.cli.options import Common
from turncoat.cli.screen import command
from turncoat.experiments import store
from turncoat.experiments.memory import Memory
from turncoat.refusal import Refusal
from turncoat.report.numbers import counted


@dataclass(frozen=True)
class Working(Common):
    """The options that every verb has, and where finished work is kept."""

    cache: Annotated[
        Path | None,
        typer.Option(help=f"Where finished work is kept; by default ${store.VARIABLE}, or the user's cache."),
    ] = None
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep no finished work, and use none of earlier runs.")
    ] = False

    def memory(self) -> Memory:
        """What this run starts with, and keeps; from now on Ctrl-C says how much that is."""
        if self.no_cache and self.cache is not None:
            raise Refusal("--cache and --no-cache contradict each other; leave one out")
        found = store.NOTHING if self.no_cache else store.at(self.cache) if self.cache else store.default()
        memory = Memory(found, command())
        interrupts.kept(lambda: kept(memory))
        return memory


def kept(memory: Memory) -> str:
    """What is kept of a run that is stopped, as a phrase."""
    if not memory.finished:
        return "nothing of this run was finished, and the same command starts it again"
    parts = counted(memory.finished, "part")
    return f"what was finished is kept ({parts}), and the same command goes on from there"
