"""A job file: everything that an audit is asked, in TOML, with each mistake told by its line and field."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from turncoat import attacks, defences, engines, protocols
from turncoat.cli.outputs import FORMATS, conditions
from turncoat.cli.toml_lines import placed, where
from turncoat.experiments.experiment import check_trials
from turncoat.jobs import finding, models
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.job import Job
from turncoat.jobs.setup import Setup
from turncoat.metrics.power import AS_USUAL, Victim
from turncoat.refusal import Refusal, nearest
from turncoat.settings import check_seed

SUFFIX = ".toml"
NAME = "turncoat.toml"
"""What `--init` calls the file where no name is given."""
MEANS = {setting.name: setting.meaning for setting in Setup.known()}


def _checked(check: Callable[[Any], object]) -> AfterValidator:
    """A validator by a function that refuses what does not do."""

    def validated(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validated)


def _model(name: str) -> None:
    if name not in models.CATALOGUE:
        raise Refusal(f"there is no model {name!r}; the nearest are {nearest(name, models.CATALOGUE)}")


def _format(name: str) -> None:
    if name not in FORMATS:
        raise Refusal(f"there is no format {name!r}; the nearest are {nearest(name, FORMATS)}")


class Table(BaseModel):
    """A table of the file: closed to unknown fields, and strict about types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class JobTable(Table):
    """What is trained: a job of your own, or data and a built-in model."""

    own: str | None = Field(
        default=None, description="your own job, package.module:name; the other fields are then left out"
    )
    data: str = Field(default="digits", description=MEANS["data"])
    model: Annotated[str, _checked(_model)] = Field(
        default="lr", description=f"the model: {', '.join(models.CATALOGUE)}"
    )
    hidden: list[int] = Field(default=[128], description=MEANS["hidden"])
    epochs: int | None = Field(default=None, description=MEANS["epochs"], examples=[10])
    batch: int | None = Field(default=None, description=MEANS["batch"], examples=[32])
    learning_rate: float | None = Field(default=None, description=MEANS["learning_rate"], examples=[0.1])
    momentum: float | None = Field(default=None, description=MEANS["momentum"], examples=[0.9])
    weight_decay: float | None = Field(default=None, description=MEANS["weight_decay"], examples=[0.0001])
    label: str | None = Field(default=None, description=MEANS["label"], examples=["churn"])
    drop: list[str] = Field(default=[], description=MEANS["drop"])
    scale: Literal["standard", "range", "none"] | None = Field(
        default=None, description=MEANS["scale"], examples=["standard"]
    )


class PartiesTable(Table):
    """Who computes how, who gave which record, and what the parties see."""

    protocol: Annotated[str, _checked(protocols.get)] = Field(
        default="crypten", description=f"the protocol: {', '.join(protocols.CATALOGUE)}"
    )
    engine: Annotated[str, _checked(engines.get)] = Field(
        default="reals",
        description=f"the engine: {', '.join(engines.CATALOGUE)}; with options, as ring:precision=20",
    )
    defence: Annotated[str, _checked(defences.get)] | None = Field(
        default=None,
        description=f"{MEANS['defence']}: {', '.join(defences.CATALOGUE)}",
        examples=["matrices"],
    )
    contributor: str | None = Field(default=None, description=MEANS["contributor"], examples=["bank"])
    order: Literal["public", "secret"] | None = Field(
        default=None,
        description="the order of the records: public, or secret from every party",
        examples=["public"],
    )
    opened: Literal["weights", "scores", "labels"] | None = Field(
        default=None,
        description="what is opened of the result: weights, scores or labels",
        examples=["weights"],
    )
    initial: Literal["secret", "public"] | None = Field(
        default=None, description="the initial weights: secret, or public in fine-tuning", examples=["secret"]
    )


VICTIM = {setting.name: setting.meaning for setting in Victim.known()}


class VictimTable(Table):
    """How those who train test the released model: an attack that this test would miss is called unnoticed."""

    records: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description=VICTIM["records"], examples=[1000]
    )
    alarms: Annotated[float, Field(gt=0, lt=1)] = Field(default=AS_USUAL.alarms, description=VICTIM["alarms"])
    test: Literal["unpaired", "paired"] = Field(default=AS_USUAL.test, description=VICTIM["test"])
    power: Annotated[float, Field(gt=0, le=1)] = Field(default=AS_USUAL.power, description=VICTIM["power"])

    @property
    def value(self) -> Victim:
        """As an audit takes it."""
        return Victim(**self.model_dump())


class RunTable(Table):
    """How much is run."""

    trials: Annotated[int, _checked(check_trials)] = Field(
        default=5, description="how often honest and attacked runs are repeated"
    )
    seed: Annotated[int, _checked(check_seed)] = Field(default=0, description="where all randomness starts")


