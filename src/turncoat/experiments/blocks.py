"""Blocks: some trials of an attack as plain data, which any process can finish and store.

The run itself then finds them in its store: whoever computed a cell, and in which order, makes no difference to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.attacks import Attack
from turncoat.defences.defence import Defence
from turncoat.experiments.attacked import Cells
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import Store
from turncoat.experiments.trial import Progress
from turncoat.jobs import finding, fingerprint
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup

WAITING = "finished by workers"


@dataclass(frozen=True)
class Block:
    """Trials of an attack on a job: what the job was made from, and the digest that it must have there too."""

    origin: Setup | str
    names: tuple[str, str]
    defence: Defence | None
    drawn_from: int
    digest: str
    attack: Attack
    trials: int
    seed: int
    numbers: tuple[int, ...]
    folder: Path


@lru_cache(maxsize=4)
def made(origin: Setup | str, names: tuple[str, str], defence: Defence | None, drawn_from: int) -> Deployed:
    """A job, made again: once in a process, so that its blocks share what is compiled."""
    job = origin.job(drawn_from) if isinstance(origin, Setup) else finding.job(origin)
    assert job is not None
    return Deployed.of(job, *names, defence)


def finish(blocks: Sequence[Block]) -> float:
    """Computes the trials of blocks into their stores, one block after the other; how many seconds that took.

    Nothing is done where the job is another one here, and what is refused or fails is left to the run, which says so.
    """
    began = time.perf_counter()
    for block in blocks:
        try:
            target = made(block.origin, block.names, block.defence, block.drawn_from)
            if fingerprint.of_deployed(target) == block.digest:
                memory = Memory(Store(block.folder))
                Cells(target, block.attack, block.trials, block.seed, memory).run(block.numbers)
        except Exception:
            continue
    return time.perf_counter() - began


def ahead(memory: Memory, every: Sequence[Cells], progress: Progress) -> None:
    """Lets the workers of a memory, if it has any, finish what these still lack."""
    _finished(memory, ((b,) for one in every for b in _blocks(one, len(every))), progress)


def side_by_side(memory: Memory, groups: Iterable[Sequence[Cells]], progress: Progress) -> None:
    """The same of groups of attacks on one job each: a worker has all of a group's, as they share honest runs.

    A group is asked for when it is planned, so that no two jobs need to be there at once, and none without workers.
    """
    planned = (tuple(b for one in group for b in _blocks(one, inf)) for group in groups)
    _finished(memory, filter(None, planned), progress)


def _finished(memory: Memory, planned: Iterable[Sequence[Block]], progress: Progress) -> None:
    """What is planned, finished by workers where there are any, and a store by which they hand it over."""
    if memory.each is None or memory.store.folder is None:
        return
    began, items = time.perf_counter(), list(planned)
    if len(items) > 1:
        progress(WAITING, 0, len(items))
        for done, _ in enumerate(memory.each(finish, items), 1):
            progress(WAITING, done, len(items))
        memory.elsewhere -= time.perf_counter() - began


def _blocks(cells: Cells, attacks: float) -> Iterator[Block]:
    """What is missing of one of so many attacks, in as many blocks as there are workers for it."""
    target, memory, attack = cells.deployed, cells.memory, cells.attack
    digest, origin = fingerprint.of_deployed(target), target.job.origin
    missing = cells.missing()
    if digest is None or not isinstance(origin, Setup | str) or not missing or memory.store.folder is None:
        return
    shares = attack.one_plan or attack.goal.one_split
    parts = 1 if shares else min(len(missing), max(1, ceil(2 * memory.workers / attacks)))
    for numbers in np.array_split(missing, parts):
        one: Any = tuple(int(n) for n in numbers)
        where = target.names, target.defence, cells.seed, digest
        yield Block(origin, *where, attack, cells.trials, cells.seed, one, memory.store.folder)
