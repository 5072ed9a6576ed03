"""What a result records of how it was made: settings, versions, and the command that runs it again."""

from __future__ import annotations

import csv
import io
import platform
import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import chain
from typing import Any

import jax
import numpy as np

from turncoat import defences
from turncoat.attacks import Attack
from turncoat.defences.defence import Defence
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal
from turncoat.results.published import published
from turncoat.results.result import Paper
from turncoat.version import __version__

PLAIN = Setup()


def settings(
    job: Setup | Deployed, attack: Attack, chosen: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that was set, told apart by whether the user or a default did it."""
    made = named(job)
    if made is None:
        assert isinstance(job, Deployed)
        given = {"batch": job.job.batch, "epochs": job.job.epochs} | job.options
        return given | dict(chosen), {n: v for n, v in attack.settings.items() if n not in chosen}
    options = {f.name: getattr(made, f.name) for f in fields(Setup)}
    given = {n: v for n, v in options.items() if v != getattr(PLAIN, n)} | dict(chosen)
    everything = {n: v for n, v in options.items() if v not in (None, ())} | attack.settings
    return given, {n: v for n, v in everything.items() if n not in given}


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "turncoat": __version__,
    }


def words(job: Setup | Deployed) -> list[str] | None:
    """How the command line names a job; None of one that was made in Python."""
    made = named(job)
    if isinstance(job, Deployed) and not _by_name(job.defence):
        return None
    if made is None:
        assert isinstance(job, Deployed)
        if not isinstance(job.job.origin, str):
            return None
        options: dict[str, Any] = job.options
        start = [job.job.origin]
    else:
        options, start = {f.name: getattr(made, f.name) for f in fields(Setup)}, []
    said = [(f"--{n.replace('_', '-')}", _value(v)) for n, v in options.items() if v != getattr(PLAIN, n)]
    return [*start, *chain.from_iterable(said)]


def again(
    attack: str, job: Setup | Deployed, chosen: Mapping[str, Any], trials: int, seed: int
) -> str | None:
    """The command line that runs an attack again, quoted for a shell; None for a job made in Python."""
    job_words = words(job)
    if job_words is None:
        return None
    said = [("--set", f"{n}={v}") for n, v in chosen.items()]
    said += [("--trials", str(trials)), ("--seed", str(seed))]
    return shlex.join(["turncoat", "attack", attack, *job_words, *chain.from_iterable(said)])


def paper(attack: str, job: Setup | Deployed) -> Paper | None:
    """The paper's numbers for this attack on this job, if it is one of the paper's."""
    made = named(job)
    return None if made is None else published(attack, made.data, made.model)


def named(job: Setup | Deployed) -> Setup | None:
    """The names that a job was made from, under the protocol, engine and defence that it has now."""
    if isinstance(job, Setup):
        return job
    made = job.job.origin
    return replace(made, **job.options) if isinstance(made, Setup) else None


def _by_name(defence: Defence | None) -> bool:
    """Whether a defence's name makes it again."""
    if defence is None:
        return True
    try:
        return defences.get(defence.name) == defence
    except Refusal:
        return False


def _value(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(value)  # a column's name may have a comma in it
    return text.getvalue()


def of_job(target: Deployed) -> dict[str, Any]:
    """Data, model, protocol and engine of a job, as fields of a result."""
    protocol, engine = target.names
    data = target.job.data
    return {
        "data": data.name,
        "data_label": data.label,
        "model": target.job.name,
        "protocol": protocol,
        "engine": engine,
    }
