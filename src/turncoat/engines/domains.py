"""Engine `reals` under watch: where arguments of a protocol's functions leave the domains on which those hold.

It READS SECRETS: it is a device of the laboratory, and no timing includes it (see `turncoat.monitor`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.protocol import Limits
from turncoat.engines.reals import Reals


@dataclass(frozen=True)
class Violation:
    """Arguments between `least` and `largest` met a function that holds between `limits`, at scope `where`.

    Both are NaN if numbers that had overflowed before were all that was wrong there.
    """

    function: str
    where: str
    least: float
    largest: float
    limits: Limits
    protocol: str

    def __str__(self) -> str:
        low, high = self.limits
        outside = dict.fromkeys(f"{v:.4g}" for v in (self.least, self.largest) if not low <= v <= high)
        what = " to ".join(outside)
        return (
            f"{self.function} argument {what} is outside ({low:.4g}, {high:.4g}) in {self.where} "
            f"(protocol {self.protocol})"
        )


Place = tuple[str, str, Limits]
"""A bounded function, the scope in which it stands, its limits."""


class WatchedReals(Reals):
    """Engine `reals` that remembers the extremes of every argument of a bounded function."""

    def __init__(self) -> None:
        self.places: dict[Place, None] = {}  # in program order: callbacks come in any
        self.seen: dict[Place, tuple[float, float, bool]] = {}  # least, largest, whether any was NaN

    def argument(self, function: str, where: str, wire: Any, limits: Limits) -> None:
        place = function, where, limits
        self.places[place] = None
        if wire.size:
            # a callback reaches Python from inside jit, scan, while, cond and vmap alike
            ends = jnp.nanmin(wire), jnp.nanmax(wire)
            jax.debug.callback(partial(self._note, place), *ends, jnp.isnan(wire).any())

    def _note(self, place: Place, least: Any, largest: Any, undefined: Any) -> None:
        low, high, before = self.seen.get(place, (math.inf, -math.inf, False))
        # once a number has overflowed, what follows is NaN: the extremes before it say why
        self.seen[place] = (
            float(np.fmin(low, least)),
            float(np.fmax(high, largest)),
            before or bool(undefined),
        )

    def violations(self, protocol: str) -> list[Violation]:
        """What was outside its limits since the last time, in the order of the program; then forgets."""
        jax.effects_barrier()
        seen, self.seen = self.seen, {}
        found = []
        for function, where, limits in [place for place in self.places if place in seen]:
            low, high, undefined = seen[function, where, limits]
            if low < limits[0] or high > limits[1]:
                found.append(Violation(function, where, low, high, limits, protocol))
            elif undefined:
                found.append(Violation(function, where, math.nan, math.nan, limits, protocol))
        return found
