"""What errors inside its squarings make of an exponential (1 + x / 2^n)^(2^n) (section 3).

An error e at squaring k is squared m = n - k times more, so that (exp(x / 2^m) + e)^(2^m) comes out: the earlier it
enters, the more it is amplified. Which outputs that reaches is found by running the circuit on random secrets, as
in `reachable`; of an output that is a power, the root is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from turncoat.adversary.activations import Activation, add_at
from turncoat.adversary.reachable import ROUNDING, TOLERANCE, Found, Probe, expression
from turncoat.core.errors import Errors

CONSTANTS = (0.75, 1.5)
"""Values of delta, above 0 so that a root has one sign."""


@dataclass(frozen=True)
class Inside:
    """Errors inside the squarings: at those of these numbers, a + b delta + c delta^2; the output is a `power`."""

    ways: str
    errors: Mapping[int, tuple[float, float, float]]
    power: int = 1

    def at(self, act: Activation, delta: float) -> Errors:
        """The errors for one value of delta."""
        sites, found = squarings(act), Errors()
        for k, (a, b, c) in self.errors.items():
            found = found.combine(add_at(act.surface, sites[k - 1], a + b * delta + c * delta**2))
        return found


def squarings(act: Activation) -> tuple[str, ...]:
    """The sites of an exponential's repeated squaring, in order; none in other circuits."""
    return tuple(n for n in act.sites if re.fullmatch(r"exp/square\d+", n))


def reached_inside(p: Probe) -> list[Found]:
    """The outcome of every manipulation of `insides`; none for a circuit that does not square repeatedly."""
    if not squarings(p.act):
        return []
    honest = p.run(Errors())
    return [_outcome(p, m, honest) for m in insides(p.act)]


def insides(act: Activation) -> Iterator[Inside]:
    """Errors at single squarings, at the first and the last, and at the last two."""
    last = len(squarings(act))
    for k in range(1, last):
        yield Inside(f"-1 at squaring {k}", {k: (-1, 0, 0)})
    yield Inside(f"-1 at squaring 1, +δ at squaring {last}", {1: (-1, 0, 0), last: (0, 1, 0)})
    before = {last - 1: (0.0, 1.0, 0.0), last: (0.0, 0.0, -1.0)}
    yield Inside(f"+δ at squaring {last - 1}, -δ² at squaring {last}", before)
    for k in range(last - 1, 0, -1):
        power = 2 ** (last - k)
        yield Inside(f"+δ/{power} at squaring {k}", {k: (0, 1 / power, 0)}, power)


def _outcome(p: Probe, m: Inside, honest: np.ndarray) -> Found:
    """The output's expression in f(x / power) and delta / power, or in those of a last squaring, if there is one."""
    out = np.concatenate([p.run(m.at(p.act, d)) for d in CONSTANTS])
    f = np.tile(honest, len(CONSTANTS))
    small = np.repeat(CONSTANTS, len(honest)) / m.power
    name, part = ("x", "δ") if m.power == 1 else (f"x/{m.power}", f"δ/{m.power}")
    terms = {f"f({name})": f ** (1 / m.power), part: small, "1": np.ones(f.shape)}
    if m.power == 1:
        terms["δ f(x/2)"] = small * np.sqrt(f)
    found = expression(out ** (1 / m.power), terms)
    if found is not None:
        made = sum((factor * terms[n] for n, factor in found.items()), start=np.zeros(f.shape)) ** m.power
        if not np.all(np.abs(made - out) <= TOLERANCE + m.power * ROUNDING * np.abs(out)):
            found = None
    return Found("activation", m.ways, found, float(np.max(np.abs(out))), power=m.power)
