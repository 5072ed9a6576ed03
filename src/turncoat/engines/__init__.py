"""Engines: one file per meaning of "secret value"; they differ in nothing else."""

from turncoat.core.engine import Engine
from turncoat.engines.reals import reals
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, Engine] = {e.name: e for e in (reals,)}


def get(name: str) -> Engine:
    """The engine of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there is no engine {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = ["CATALOGUE", "get", "reals"]