class ReportTable(Table):
    """What comes out, and what makes the command end with exit code 1."""

    out: str | None = Field(
        default=None, description="the folder for the results", examples=["results/audit"]
    )
    formats: list[Annotated[str, _checked(_format)]] = Field(
        default=[], description=f"further formats: {', '.join(FORMATS)}"
    )
    detail: Annotated[int, Field(ge=1, le=4)] = Field(
        default=3, description="how much is printed, from 1 to 4"
    )
    fail_on: list[Annotated[str, _checked(lambda text: conditions([text]))]] = Field(
        default=[], description='what fails: "broken", "backdoor", "backdoor>0.5", "unknown", "not-run"'
    )


class JobFile(Table):
    """A whole file; `attacks` are those to run, each with settings of its own; without any, all of them are."""

    job: JobTable = JobTable()
    parties: PartiesTable = PartiesTable()
    victim: VictimTable = VictimTable()
    run: RunTable = RunTable()
    report: ReportTable = ReportTable()
    attacks: dict[str, dict[str, Any]] = Field(default={}, description="the attacks to run")


@dataclass(frozen=True)
class Asked:
    """What a job file asks: the job under its protocol, and the rest of the file."""

    job: Setup | Deployed
    file: JobFile

    @property
    def only(self) -> dict[str, dict[str, Any]] | None:
        """The attacks to run, with their settings; None: all of them."""
        return self.file.attacks or None


# ---- reading ----------------------------------------------------------------------------------------------


def read(path: str | Path) -> Asked:
    """What a job file asks; Refusal, naming the line and the field, for what it cannot."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is no text in UTF-8") from error
    except OSError as error:
        raise Refusal(
            f"{path} cannot be read ({error.strerror}); `turncoat audit --init` writes one"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{path} is no TOML: {error}") from error
    try:
        file = JobFile.model_validate(content)
    except ValidationError as error:
        raise Refusal(_first(path, text, error)) from None
    for name, settings in file.attacks.items():
        with placed(path, text, ("attacks", name)):
            attacks.get(name, settings)
    return Asked(_job(path, text, file, content.get("job", {})), file)


def _job(path: str | Path, text: str, file: JobFile, given: Mapping[str, Any]) -> Setup | Deployed:
    """The job, as a value where the file says what names alone cannot."""
    parties = file.parties
    under = parties.protocol, parties.engine, parties.defence
    if file.job.own is not None:
        if more := [name for name in given if name != "own"]:
            raise Refusal(f"{where(path, text, ('job', more[0]))}: it has no effect beside own; leave it out")
        with placed(path, text, ("job", "own")):
            job = finding.job(file.job.own)
            if job is None:
                raise Refusal(
                    f"{file.job.own} is a step alone, which no attack can train: make a turncoat.Job of it"
                )
            if parties.contributor is not None:
                raise Refusal("your own job says itself who contributed what; leave contributor out")
        return Deployed.of(_seen(job, parties), *under)
    names = file.job.model_dump(exclude={"own"}) | parties.model_dump(
        include={"protocol", "engine", "contributor", "defence"}
    )
    chosen: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in names.items()}
    with placed(path, text, ("job",)):
        setup = Setup(**chosen)
        if _seen_as_usual(parties):
            return setup
        made = setup.job(file.run.seed)
        # named by this file alone: the options of the command line do not say what is opened
        return Deployed.of(replace(_seen(made, parties), origin=None), *under)


def _seen_as_usual(parties: PartiesTable) -> bool:
    usual = {"order": "public", "opened": "weights", "initial": "secret"}
    return all(getattr(parties, name) in (None, value) for name, value in usual.items())


def _seen(job: Job, parties: PartiesTable) -> Job:
    """The job with what the file says of the order, the result and the start, where it says it."""
    said = parties.model_dump(include={"order", "opened", "initial"}, exclude_none=True)
    return replace(job, **said)


# ---- where a mistake stands -------------------------------------------------------------------------------


def _first(path: str | Path, text: str, error: ValidationError) -> str:
    """The first mistake that pydantic found, in one sentence."""
    fault = error.errors(include_url=False)[0]
    field = tuple(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _fields(field[:-1])
        said = f"there is no field {field[-1]!r}; the nearest are {nearest(field[-1], known)}"
    else:
        said = (
            str(fault["ctx"]["error"])
            if fault["type"] == "value_error"
            else f"{fault['msg']}, not {fault['input']!r}"
        )
    return f"{where(path, text, field)}: {said}"


def _fields(table: tuple[str, ...]) -> list[str]:
    made: Any = JobFile()
    for name in table:
        made = getattr(made, name)
    return list(type(made).model_fields)
