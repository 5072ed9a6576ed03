"""What the user may choose of a reproduction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from turncoat import data, engines, protocols
from turncoat.experiments.experiment import Experiment, check_trials, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.trial import Progress
from turncoat.refusal import Refusal, nearest
from turncoat.results.result import Result
from turncoat.settings import check_seed

EMBEDDED = ("digits",)
"""The data of a quick run: part of Turncoat."""
FEW = 2
"""Trials of each row of a quick run."""


@dataclass(frozen=True)
class Options:
    """Choices common to all tables; None is the table's own default.

    `data` restricts a table to the rows of one data set, `quick` to embedded data; `images` collects figures (file
    name to PNG bytes) that a reproduction draws beside its rows; what `memory`'s store has is not run
    again. Raises Refusal for values that no table can have.
    """

    trials: int | None = None
    protocol: str | None = None
    engine: str = "reals"
    data: str | None = None
    quick: bool = False
    seed: int = 0
    progress: Progress = lambda *_: None
    images: dict[str, bytes] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        if self.trials is not None:
            check_trials(self.trials)
        check_seed(self.seed)
        if self.data is not None and self.data not in data.names():
            raise Refusal(
                f"there is no data set {self.data!r}; the nearest are {nearest(self.data, data.names())}"
            )
        if self.protocol is not None:
            protocols.get(self.protocol)
        engines.get(self.engine)

    def wants(self, name: str) -> bool:
        """Whether the rows of a data set are to be run; stand-ins count as the set that they stand for.

        A quick run has those of embedded data alone.
        """
        if self.quick and name not in EMBEDDED:
            return False
        return self.data in (None, name, name.removesuffix("-like"))

    def count(self, usual: int) -> int:
        """The trials of a row that usually has so many."""
        return self.trials or (FEW if self.quick else usual)

    def run(self, experiment: Experiment) -> Result:
        """An experiment, by a memory of its own, as jobs differ; the time of its parts counts among the whole's."""
        memory = Memory.beside(self.memory)
        try:
            return run(experiment, self.progress, memory=memory)
        finally:
            self.memory.elsewhere += memory.elsewhere

    def settings(self) -> dict[str, Any]:
        """The choices as plain data, for the result."""
        return {
            "trials": self.trials,
            "protocol": self.protocol,
            "engine": self.engine,
            "data": self.data,
            "seed": self.seed,
        }


def real_or_stand_in(name: str) -> str:
    """The real data set where this machine has it, else the name of its stand-in; Refusal without either."""
    try:
        data.load(name)
    except Refusal:
        if f"{name}-like" not in data.names():
            raise
        return f"{name}-like"
    return name
