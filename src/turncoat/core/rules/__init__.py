"""The table: JAX primitive -> what the protocol does with it when an operand is secret."""

from turncoat.core.rules import (
    arithmetic,
    collectives,
    expansions,
    factorings,
    loops,
    order,
    rounding,
    scatters,
    series,
    sorting,
    structure,
    windows,
)
from turncoat.core.rules.table import RULES, refusal

__all__ = [
    "RULES",
    "arithmetic",
    "collectives",
    "expansions",
    "factorings",
    "loops",
    "order",
    "refusal",
    "rounding",
    "scatters",
    "series",
    "sorting",
    "structure",
    "windows",
]
