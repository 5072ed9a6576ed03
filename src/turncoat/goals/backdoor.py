"""A backdoor: records of one class that bear a trigger are classified as another (section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turncoat.data import Dataset
from turncoat.goals.goal import Ended, Goal, Judged
from turncoat.refusal import Refusal


@dataclass(frozen=True)
class Trigger:
    """A feature set to a value: what the adversary does to a record to activate a backdoor."""

    feature: int = 0
    value: float = 1.0

    def apply(self, x: np.ndarray) -> np.ndarray:
        """The records with the trigger, (n, features)."""
        triggered = np.array(x)
        triggered[:, self.feature] = self.value
        return triggered


@dataclass(frozen=True)
class Backdoor(Goal):
    """Any record of class `source` is classified as `target` once it bears the trigger (section 5.1)."""

    source: int = 0
    target: int = 1
    trigger: Trigger = Trigger()

    @property
    def sentence(self) -> str:
        return (
            f"a record of class {self.source} with feature {self.trigger.feature} set to "
            f"{self.trigger.value:g} is classified as {self.target}"
        )

    def check(self, dataset: Dataset) -> None:
        features, classes = dataset.x.shape[1], dataset.classes
        if self.source == self.target:
            raise Refusal("a backdoor leads from one class to another; choose source and target that differ")
        for name, label in (("source", self.source), ("target", self.target)):
            if not 0 <= label < classes:
                raise Refusal(f"the {name} class {label} does not exist; the classes are 0 to {classes - 1}")
        if not 0 <= self.trigger.feature < features:
            raise Refusal(
                f"feature {self.trigger.feature} does not exist; the features are 0 to {features - 1}"
            )
        if not np.isfinite(self.trigger.value):
            raise Refusal("the trigger's value must be a number")

    def judge(self, ended: Ended) -> Judged:
        chosen = ended.test.x[ended.test.y == self.source]
        if not len(chosen):
            raise Refusal(f"the test records hold none of class {self.source}, the backdoor's source")
        return Judged(ended.predict(self.trigger.apply(chosen)) == self.target)
