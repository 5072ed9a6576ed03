"""The options of a training job: one for each of its fields."""

from __future__ import annotations

import csv
from collections.abc import Callable
from inspect import Parameter
from typing import Annotated, Any, get_type_hints

import typer

from turncoat import defences, engines, protocols
from turncoat.cli.options import Group, named, without_effect
from turncoat.cli.screen import aside
from turncoat.jobs import finding, models
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.report.words import sentence

CHOICES: dict[str, Any] = {
    "model": models.CATALOGUE,
    "protocol": protocols.CATALOGUE,
    "engine": engines.CATALOGUE,
    "defence": defences.CATALOGUE,
}
"""What fields of a job choose from."""

MORE = {
    "engine": "; with options: ring:precision=20,monitor=true",
    "defence": "; with options, and several at once: matrices+sampled:alpha=0.01",
}
STEP = ("protocol", "engine")
"""Fields that concern a step of the user's own too."""


class Given(Group):
    """The options of a job that were given, by field; the others have the job's defaults."""

    def __init__(self, **options: Any) -> None:
        self.given = {name: value for name, value in options.items() if value is not None}

    @classmethod
    def options(cls) -> list[Parameter]:
        return [_option(setting.name, setting.meaning, setting.default) for setting in Setup.known()]

    def job(self) -> Setup:
        """The job; Refusal where an option holds no value of its field, or has no effect."""
        read: dict[str, Any] = {n: _READ[n](v) if n in _READ else v for n, v in self.given.items()}
        job = Setup(**read)
        if job.model in models.CATALOGUE and job.model not in models.DEEP:
            without_effect(f"on model {job.model!r}", hidden=self.given.get("hidden"))
        return job

    def none(self, why: str) -> None:
        """Refuses the options of a job, which have no effect because of `why`."""
        without_effect(why, **self.given)

    def of_own(self) -> tuple[str, str, str | None]:
        """Protocol, engine and defence for a job of the user's own; Refusal where options of a job by names were
        given."""
        return *self._alone("on your own job", "defence"), self.given.get("defence")

    def target(self, own: str | None) -> Setup | Deployed:
        """The job by names, or the user's own as package.module:name; Refusal for a step alone."""
        if own is None:
            return self.job()
        with aside():  # what the user's module prints as it is imported
            job = finding.job(own)
        if job is None:
            raise Refusal(f"{own} is a step alone, which no attack can train: make a turncoat.Job of it")
        return Deployed.of(job, *self.of_own())

    def of_a_step(self) -> tuple[str, str]:
        """Protocol and engine for a step of the user's own; Refusal where options of a job were given as well."""
        return self._alone("on your own step")

    def _alone(self, why: str, *more: str) -> tuple[str, str]:
        without_effect(why, **{n: v for n, v in self.given.items() if n not in (*STEP, *more)})
        return self.given.get("protocol", Setup.protocol), self.given.get("engine", Setup.engine)


def _option(name: str, meaning: str, default: Any) -> Parameter:
    said = named(meaning, CHOICES[name]) + MORE.get(name, "") if name in CHOICES else meaning
    if default is not None and default != ():
        said += f"; {_shown(default)} by default"
    option = typer.Option(help=sentence(said))
    kind: Any = Annotated[_kind(name) | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _kind(name: str) -> type:
    """The type that an option is read as: a number, or else text."""
    hint = get_type_hints(Setup)[name]
    return next((kind for kind in (int, float) if hint in (kind, kind | None)), str)


def _shown(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise Refusal(f"--hidden takes sizes such as 128 or 64,32, not {text!r}") from None


def _columns(text: str) -> tuple[str, ...]:
    return tuple(next(csv.reader([text], skipinitialspace=True), []))


_READ: dict[str, Callable[[str], Any]] = {"hidden": _sizes, "drop": _columns}
"""How the options of several values are read."""
