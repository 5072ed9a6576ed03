"""What errors inside its squarings make of an exponential (1 + x / 2^n)^(2^n) (section 3).

An error e at squaring k is squared m = n - k times more, so that (exp(x / 2^m) + e)^(2^m) comes out: the earlier it
enters, the more it is amplified. Which outputs that reaches is found by running the circuit on random secrets, as
in `reachable`; of an output that is a power, the root is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from turncoat.adversary.activations import Activation, add_at
from turncoat.adversary.reachable import ROUNDING, TOLERANCE, Found, Probe, expression
from turncoat.core.errors import Errors

CONSTANTS = (0.75, 1.5)
"""Values of delta, above 0 so that a root has one sign."""


@dataclass(frozen=True)
class Inside:
    """Errors inside the squarings as a function of delta; the output is looked at as a `power`."""

    ways: str
    errors: Callable[[float], Errors]
    power: int = 1


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
    sites, number = squarings(act), len(squarings(act))

    def at(k: int, value: float) -> Errors:
        return add_at(act.surface, sites[k - 1], value)

    for k in range(1, number):
        yield Inside(f"-1 at squaring {k}", lambda d, k=k: at(k, -1.0))
    yield Inside(f"-1 at squaring 1, +δ at squaring {number}", lambda d: at(1, -1.0).combine(at(number, d)))
    yield Inside(
        f"+δ at squaring {number - 1}, -δ² at squaring {number}",
        lambda d: at(number - 1, d).combine(at(number, -(d**2))),
    )
    for k in range(number - 1, 0, -1):
        power = 2 ** (number - k)
        yield Inside(f"+δ/{power} at squaring {k}", lambda d, k=k, p=power: at(k, d / p), power)


def _outcome(p: Probe, m: Inside, honest: np.ndarray) -> Found:
    """The output's expression in f(x / power) and delta / power, or in those of a last squaring, if there is one."""
    out = np.concatenate([p.run(m.errors(d)) for d in CONSTANTS])
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
