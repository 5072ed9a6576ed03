"""What a run measured, as frozen typed values in JSON: all that a report ever reads."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from turncoat.metrics import Interval
from turncoat.refusal import Refusal

STAND_IN = "(synthetic stand-in)"
"""Ends the data label of every result on synthetic data."""

PER_TRIAL = ("honest_accuracy", "attacked_accuracy", "honest_success", "attacked_success", "errors")
"""The arrays that every `Record.per_trial` holds; an attack may add its own."""


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
    """A mean with its confidence interval; `count` is what the interval counts, e.g. trials x records."""

    mean: Number
    low: Number
    high: Number
    count: Count = Field(ge=1)
    confidence: float = Field(default=0.95, gt=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError(f"the mean {self.mean} lies outside its interval {self.low} to {self.high}")
        return self

    @classmethod
    def of(cls, interval: Interval) -> Self:
        """The same numbers as `turncoat.metrics` returns them."""
        mean, low, high, n, confidence = interval
        return cls(mean=mean, low=low, high=high, count=n, confidence=confidence)


class Outcome(Value):
    """How one kind of run ended: test accuracy, and how far it reached the adversary's goal.

    A goal's further measures stand beside them under names of their own, each a `Measured`, or a family of
    them by name (`mae`, `tpr` by false positive rate).
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Measured | dict[str, Measured]] = Field(init=False)

    accuracy: Measured
    success: Measured

    @property
    def measures(self) -> dict[str, Measured]:
        """The further measures by name, families as `tpr 0.001`, in the order of the goal."""
        flat: dict[str, Measured] = {}
        for name, value in (self.__pydantic_extra__ or {}).items():
            found = {f"{name} {k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
            flat |= {key.replace("_", " "): one for key, one in found.items()}
        return flat


class Paper(Value):
    """What the paper prints for the same experiment, as fractions; `table` names the place."""

    table: str
    honest_accuracy: Fraction | None = None
    honest_success: Fraction | None = None
    poisoned_accuracy: Fraction | None = None
    poisoned_success: Fraction | None = None
    attacked_accuracy: Fraction | None = None
    attacked_success: Fraction | None = None


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


class Record(Value):
    """One attack on one training job: honest and attacked runs from the same seeds.

    Accuracy and success are fractions of 1. `errors` is the number of tampered products per training run;
    `per_trial` holds at least the arrays named in `PER_TRIAL`, each with one entry per trial, as `seeds`
    does. `success_name` says what success measures where it is not the attack success rate; `poisoned` is
    the run on a colluding contributor's records without any error, where the attack has such records.
    `accuracy_change` is attacked minus honest, paired.
    `command` is the line that runs it again.
    """

    format: Literal["turncoat.record/1"] = "turncoat.record/1"
    attack: str
    goal: str
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    trials: Count = Field(ge=1)
    errors: Count
    honest: Outcome
    attacked: Outcome
    poisoned: Outcome | None = None
    seconds: Number = Field(ge=0)
    accuracy_change: Measured | None = None
    success_name: str = "attack success rate"
    paper: Paper | None = None
    threat: dict[str, bool | str] = {}
    notes: tuple[str, ...] = ()
    given: Settings = {}
    defaults: Settings = {}
    seed: Count
    seeds: Integers
    per_trial: dict[str, Numbers]
    curves: dict[str, Curve] | None = None
    gallery: Gallery | None = None
    versions: dict[str, str] = {}
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def stand_in(self) -> bool:
        """Whether the data only stands in for the data set whose name it bears."""
        return "stand-in" in self.data_label

    @model_validator(mode="after")
    def _one_entry_per_trial(self) -> Self:
        if missing := [name for name in PER_TRIAL if name not in self.per_trial]:
            raise ValueError(f"per_trial lacks {', '.join(missing)}")
        lengths = {"seeds": len(self.seeds)} | {name: len(v) for name, v in self.per_trial.items()}
        if wrong := [f"{name} has {n}" for name, n in lengths.items() if n != self.trials]:
            raise ValueError(f"{self.trials} trials, but {', '.join(wrong)}")
        return self


class SiteRow(Value):
    """One site of the surface.

    `products` counts the multiplications in one pass; `loops` are the lengths of the loops around the
    site, outermost first. `exposure` maps an output to 'shift', 'tied', 'scaled(x, y)' or 'bent'; an
    output that an error here cannot reach is left out.
    """

    name: str
    kind: str
    shape: Integers
    products: Count
    phase: Literal["forward", "backward"]
    loops: Integers = ()
    exposure: dict[str, str] = {}
    hint: str | None = None

    @field_validator("exposure")
    @classmethod
    def _known_classes(cls, exposure: dict[str, str]) -> dict[str, str]:
        for output, kind in exposure.items():
            if not re.fullmatch(r"shift|tied|bent|scaled\(.*\)", kind):
                raise ValueError(f"{output} is exposed as {kind!r}; use shift, tied, scaled(...) or bent")
        return exposure


class AuditRecord(Value):
    """All attacks on one training job, and the verdict.

    `shiftable` maps each parameter to the sites that shift it and expose nothing else; none: an empty list.
    `command` is the line that runs it again.
    """

    format: Literal["turncoat.audit/1"] = "turncoat.audit/1"
    verdict: str
    severity: Literal["broken", "weakened", "held"]
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    seconds: Number = Field(ge=0)
    records: tuple[Record, ...] = ()
    surface: tuple[SiteRow, ...] = ()
    shiftable: dict[str, tuple[str, ...]] = {}
    versions: dict[str, str] = {}
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def stand_in(self) -> bool:
        """Whether the data only stands in for the data set whose name it bears."""
        return "stand-in" in self.data_label


def to_json(record: Record | AuditRecord) -> str:
    """The record as indented JSON text that ends in a newline."""
    return json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str | bytes) -> Record | AuditRecord:
    """The record that `to_json` wrote; raises `Refusal` for anything else, naming the first fault."""
    adapter: TypeAdapter[Record | AuditRecord] = TypeAdapter(
        Annotated[Record | AuditRecord, Field(discriminator="format")]
    )
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise Refusal(f"this is no record of Turncoat's ({place}: {first['msg']}); make it again") from error
