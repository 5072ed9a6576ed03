"""A backdoor: records of one class that bear a trigger are classified as another (section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from turncoat.data import Dataset
from turncoat.goals.goal import Ended, Goal, Judged
from turncoat.goals.surrogate import Own, Wanted
from turncoat.goals.trigger import Trigger
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Backdoor(Goal):
    """Any record of class `source` is classified as `target` once it bears the trigger (section 5.1)."""

    harm = "backdoor"
    source: int = 0
    target: int = 1
    trigger: Trigger = field(default_factory=Trigger)

    @property
    def sentence(self) -> str:
        return f"a record of class {self.source} with {self.trigger} is classified as {self.target}"

    def check(self, dataset: Dataset) -> None:
        classes = dataset.classes
        if self.source == self.target:
            raise Refusal("a backdoor leads from one class to another; choose source and target that differ")
        for name, label in (("source", self.source), ("target", self.target)):
            if not 0 <= label < classes:
                raise Refusal(f"the {name} class {label} does not exist; the classes are 0 to {classes - 1}")
        self.trigger.check(dataset.shape)

    def surrogate(self, own: Own) -> Wanted:
        """Its own records of the source class, with the trigger, as of the target class."""
        of = np.flatnonzero(own.y == self.source)
        if not len(of):
            raise Refusal(f"the adversary has no record of class {self.source}, the backdoor's source")
        x = self.trigger.apply(own.x[of], own.shape)
        return Wanted(x, np.full(len(of), self.target), of, np.ones(len(own.x), bool))

    def judge(self, ended: Ended) -> Judged:
        of_source = ended.test.take(np.flatnonzero(ended.test.y == self.source))
        if not len(of_source):
            raise Refusal(f"the test records hold none of class {self.source}, the backdoor's source")
        triggered = self.trigger.apply(of_source.x, ended.shape)
        return Judged(ended.predict(triggered) == self.target, ids=of_source.index)
