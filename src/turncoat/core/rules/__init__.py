"""The table: JAX primitive -> what the protocol does with it when an operand is secret."""

from turncoat.core.rules import arithmetic, expansions, loops, order, structure, windows
from turncoat.core.rules.table import RULES, refusal

__all__ = ["RULES", "arithmetic", "expansions", "loops", "order", "refusal", "structure", "windows"]
