"""Arguments that are part of the program, named by `static_argnums` and `static_argnames` as for `jax.jit`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from turncoat.core.shared import is_shared
from turncoat.refusal import Refusal, nearest

Numbers = int | Iterable[int]
Texts = str | Iterable[str]


@dataclass(frozen=True)
class Static:
    """One such argument: a single leaf, compared by type and value."""

    kind: type
    value: Any


class Statics:
    """Which arguments of a function are static; each is known by its place and by its name.

    Raises Refusal for a place or a name that the function does not have.
    """

    def __init__(self, numbers: Numbers, names: Texts, signature: inspect.Signature | None) -> None:
        parameters = list(signature.parameters.values()) if signature is not None else []
        kinds = [p.kind for p in parameters]
        heads = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.names = {names} if isinstance(names, str) else set(names)
        self.numbers = {numbers} if isinstance(numbers, int) else set(numbers)
        for name in self.names - {p.name for p in parameters}:
            if parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
                known = nearest(name, [p.name for p in parameters])
                raise Refusal(
                    f"static_argnames says {name!r}, which is no parameter; the nearest are {known}"
                )
        for n in self.numbers:
            if not -len(heads) <= n < len(heads) and inspect.Parameter.VAR_POSITIONAL not in kinds:
                raise Refusal(f"static_argnums says {n}, but there are {len(heads)} positional parameters")
        self.numbers = {n + len(heads) if n < 0 else n for n in self.numbers}
        self.names |= {heads[n] for n in self.numbers if n < len(heads)}
        self.numbers |= {n for n, name in enumerate(heads) if name in self.names}

    def wrapped(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A call with its static arguments as single leaves."""
        if not self.names and not self.numbers:
            return args, kwargs
        return (
            tuple(_static(a) if i in self.numbers else a for i, a in enumerate(args)),
            {n: _static(a) if n in self.names else a for n, a in kwargs.items()},
        )


def unwrapped(argument: Any) -> Any:
    """An argument as the function gets it."""
    return argument.value if isinstance(argument, Static) else argument


def _static(value: Any) -> Static:
    return Static(type(value), value)


def of_modules(values: Any, leaves: Sequence[Any]) -> list[bool]:
    """Which leaves are Python numbers of equinox's modules: part of the program, as for `equinox.filter_jit`."""
    numbers = [isinstance(x, int | float) and not isinstance(x, np.generic) for x in leaves]
    if not any(numbers):
        return numbers
    within: list[bool] = []
    for part in jax.tree.leaves(values, is_leaf=lambda x: is_shared(x) or _is_module(x)):
        count = len(jax.tree.leaves(part, is_leaf=is_shared)) if _is_module(part) else 1
        within += [_is_module(part)] * count
    return [a and b for a, b in zip(numbers, within, strict=True)]


def _is_module(x: Any) -> bool:
    return any(c.__name__ == "Module" and c.__module__.startswith("equinox.") for c in type(x).__mro__)
