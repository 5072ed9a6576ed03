"""Turncoat audits machine-learning training under passively secure multiparty computation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from turncoat import engines, functions, protocols
from turncoat.api import reveal, secure, share, surface
from turncoat.core.engine import Engine
from turncoat.core.errors import Errors
from turncoat.core.protocol import Protocol
from turncoat.core.secure import Secured
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.refusal import Refusal

if TYPE_CHECKING:
    from turncoat import attacks, data, goals, jobs, monitor
    from turncoat.experiments.audit import audit
    from turncoat.experiments.experiment import attack
    from turncoat.jobs.job import Job
    from turncoat.results.result import Result

LAZY = {
    "Job": "turncoat.jobs.job",
    "Result": "turncoat.results.result",
    "attack": "turncoat.experiments.experiment",
    "attacks": "",
    "audit": "turncoat.experiments.audit",
    "data": "",
    "goals": "",
    "jobs": "",
    "monitor": "",
}
"""Public names that are imported when they are first used, and the module of each; "" is a module itself."""

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
    "attack",
    "attacks",
    "audit",
    "data",
    "engines",
    "functions",
    "goals",
    "jobs",
    "monitor",
    "protocols",
    "reveal",
    "secure",
    "share",
    "surface",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in LAZY:
        raise AttributeError(f"module 'turncoat' has no attribute {name!r}")
    found = import_module(f"turncoat.{name}") if not LAZY[name] else getattr(import_module(LAZY[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
