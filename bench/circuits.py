"""The circuits of the protocols' functions: their sites, their domains, and how near they come to the truth.

`python -m bench.circuits` prints the tables of docs/protocols.md.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat import functions
from turncoat.api import secure
from turncoat.core.protocol import Limits, Protocol
from turncoat.core.sites import Site
from turncoat.protocols import CATALOGUE


@dataclass(frozen=True, eq=False)
class Known:
    """A function that protocols compute: what it is in JAX, and where its accuracy is probed.

    `probe` is an interval, cut to a protocol's domain; for the softmax, entries are drawn from it.
    """

    f: Callable[[Any], Any]
    probe: Limits


FUNCTIONS: dict[str, Known] = {
    "exp": Known(jnp.exp, (-20.0, 2.0)),
    "reciprocal": Known(lambda x: x**-1, (0.01, 200.0)),
    "log": Known(jnp.log, (0.01, 100.0)),
    "log1p": Known(jnp.log1p, (-0.9, 100.0)),
    "sqrt": Known(jnp.sqrt, (0.01, 100.0)),
    "rsqrt": Known(lax.rsqrt, (0.01, 100.0)),
    "tanh": Known(jnp.tanh, (-8.0, 8.0)),
    "erf": Known(lax.erf, (-4.0, 4.0)),
    "sigmoid": Known(functions.sigmoid, (-12.0, 12.0)),
    "softmax": Known(functions.softmax, (-8.0, 8.0)),
    "relu": Known(functions.relu, (-8.0, 8.0)),
}
"""By the field of `Protocol` that computes it."""


UNOPTIMISED = {"xla_backend_optimization_level": "0"}
"""For circuits that run once: compiling them is what takes the time."""


def sites(protocol: Protocol, name: str) -> list[Site]:
    """The sites of a function on engine `reals`, in program order; three entries for the softmax, else one."""
    x = jax.ShapeDtypeStruct((1, 3) if name == "softmax" else (1,), jnp.float32)
    return list(secure(FUNCTIONS[name].f, protocol=protocol).surface(x))


def probed(protocol: Protocol, name: str) -> Limits:
    """Where the accuracy of a function is probed: its interval, within the protocol's domain."""
    low, high = FUNCTIONS[name].probe
    least, most = protocol.domains.get(name, (-math.inf, math.inf))
    return max(low, least), min(high, most)


@functools.cache
def accuracy(protocol: Protocol, name: str) -> tuple[float, float]:
    """The largest absolute error, and the largest relative to the true value, in double precision.

    On 4,001 points of the probed interval, evenly spaced (by ratio where it is positive); on 1,000 rows of
    ten entries for the softmax. A true value of zero has no relative error.
    """
    low, high = probed(protocol, name)
    x = np.geomspace(low, high, 4001) if low > 0 else np.linspace(low, high, 4001)
    if name == "softmax":
        x = np.random.default_rng(0).uniform(low, high, (1000, 10))
    with jax.enable_x64(True):
        f, array = FUNCTIONS[name].f, jnp.asarray(x)
        circuit = jax.jit(secure(f, protocol=protocol), compiler_options=UNOPTIMISED)
        got, true = np.asarray(circuit(array)), np.asarray(f(array))
    off = np.abs(got - true)
    return float(np.max(off)), float(np.max(off[true != 0] / np.abs(true[true != 0])))


def same_as(protocol: Protocol, name: str) -> str | None:
    """The protocol, listed before this one, that computes the function by the same circuit and domain."""
    for other in CATALOGUE.values():
        if other is protocol:
            return None
        same = inspect.unwrap(getattr(other, name)) is inspect.unwrap(getattr(protocol, name))
        if same and other.domains.get(name) == protocol.domains.get(name):
            return other.name
    return None


# ---- as text --------------------------------------------------------------------------------------------


def listed(found: list[Site]) -> str:
    """Site names below the operation's own; more than two that differ in a number alone become `name*`."""
    operation = found[0].name.split("/")[0]
    groups: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for site in found:
        name = re.sub(r"#\d+$", "", site.name.removeprefix(operation).lstrip("/"))
        group = re.sub(r"\d+", "*", name)
        groups.setdefault(group, []).append(name)
        kinds[group] = "bit" if site.is_bit else "product"
    return ", ".join(_group(group, names, kinds[group]) for group, names in groups.items())


def _group(group: str, names: list[str], kind: str) -> str:
    if names == [""]:
        return "the function itself"
    bits = " (bit)" if kind == "bit" else ""
    if len(set(names)) == len(names) <= 2:
        return ", ".join(f"`{name}`{bits}" for name in names)
    return f"`{group}` ({len(names)}{' bits' if bits else ''})"


def interval(limits: Limits | None) -> str:
    """An interval as text; "all" without limits."""
    if limits is None or limits == (-math.inf, math.inf):
        return "all"
    return "(" + ", ".join(_short(v) for v in limits) + ")"


def _short(value: float) -> str:
    if abs(value) < 1e6 or math.isinf(value):
        return f"{value:.3g}"
    return f"{'-' * (value < 0)}2^{math.log2(abs(value)):.0f}"


def _error(value: float) -> str:
    return f"{value:.1e}" if value >= 1e-9 else "< 1e-9"  # what is left is rounding


def rows(protocol: Protocol) -> Iterator[tuple[str, ...]]:
    """For each function that no protocol before has: name, formula, domain, probe, errors, sites."""
    for name in FUNCTIONS:
        if same_as(protocol, name) is None:
            formula = (inspect.getdoc(inspect.unwrap(getattr(protocol, name))) or "").split("\n\n")[0]
            absolute, relative = accuracy(protocol, name)
            yield (
                name,
                " ".join(formula.split()),
                interval(protocol.domains.get(name)),
                interval(probed(protocol, name)),
                _error(absolute),
                _error(relative),
                listed(sites(protocol, name)),
            )


HEADINGS = ("function", "circuit", "domain", "probed on", "absolute", "relative", "sites")


def markdown() -> str:
    """The tables of docs/protocols.md: a section for each protocol of the catalogue."""
    return "\n".join(_section(protocol) for protocol in CATALOGUE.values())


def _section(protocol: Protocol) -> str:
    lines = [f"### {protocol.name}\n", _line(HEADINGS), _line(("---",) * len(HEADINGS))]
    lines += [_line(tuple(cell.replace("|", "\\|") for cell in row)) for row in rows(protocol)]
    taken: dict[str, list[str]] = {}
    for name in FUNCTIONS:
        if (other := same_as(protocol, name)) is not None:
            taken.setdefault(other, []).append(name)
    said = "; ".join(f"{', '.join(names)} as in `{other}`" for other, names in taken.items())
    return "\n".join(lines) + "\n" + (f"\n{said[0].upper()}{said[1:]}.\n" if said else "")


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(markdown(), end="")
