"""Turncoat audits machine-learning training under passively secure multiparty computation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from turncoat.version import __version__ as __version__

if TYPE_CHECKING:
    from turncoat import (
        adapters,
        attacks,
        data,
        defences,
        engines,
        functions,
        goals,
        jobs,
        monitor,
        protocols,
    )
    from turncoat.api import refusals, reveal, secure, share, surface
    from turncoat.core.engine import Engine
    from turncoat.core.errors import Errors
    from turncoat.core.protocol import Protocol
    from turncoat.core.secure import Secured
    from turncoat.core.sites import Site
    from turncoat.core.surface import Surface
    from turncoat.experiments.audit import audit
    from turncoat.experiments.experiment import attack
    from turncoat.jobs.job import Job
    from turncoat.metrics.power import Victim
    from turncoat.refusal import Refusal
    from turncoat.results.result import Result

HOMES = {
    "Engine": "turncoat.core.engine",
    "Errors": "turncoat.core.errors",
    "Job": "turncoat.jobs.job",
    "Protocol": "turncoat.core.protocol",
    "Refusal": "turncoat.refusal",
    "Result": "turncoat.results.result",
    "Secured": "turncoat.core.secure",
    "Site": "turncoat.core.sites",
    "Surface": "turncoat.core.surface",
    "Victim": "turncoat.metrics.power",
    "adapters": "",
    "attack": "turncoat.experiments.experiment",
    "attacks": "",
    "audit": "turncoat.experiments.audit",
    "data": "",
    "defences": "",
    "engines": "",
    "functions": "",
    "goals": "",
    "jobs": "",
    "monitor": "",
    "protocols": "",
    "refusals": "turncoat.api",
    "reveal": "turncoat.api",
    "secure": "turncoat.api",
    "share": "turncoat.api",
    "surface": "turncoat.api",
}
"""The module of each public name; "" is a module itself. Each is imported when it is first used, so that the command
line can say its version and its help without JAX."""

__all__ = [
    "Engine",
    "Errors",
    "Job",
    "Protocol",
    "Refusal",
    "Result",
    "Secured",
    "Site",
    "Surface",
    "Victim",
    "adapters",
    "attack",
    "attacks",
    "audit",
    "data",
    "defences",
    "engines",
    "functions",
    "goals",
    "jobs",
    "monitor",
    "protocols",
    "refusals",
    "reveal",
    "secure",
    "share",
    "surface",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'turncoat' has no attribute {name!r}")
    found = getattr(import_module(HOMES[name]), name) if HOMES[name] else import_module(f"turncoat.{name}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
