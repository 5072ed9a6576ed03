"""What has been computed: in this process, trial by trial, and in a store, cell by cell.

A cell is something that follows from a description alone, by which it is stored and found again: a trial's honest
run, one attack on a trial, what a search has found. Whoever asks for one gets it computed, or read.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from turncoat.experiments.codec import Unstorable, decoded, encoded
from turncoat.experiments.executors.executor import Each
from turncoat.experiments.store import Store, Stored, default
from turncoat.jobs import fingerprint
from turncoat.jobs.deployed import Deployed

Description = Mapping[str, Any]
"""A cell in words and numbers, as plain data."""


@dataclass(eq=False)
class Memory:
    """What was computed of the trials of a job, under any defence, by this process, and the store of finished cells.

    `times` are the seconds of all its cells, in the order in which it got them; `elsewhere` is how many seconds those
    took that were found in the store, less what was waited for workers; `spent` how many those took that this process
    finished. `command` is what cells are said to come from; `each` runs blocks of work on so many `workers`, if there
    are any.
    """

    store: Store = field(default_factory=default)
    command: str = ""
    each: Each | None = None
    workers: int = 1
    times: list[float] = field(default_factory=list)
    elsewhere: float = 0.0
    spent: float = 0.0
    notes: dict[Any, Notes] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """How many cells the store has of what it was asked for, or given."""
        return len(self.store.kept)

    @classmethod
    def beside(cls, other: Memory) -> Memory:
        """Another one, for another job, with the same store."""
        return cls(other.store, other.command, other.each, other.workers)

    def of(self, deployed: Deployed, seed: int, split_seed: int | None = None) -> Notes:
        """What is known of a trial, by its seed and its split's (None: the same).

        A defence's screens look at what has been opened: they change nothing of what is trained.
        """
        split, defence = seed if split_seed is None else split_seed, deployed.defence
        if defence is not None:
            deployed = replace(deployed, defence=replace(defence, name="", screens=()))
        name = deployed.defence, seed, split
        return self.notes.setdefault(name, Notes(self, deployed, {"seed": seed, "split": split}))

    def key(self, deployed: Deployed, cell: Description | None) -> str | None:
        """The name of a cell; None of one that cannot be stored."""
        job = None if self.store.folder is None or cell is None else fingerprint.of_deployed(deployed)
        if job is None:
            return None
        text = json.dumps([self._surroundings, job, cell], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _surroundings(self) -> dict[str, str]:
        return fingerprint.surroundings()

    def recalled(self, deployed: Deployed, cell: Description | None) -> Stored | None:
        """A finished cell, if it is stored."""
        key = self.key(deployed, cell)
        found = None if key is None else self.store.read(key)
        if found is not None:
            self.times.append(float(found.about["seconds"]))
            self.elsewhere += self.times[-1]
        return found

    def kept(self, deployed: Deployed, cell: Description | None, value: Any, seconds: float) -> Any:
        """A value that was computed, stored, as it would be read."""
        self.spent += seconds
        self.times.append(seconds)
        try:
            plain = encoded(value)
        except Unstorable:
            return value
        key = self.key(deployed, cell)
        if key is not None and cell is not None:
            self.store.write(key, plain, self._said(deployed, cell, seconds))
        return decoded(*plain)

    def timed(self) -> Callable[[], float]:
        """A watch: called, the seconds since, without those of cells that were finished meanwhile."""
        began, spent = time.perf_counter(), self.spent
        return lambda: time.perf_counter() - began - (self.spent - spent)

    def _said(self, deployed: Deployed, cell: Description, seconds: float) -> dict[str, Any]:
        """What is said of a cell, for whoever lists them."""
        protocol, engine = deployed.names
        return {
            **json.loads(json.dumps(cell, default=repr)),
            "job": deployed.job.name,
            "data": deployed.job.data.label,
            "protocol": protocol,
            "engine": engine,
            "defence": None if deployed.defence is None else deployed.defence.name,
            "command": self.command,
            "seconds": seconds,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "surroundings": self._surroundings,
        }


class Notes(dict[Any, Any]):
    """What is known of one trial; entries that a tuple names are cells, and kept in the store too."""

    def __init__(self, memory: Memory, deployed: Deployed, trial: Description) -> None:
        super().__init__()
        self.memory, self.deployed, self.trial = memory, deployed, trial
        self._watch = memory.timed()

    def __contains__(self, name: object) -> bool:
        if not super().__contains__(name) and isinstance(name, tuple):
            found = self.memory.recalled(self.deployed, self._cell(name))
            if found is not None:
                super().__setitem__(name, found.value)
            else:
                self._watch = self.memory.timed()  # what is looked up in vain is computed now
        return super().__contains__(name)

    def __setitem__(self, name: Any, value: Any) -> None:
        if isinstance(name, tuple):
            value = self.memory.kept(self.deployed, self._cell(name), value, self._watch())
        super().__setitem__(name, value)

    def _cell(self, name: tuple[Any, ...]) -> Description:
        return {"cell": name[0], **self.trial, "named": repr(name)}
