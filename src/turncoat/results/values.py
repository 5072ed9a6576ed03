"""What results are made of: frozen typed values, free of NaN and infinity, which JSON cannot hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from turncoat.metrics import Interval

STAND_IN = "(synthetic stand-in)"
"""Ends the data label of every result on synthetic data."""


def _plain(value: Any) -> Any:
    """Arrays, NumPy scalars and tuples as JSON has them, so that callers need not convert."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise ValueError("created must be in UTC")
    return moment


Count = Annotated[int, BeforeValidator(_plain), Field(ge=0)]
Number = Annotated[float, BeforeValidator(_plain)]
Fraction = Annotated[float, BeforeValidator(_plain), Field(ge=0, le=1)]
Numbers = Annotated[tuple[int | float, ...], BeforeValidator(_plain)]
Integers = Annotated[tuple[int, ...], BeforeValidator(_plain)]
Settings = Annotated[dict[str, JsonValue], BeforeValidator(_plain)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Value(BaseModel):
    """Frozen, closed to unknown fields, and free of NaN and infinity, which JSON cannot hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(Value):
    """A mean with its confidence interval.

    `count` is what the interval counts, e.g. trials x records, and `how` in a few words how it was made.
    """

    mean: Number
    low: Number
    high: Number
    count: Count = Field(ge=1)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    how: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"the mean {self.mean} lies outside its interval {self.low} to {self.high}")
        return self

    @classmethod
    def of(cls, interval: Interval) -> Self:
        """The same numbers as `turncoat.metrics` returns them."""
        mean, low, high, n, confidence, how = interval
        return cls(mean=mean, low=low, high=high, count=n, confidence=confidence, how=how)


class Curve(Value):
    """Points of a curve, such as a ROC; x and y of one length."""

    x: Numbers
    y: Numbers
    x_label: str = ""
    y_label: str = ""

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} values of x do not match {len(self.y)} of y")
        return self


class Gallery(Value):
    """Records beside what was made of them: flattened features in [0, 1], one image of `shape` each."""

    shape: Integers
    originals: tuple[Numbers, ...]
    recovered: tuple[Numbers, ...]
