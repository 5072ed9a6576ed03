"""Engines: one file per meaning of "secret value"; they differ in nothing else.

An engine's name may carry options: `ring:precision=20,truncation=local`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from turncoat.core.engine import Engine
from turncoat.engines.reals import reals
from turncoat.engines.replicated import Replicated, replicated
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.ring import Ring, ring
from turncoat.engines.wraparound import Monitored
from turncoat.refusal import Refusal, nearest


def _reals() -> Engine:
    return reals


def _ring(precision: int = 18, truncation: str = "exact", monitor: bool = False) -> Engine:
    plain = ring if (precision, truncation) == (18, "exact") else Ring(precision, truncation)
    return Monitored(plain) if monitor else plain


def _replicated(
    corrupt: int = 1,
    truncation: str = "pair",
    precision: int = 18,
    gates: bool = False,
    monitor: bool = False,
    check: str = "none",
    sites: str = "",
) -> Engine:
    default = (corrupt, truncation, precision, gates, check, sites) == (1, "pair", 18, False, "none", "")
    policy = Policy.of(check, sites)
    plain = replicated if default else Replicated(corrupt, truncation, precision, gates, check=policy)
    return Monitored(plain) if monitor else plain


CATALOGUE: dict[str, Callable[..., Engine]] = {"reals": _reals, "ring": _ring, "replicated": _replicated}
"""Names, and what makes the engine of that name; its parameters are the options, its defaults theirs."""


def get(name: str) -> Engine:
    """The engine of this name, or of `name:option=value,...`; the same one for the same text.

    Raises Refusal, naming the nearest, for an unknown engine or option, or a value of the wrong type.
    """
    return _made(name)


@cache
def _made(text: str) -> Engine:
    name, colon, options = text.partition(":")
    if name not in CATALOGUE:
        raise Refusal(f"there is no engine {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    make = CATALOGUE[name]
    pairs = [part.partition("=") for part in options.split(",")] if colon else []
    return make(**dict(_option(name, make, key.strip(), value.strip()) for key, _, value in pairs))


def _option(engine: str, make: Callable[..., Engine], key: str, text: str) -> tuple[str, Any]:
    """One option, its value read as its parameter says."""
    known = inspect.signature(make).parameters
    if not known:
        raise Refusal(f"engine {engine!r} has no options, so {key!r} is none")
    if key not in known:
        raise Refusal(f"engine {engine!r} has no option {key!r}; the nearest are {nearest(key, known)}")
    kind = str(known[key].annotation)
    if kind == "bool" and text in ("true", "false"):
        return key, text == "true"
    if kind == "int" and text.removeprefix("-").isdecimal():
        return key, int(text)
    if kind == "str" and text:
        return key, text
    wanted = {"bool": "true or false", "int": "a whole number", "str": "a word"}[kind]
    raise Refusal(
        f"option {key!r} of engine {engine!r} takes {wanted}, as in {engine}:{key}=...; not {text!r}"
    )


__all__ = ["CATALOGUE", "Monitored", "Replicated", "Ring", "get", "reals", "replicated", "ring"]
