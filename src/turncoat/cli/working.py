"""The options of verbs that work for long: what is finished is kept, and found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from turncoat.cli import interrupts
from turncoat.cli.options import Common, named
from turncoat.cli.screen import command
from turncoat.experiments import executors, store
from turncoat.experiments.memory import Memory
from turncoat.refusal import Refusal
from turncoat.report.numbers import counted


@dataclass(frozen=True)
class Working(Common):
    """The options that every verb has, where finished work is kept, and where it is done."""

    cache: Annotated[
        Path | None,
        typer.Option(help=f"Where finished work is kept; by default ${store.VARIABLE}, or the user's cache."),
    ] = None
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep no finished work, and use none of earlier runs.")
    ] = False

    executor: Annotated[
        str, typer.Option(help=named("Where trials run, if not in this process", executors.CATALOGUE))
    ] = "local"
    workers: Annotated[int, typer.Option(help="How many trials run at a time.")] = 1
    address: Annotated[
        str | None,
        typer.Option(
            help="A scheduler of dask's or Ray's that runs already and shares the folder of --cache."
        ),
    ] = None

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """What this run starts with, keeps, and runs on; from now on Ctrl-C says how much is kept."""
        if self.no_cache and self.cache is not None:
            raise Refusal("--cache and --no-cache contradict each other; leave one out")
        executor = executors.get(self.executor, self.workers, self.address)
        with ExitStack() as stack:
            found = (
                store.NOTHING if self.no_cache else store.at(self.cache) if self.cache else store.default()
            )
            if executor is not None and found.folder is None:  # workers hand over what they finish in a store
                found = store.at(stack.enter_context(TemporaryDirectory(prefix="turncoat-")))
            each = None if executor is None else stack.enter_context(executor.started())
            memory = Memory(found, command(), each, self.workers)
            interrupts.kept(lambda: kept(memory, self.no_cache))
            yield memory


def kept(memory: Memory, forgotten: bool = False) -> str:
    """What is kept of a run that is stopped, as a phrase."""
    if forgotten or not memory.finished:
        return "nothing of this run is kept, and the same command starts it again"
    parts = counted(memory.finished, "part")
    return f"what was finished is kept ({parts}), and the same command goes on from there"
