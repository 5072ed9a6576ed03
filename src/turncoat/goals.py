"""What an adversary wants, as a value; the harness, never the attack, measures success with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from turncoat.refusal import Refusal

Predict = Callable[[np.ndarray], np.ndarray]
"""The released model: records (n, features) to predicted classes (n,)."""


class Goal(Protocol):
    """A goal: `flags` says for each test record that counts whether the adversary succeeded on it."""

    @property
    def sentence(self) -> str:
        """What the adversary wants, in one sentence."""
        ...

    def check(self, features: int, classes: int) -> None:
        """Refuses a goal that the data cannot have."""
        ...

    def flags(self, predict: Predict, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """One Boolean per test record that counts."""
        ...


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
class Backdoor:
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

    def check(self, features: int, classes: int) -> None:
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

    def flags(self, predict: Predict, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        chosen = x[y == self.source]
        if not len(chosen):
            raise Refusal(f"the test records hold none of class {self.source}, the backdoor's source")
        return predict(self.trigger.apply(chosen)) == self.target
