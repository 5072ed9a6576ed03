"""The options of engine `replicated`: which there are, and the name that makes an engine again."""

from __future__ import annotations

from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.truncation import VARIANTS
from turncoat.refusal import Refusal, nearest


def check(corrupt: int, truncation: str, precision: int, copies: bool, policy: Policy | None) -> None:
    """Refuses options that no engine has."""
    if corrupt not in (0, 1, 2):
        raise Refusal(f"the corrupt party is 0, 1 or 2, not {corrupt}")
    if truncation not in VARIANTS:
        raise Refusal(
            f"there is no truncation {truncation!r}; the nearest are {nearest(truncation, VARIANTS)}"
        )
    if not 1 <= precision <= 30:
        raise Refusal(f"a precision is between 1 and 30 fractional bits, not {precision}")
    if policy is not None and copies:
        raise Refusal("a check needs one array per share: leave out the copies, or the check")


def name(corrupt: int, truncation: str, precision: int, gates: bool, policy: Policy | None) -> str:
    """The name that makes this engine again: options that differ from their defaults."""
    plain = {"corrupt": 1, "truncation": "pair", "precision": 18, "gates": False}
    given = {"corrupt": corrupt, "truncation": truncation, "precision": precision, "gates": gates}
    options = {k: str(v).lower() for k, v in given.items() if v != plain[k]}
    if policy is not None:
        options |= policy.options
    said = ",".join(f"{k}={v}" for k, v in options.items())
    return "replicated" + (f":{said}" if said else "")
