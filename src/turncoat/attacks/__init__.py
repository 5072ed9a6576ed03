"""Attacks: one short file each; `CATALOGUE` maps the command line's names to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from turncoat.attacks.amplified_poisoning import amplified_poisoning
from turncoat.attacks.attack import Attack, Needs
from turncoat.attacks.availability import availability
from turncoat.attacks.backdoor import backdoor
from turncoat.attacks.deposit import deposit
from turncoat.attacks.fairness import fairness
from turncoat.attacks.membership import membership
from turncoat.attacks.neuron_override import neuron_override
from turncoat.attacks.reconstruction import reconstruction
from turncoat.attacks.sparse import sparse_backdoor
from turncoat.attacks.targeted import targeted
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, Callable[..., Attack]] = {
    "amplified-poisoning": amplified_poisoning,
    "availability": availability,
    "backdoor": backdoor,
    "deposit": deposit,
    "fairness": fairness,
    "membership": membership,
    "neuron-override": neuron_override,
    "reconstruction": reconstruction,
    "sparse-backdoor": sparse_backdoor,
    "targeted": targeted,
}

KINDS: dict[str, tuple[Any, str]] = {
    "str": (str, "a word"),
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
}


def get(name: str, settings: Mapping[str, Any] | None = None) -> Attack:
    """The attack of this name with these settings.

    Raises Refusal for an unknown name or setting, naming the nearest, or a value of the wrong type.
    """
    if name not in CATALOGUE:
        raise Refusal(f"there is no attack {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    make = CATALOGUE[name]
    known = inspect.signature(make).parameters
    for key, value in (settings or {}).items():
        if key not in known:
            raise Refusal(f"attack {name!r} has no setting {key!r}; the nearest are {nearest(key, known)}")
        wanted = str(known[key].annotation).removesuffix(" | None")
        if not isinstance(value, KINDS[wanted][0]) or isinstance(value, bool):
            raise Refusal(f"setting {key!r} of attack {name!r} must be {KINDS[wanted][1]}, not {value!r}")
    return make(**(settings or {}))


__all__ = ["CATALOGUE", "Attack", "Needs", "backdoor", "deposit", "get", "reconstruction"]
