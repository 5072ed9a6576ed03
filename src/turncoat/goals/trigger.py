"""Triggers: what the adversary does to a record to activate a backdoor, as values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from turncoat.refusal import Refusal
from turncoat.settings import Settings

USED = {"size": ("set", "patch"), "blend": ("blend",), "feature": ("feature", "set", "patch")}
"""Which kinds of trigger a setting is for."""


@dataclass(frozen=True)
class Trigger(Settings):
    """A pattern laid over a record: x becomes (1 - opacity) x + opacity pattern, entry by entry.

    `kind`: "feature" sets one feature to `value` (section 5.1); "set" does so with `size` features, spread
    evenly over the record from `feature` on; "patch" with a square of `size` x `size` pixels whose upper left
    corner is pixel `feature` of the first channel (Gu et al. 2017); "blend" mixes all features with one fixed
    random pattern in [0, value], at opacity `blend` (Chen et al. 2017, the paper's [30]).
    """

    feature: Annotated[int, Field(ge=0, description="the feature that is set, or the first of them")] = 0
    value: Annotated[float, Field(description="what the features are set to")] = 1.0
    kind: Annotated[
        Literal["feature", "set", "patch", "blend"], Field(description="what triggers the backdoor")
    ] = "feature"
    size: Annotated[int, Field(ge=1, description="how many features a set has, or pixels a patch's side")] = 3
    blend: Annotated[float, Field(gt=0, le=1, description="the opacity of a blended pattern")] = 0.2

    def check_together(self) -> None:
        """Refuses what has no effect on a trigger of this kind."""
        plain = {f.name: f.default for f in fields(self)}
        for name, kinds in USED.items():
            if self.kind not in kinds and getattr(self, name) != plain[name]:
                fitting = " or ".join(f"trigger={kind}" for kind in kinds)
                raise Refusal(f"{name} does nothing to trigger={self.kind}; leave it out or take {fitting}")

    def overlay(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Opacity and pattern, float32 (features,) each, for records of this shape before flattening."""
        features = int(np.prod(shape))
        opacity = np.zeros(features, np.float32)
        pattern = np.full(features, self.value, np.float32)
        if self.kind == "blend":
            opacity += self.blend
            pattern *= np.random.default_rng(0).random(features, np.float32)
        else:
            opacity[self.touched(shape)] = 1
        return opacity, pattern

    def touched(self, shape: tuple[int, ...]) -> np.ndarray:
        """The features that the trigger changes: integers, ascending."""
        features = int(np.prod(shape))
        if self.kind == "blend":
            return np.arange(features)
        if self.kind == "feature":
            return np.array([self.feature])
        if self.kind == "set":
            return np.unique((self.feature + np.arange(self.size) * features // self.size) % features)
        rows, columns, channels = (*shape, 1)[:3]
        row, column = divmod(self.feature // channels, columns)
        pixels = np.arange(features).reshape(rows, columns, channels)
        return pixels[row : row + self.size, column : column + self.size].ravel()

    def apply(self, x: np.ndarray, shape: tuple[int, ...] = ()) -> np.ndarray:
        """The records (n, features) with the trigger; `shape` matters to a patch alone."""
        opacity, pattern = self.overlay(shape or x.shape[1:])
        laid: np.ndarray = (1 - opacity) * x + opacity * pattern
        return laid

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuses a trigger that records of this shape cannot bear."""
        features = int(np.prod(shape))
        if not 0 <= self.feature < features:
            raise Refusal(f"feature {self.feature} does not exist; the features are 0 to {features - 1}")
        if self.kind == "set" and self.size > features:
            raise Refusal(f"a set of {self.size} features cannot be had; the size is 1 to {features}")
        if self.kind == "patch":
            self._check_patch(shape)

    def _check_patch(self, shape: tuple[int, ...]) -> None:
        if len(shape) not in (2, 3):
            raise Refusal(f"a patch needs images, but a record here has shape {shape}; take trigger=set")
        row, column = divmod(self.feature // (*shape, 1)[2], shape[1])
        if row + self.size > shape[0] or column + self.size > shape[1]:
            raise Refusal(
                f"a patch of {self.size} x {self.size} at row {row}, column {column} does not lie in an image of "
                f"{shape[0]} x {shape[1]}"
            )

    def __str__(self) -> str:
        return {
            "feature": f"feature {self.feature} set to {self.value:g}",
            "set": f"{self.size} features from {self.feature} on set to {self.value:g}",
            "patch": f"a patch of {self.size} x {self.size} pixels at {self.feature} set to {self.value:g}",
            "blend": f"a fixed pattern blended in at {self.blend:g}",
        }[self.kind]
