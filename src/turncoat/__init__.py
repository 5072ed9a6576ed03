"""Turncoat audits machine-learning training under passively secure multiparty computation."""

from turncoat import data, engines, functions, models, protocols
from turncoat.api import reveal, secure, share, surface
from turncoat.core.errors import Errors
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.monitor import Violation, monitor
from turncoat.refusal import Refusal
from turncoat.version import __version__ as __version__

__all__ = [
    "Errors",
    "Refusal",
    "Site",
    "Surface",
    "Violation",
    "data",
    "engines",
    "functions",
    "models",
    "monitor",
    "protocols",
    "reveal",
    "secure",
    "share",
    "surface",
]
