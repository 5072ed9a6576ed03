"""The table: JAX primitive -> what the protocol does with it when an operand is secret."""

from turncoat.core.rules import (
    arithmetic,
    collectives,
    eigen,
    expansions,
    factorings,
    integers,
    loops,
    order,
    reflections,
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
    "eigen",
    "expansions",
    "factorings",
    "integers",
    "loops",
    "order",
    "reflections",
    "refusal",
    "rounding",
    "scatters",
    "series",
    "sorting",
    "structure",
    "windows",
]
