"""Protocols: one file per framework, its nonlinear functions written over the black box."""

from turncoat.core.protocol import Protocol
from turncoat.protocols.crypten import crypten, crypten_paper
from turncoat.protocols.exact import exact
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, Protocol] = {p.name: p for p in (exact, crypten, crypten_paper)}


def get(name: str) -> Protocol:
    """The protocol of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there is no protocol {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = ["CATALOGUE", "crypten", "crypten_paper", "exact", "get"]
