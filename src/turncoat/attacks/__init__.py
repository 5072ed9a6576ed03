"""Attacks: one short file each; `CATALOGUE` maps the command line's names to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from turncoat.attacks.attack import Attack, Needs
from turncoat.attacks.backdoor import backdoor
from turncoat.refusal import Refusal, nearest

CATALOGUE: dict[str, Callable[..., Attack]] = {
    "backdoor": backdoor,
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
        wanted = str(known[key].annotation)
        ok = (
            isinstance(value, str)
            if wanted == "str"
            else isinstance(value, int) and not isinstance(value, bool)
            if wanted == "int"
            else isinstance(value, int | float) and not isinstance(value, bool)
        )
        if not ok:
            raise Refusal(f"setting {key!r} of attack {name!r} must be of type {wanted}, not {value!r}")
    return make(**(settings or {}))


__all__ = ["CATALOGUE", "Attack", "Needs", "backdoor", "get"]
