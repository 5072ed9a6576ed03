"""What a run of one attack measured, as frozen typed values: all that a report ever reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from turncoat.metrics import Interval
from turncoat.results.defended import Defended
from turncoat.results.harms import Harm
from turncoat.results.values import (
    Count,
    Curve,
    Fraction,
    Gallery,
    Integers,
    Measured,
    Moment,
    Number,
    Numbers,
    Settings,
    Value,
)

PER_TRIAL = ("honest_accuracy", "attacked_accuracy", "honest_success", "attacked_success", "errors")
"""The arrays that every `Result.per_trial` holds; an attack may add its own."""

EVEN = 0.5
"""An attack that a check notices with at least this probability is noticeable."""


class Outcome(Value):
    """How one kind of run ended: test accuracy, and how far it reached the adversary's goal.

    A goal's further measures stand beside them under names of their own, each a `Measured`, or a family of
    them by name (`mae`, `tpr` by false positive rate). `ruined` counts the runs whose released model holds NaN
    or infinity, or answers with them: such a model classifies nothing, and is no success but for availability.
    `aborted` counts those that the honest parties stopped: they release no model, so none is a success, and accuracy
    and measures are those of the other runs.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Measured | dict[str, Measured]] = Field(init=False)

    accuracy: Measured
    success: Measured
    ruined: Count = 0
    aborted: Count = 0

    @classmethod
    def of(
        cls,
        accuracy: Interval,
        success: Interval,
        measures: Mapping[str, Interval | Mapping[str, Interval]] | None = None,
        ruined: int = 0,
        aborted: int = 0,
    ) -> Self:
        """The same numbers as `turncoat.metrics` returns them."""
        further: dict[str, Any] = {
            name: Measured.of(one)
            if isinstance(one, Interval)
            else {key: Measured.of(member) for key, member in one.items()}
            for name, one in (measures or {}).items()
        }
        both = {"accuracy": Measured.of(accuracy), "success": Measured.of(success)}
        return cls(**both, ruined=ruined, aborted=aborted, **further)

    @property
    def measures(self) -> dict[str, Measured]:
        """The further measures by name, families as `tpr 0.001`, in the order of the goal."""
        flat: dict[str, Measured] = {}
        for name, value in (self.__pydantic_extra__ or {}).items():
            found = {f"{name} {k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
            flat |= {key.replace("_", " "): one for key, one in found.items()}
        return flat


class Noticed(Value):
    """The probability that a victim's check of test accuracy notices what an attack did to it.

    `unpaired`: a one-sided test of the released model's accuracy against that expected of honest training,
    each on as many records as the test set has (`records`); `paired`: of the same records one by one, against
    an honest model from the same seed, which a victim hardly ever has. Both with a false-alarm rate of
    `alarms`; their intervals follow from that of the accuracy's change. `test` is the one that the victim makes, and
    `power` the probability of its alarm below which an attack is unnoticed.
    """

    unpaired: Measured
    paired: Measured
    records: Count = Field(ge=1)
    alarms: Fraction = 0.05
    test: Literal["unpaired", "paired"] = "unpaired"
    power: Fraction = EVEN

    @property
    def chosen(self) -> Measured:
        """The probability of an alarm by the test that the victim makes."""
        return self.unpaired if self.test == "unpaired" else self.paired


class Paper(Value):
    """What the paper prints for the same experiment, as fractions; `table` names the place."""

    table: str
    honest_accuracy: Fraction | None = None
    honest_success: Fraction | None = None
    poisoned_accuracy: Fraction | None = None
    poisoned_success: Fraction | None = None
    attacked_accuracy: Fraction | None = None
    attacked_success: Fraction | None = None


class Result(Value):
    """One attack on one training job: honest and attacked runs from the same seeds.

    `harm` is the threat that the attack stands for. What came out: `honest` and `attacked` are `Outcome`s,
    `poisoned` a third one on a colluding contributor's records without any error, where the attack has such
    records. Their accuracy and success are `Measured` (mean, low, high, count, confidence), fractions of 1;
    `accuracy_change` and `gain`, that of success, are attacked minus honest, paired by trial; `success_name`
    says what success measures. `bar` is what the goal asks of an attack, `reached` whether this one did that,
    `in_doubt` whether it did by its means alone, in too few trials to show it; `noticed` is the probability that a
    check of accuracy would notice it, `defence` what the checks of a defence found, if there was one. `majority` is
    the accuracy of always answering the class that is commonest among the training records. `errors` is the number
    of tampered products per training run, `sites` where they
    were. `per_trial` holds at least the arrays named in `PER_TRIAL`, each (trials,), one entry per seed of `seeds`;
    `curves` and `gallery` what a report draws; `paper` the published numbers, where there are any.

    How it came about: `data`, `model`, `protocol`, `engine`, the settings that were `given` and those left at
    their `defaults`, `threat` (what the adversary must know or own), `notes`, `seed`, `versions`, `created`
    in UTC, `seconds`; `command` is the line that runs it again.

    Raises pydantic's ValidationError, a ValueError, for fields that are unknown, NaN, infinite or not of one
    length. `turncoat.results.json` writes it as JSON and reads it back.

        result = turncoat.attack("backdoor", trials=3)
        print(result.attacked.success.mean, result.attacked.success.low)
    """

    format: Literal[
        "turncoat.result/1",
        "turncoat.result/2",
        "turncoat.result/3",
        "turncoat.result/4",
        "turncoat.result/5",
    ] = "turncoat.result/5"
    attack: str
    harm: Harm = ""
    goal: str
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    trials: Count = Field(ge=1)
    errors: Count
    sites: tuple[str, ...] = ()
    honest: Outcome
    attacked: Outcome
    poisoned: Outcome | None = None
    seconds: Number = Field(ge=0)
    accuracy_change: Measured | None = None
    gain: Measured | None = None
    bar: str = ""
    reached: bool = False
    in_doubt: bool = False
    noticed: Noticed | None = None
    defence: Defended | None = None
    majority: Fraction | None = None
    success_name: str = "attack success rate"
    paper: Paper | None = None
    threat: dict[str, bool | str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    given: Settings = Field(default_factory=dict)
    defaults: Settings = Field(default_factory=dict)
    seed: Count
    seeds: Integers
    per_trial: dict[str, Numbers]
    curves: dict[str, Curve] | None = None
    gallery: Gallery | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def stand_in(self) -> bool:
        """Whether the data only stands in for the data set whose name it bears."""
        return "stand-in" in self.data_label

    @property
    def status(self) -> Literal["reached", "in doubt", "not reached"]:
        """Whether it reached its goal, may have, or was run in vain."""
        if self.reached:
            return "reached"
        return "in doubt" if self.in_doubt else "not reached"

    @property
    def unnoticed(self) -> bool:
        """Whether the victim's test of accuracy would probably miss the attack, by the upper end of its power."""
        return self.noticed is not None and self.noticed.chosen.high < self.noticed.power

    @model_validator(mode="after")
    def _one_entry_per_trial(self) -> Self:
        if missing := [name for name in PER_TRIAL if name not in self.per_trial]:
            raise ValueError(f"per_trial lacks {', '.join(missing)}")
        lengths = {"seeds": len(self.seeds)} | {name: len(v) for name, v in self.per_trial.items()}
        if wrong := [f"{name} has {n}" for name, n in lengths.items() if n != self.trials]:
            raise ValueError(f"{self.trials} trials, but {', '.join(wrong)}")
        return self
