"""What an activation function can be bent to under a protocol, found by running it on random secrets.

The function is run on the product of two secrets, so that its input can be moved (section 3). Each
manipulation is tried with several constants; an output is *reached* if one expression in f(x), x, e_i and the
adversary's own constants gives it for all secrets alike. The expression is found by least squares and then
checked: no table of what ought to come out exists here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import functions
from turncoat.adversary.activations import (
    Activation,
    activation,
    add_at,
    flip,
    force,
    move_output,
    one_hot,
    vanish,
)
from turncoat.core.engine import Engine
from turncoat.core.errors import Errors
from turncoat.core.protocol import Protocol
from turncoat.core.secure import Secured, secure
from turncoat.engines import reals

SECRETS, CLASSES, TARGET = 512, 4, 1
LARGE, SECOND = 112.0, 0.9
"""The large constant, and by what it is multiplied for a second run: two tell where it enters."""
SMALLEST = 8.0
"""The least large constant: where a function's domain has no room for it, the domain is left."""
FACTOR = 2.3
"""The secrets a and b lie within this of zero, for a reciprocal in (0.5, 2): x = a b passes every cut."""
SMALL = (0.75, -1.25)
DIRECTION = np.array([1.0, -0.5, 0.25, 2.0])
"""The vector v, up to its size, that is added to a softmax."""
TOLERANCE, ROUNDING = 2e-3, 1e-5
"""How far an expression may lie from the output: absolutely (the protocols' own approximations are off by up
to 1e-3), and relatively (single precision)."""
DECIMALS = (0, 1, 2, 3, 5)

FUNCTIONS: dict[str, tuple[str, Callable]] = {
    "comparison": ("compare", lambda x: x >= 0),
    "ReLU": ("relu", functions.relu),
    "sigmoid": ("sigmoid", functions.sigmoid),
    "softmax": ("softmax", functions.softmax),
    "exponential": ("exp", jnp.exp),
    "reciprocal": ("div", lambda x: 1 / x),
}
"""The functions, and the scope of their sites."""


@dataclass(frozen=True)
class Manipulation:
    """Errors as a function of the constants Delta and delta; `column` is that of Table 1.

    `ways` says what is done; `uses` which of "Δ", "δ", "v" and "e_i" the output may depend on; with `target_only`,
    only the target entry of a softmax is looked at.
    """

    column: str
    ways: str
    errors: Callable[[float, float], Errors]
    uses: frozenset[str] = frozenset()
    target_only: bool = False
    large: float = LARGE


Factors = dict[str, float]
"""An expression: the multiple of each term that occurs in it; "1" is the constant."""


@dataclass(frozen=True)
class Found:
    """What a manipulation led to: an expression for all secrets alike, or None.

    `size` is the largest output in magnitude; with `target_only`, the target entry of a softmax is meant. The
    output is the expression to the `power`.
    """

    column: str
    ways: str
    expression: Factors | None
    size: float
    target_only: bool = False
    power: int = 1

    @property
    def words(self) -> str:
        """The output in words, of an expression that was found."""
        said = written(self.expression or {})
        return said if self.power == 1 else f"({said})^{self.power}"


@dataclass(frozen=True, eq=False)
class Probe:
    """A function under a protocol, on random secrets a and b with x = a b."""

    name: str
    program: Secured
    act: Activation
    secrets: tuple[jax.Array, jax.Array]

    def run(self, errors: Errors) -> np.ndarray:
        """The outputs; every site is given an error, most of them none, so that it is compiled once."""
        sites = [n for n in (self.act.input, *self.act.sites) if n is not None]
        nothing = Errors({n: jnp.zeros(self.act.surface[n].shape, self.act.surface[n].dtype) for n in sites})
        out = self.program(*self.secrets, errors=nothing.combine(errors))
        return np.asarray(out, np.float64)


def probe(name: str, protocol: Protocol, engine: Engine = reals, seed: int = 0) -> Probe:
    """A function of `FUNCTIONS`, ready to be bent."""
    scope, f = FUNCTIONS[name]

    def program(a, b):
        with jax.named_scope("input:"):
            x = a * b
        return f(x)

    rng = np.random.default_rng(seed)
    shape = (SECRETS, CLASSES) if name == "softmax" else (SECRETS,)
    low, high = (0.5, 2.0) if name == "reciprocal" else (-FACTOR, FACTOR)
    a, b = (jnp.asarray(rng.uniform(low, high, shape), jnp.float32) for _ in "ab")
    secured = secure(program, protocol=protocol, engine=engine)
    return Probe(name, secured, activation(secured.surface(a, b), scope, "input"), (a, b))


# ---- what is tried -----------------------------------------------------------------------------------------


def manipulations(p: Probe) -> Iterator[Manipulation]:
    """Every combination of moving the input, flipping comparisons and moving the output."""
    moves = list(_input_moves(p))
    bits = [] if p.name == "reciprocal" else _single_bits(p)  # its digits' sign, which only breaks it
    flips = [Manipulation("", _said(p, w), _always(flip(p.act, *w))) for w in _subsets(bits)]
    added = [] if p.act.surface[p.act.sites[-1]].is_bit else [_output_move(p)]
    within = [_both(f, o) for f in flips for o in added] if p.name == "exponential" else []
    for column, tried in (
        ("input", moves),
        ("activation", [*flips, *added, *within]),
        ("combined", [_both(m, other) for m in moves for other in (*flips, *added)]),
    ):
        yield from (replace(m, column=column) for m in tried)


def _always(errors: Errors) -> Callable[[float, float], Errors]:
    return lambda large, small: errors


def _both(one: Manipulation, other: Manipulation) -> Manipulation:
    def errors(large: float, small: float) -> Errors:
        return one.errors(large, small).combine(other.errors(large, small))

    uses, only = one.uses | other.uses, one.target_only or other.target_only
    return Manipulation("", f"{one.ways}, {other.ways}", errors, uses, only, min(one.large, other.large))


def _output_move(p: Probe) -> Manipulation:
    name, direction = ("v", DIRECTION) if p.name == "softmax" else ("δ", 1.0)
    return Manipulation(
        "",
        f"output +{name}",
        lambda D, d: move_output(p.act, d * direction, p.program.protocol),
        frozenset({name}),
    )


def _input_moves(p: Probe) -> Iterator[Manipulation]:
    if p.name == "reciprocal":
        return  # 1 / (x + Δ) is near 0 and nothing else
    if p.name == "softmax":
        target = np.arange(CLASSES) == TARGET
        said = "input +Δ at i, -Δ elsewhere"
        yield Manipulation("", said, lambda D, d: one_hot(p.act, TARGET, D), frozenset({"e_i"}))
        yield Manipulation("", "input -Δ at i", lambda D, d: vanish(p.act, target, D), target_only=True)
        return
    for sign, high in (("+", True), ("-", False)):
        large = _room(p, high)
        said = f"input {sign}Δ" + (f" (Δ = {large:.0f}, for its domain)" if large < LARGE else "")
        yield Manipulation("", said, _forced(p, high), frozenset("Δ"), large=large)


def _forced(p: Probe, high: bool) -> Callable[[float, float], Errors]:
    return lambda large, small: force(p.act, high, large)


def _room(p: Probe, high: bool) -> float:
    """The large constant that keeps the input in the function's domain, if there is room for one."""
    low, top = p.program.protocol.domains.get(FUNCTIONS[p.name][0], (-np.inf, np.inf))
    room = (top if high else -low) - FACTOR**2
    return room if SMALLEST <= room < LARGE else LARGE


def _single_bits(p: Probe) -> list[int]:
    """The comparisons that give one bit for each output (not the digits of a number, nor a maximum's tree)."""
    shape = p.act.surface[p.act.sites[-1]].shape
    return [i for i, n in enumerate(p.act.bits) if p.act.surface[n].shape == shape]


def _subsets(bits: list[int]) -> Iterator[tuple[int, ...]]:
    for size in range(1, len(bits) + 1):
        yield from combinations(bits, size)


def _said(p: Probe, which: tuple[int, ...]) -> str:
    scope = FUNCTIONS[p.name][0]
    return " and ".join(p.act.bits[i].removeprefix(f"{scope}/") for i in which) + " flipped"


# ---- what comes out ----------------------------------------------------------------------------------------


def reached(p: Probe) -> list[Found]:
    """The outcome of every manipulation."""
    honest = p.run(Errors())
    return [_outcome(p, m, honest) for m in manipulations(p)]


def _outcome(p: Probe, m: Manipulation, honest: np.ndarray) -> Found:
    a, b = (np.asarray(s, np.float64) for s in p.secrets)
    target = np.broadcast_to(np.arange(honest.shape[-1]) == TARGET, honest.shape)
    keep = target if m.target_only else np.ones(honest.shape, bool)
    rows: dict[str, list[np.ndarray]] = {n: [] for n in ("out", "f(x)", "x", *sorted(m.uses), "1")}
    for large, small in _constants(m):
        terms = {"out": p.run(m.errors(large, small)), "f(x)": honest, "x": a * b, "1": np.ones(honest.shape)}
        terms |= {"Δ": np.full(honest.shape, large), "δ": np.full(honest.shape, small), "e_i": target}
        if "v" in m.uses:
            terms["v"] = np.broadcast_to(small * DIRECTION, honest.shape)
        for name, column in rows.items():
            column.append(terms[name][keep])
    columns = {n: np.concatenate(parts).astype(np.float64) for n, parts in rows.items()}
    out = columns.pop("out")
    return Found(m.column, m.ways, expression(out, columns), float(np.max(np.abs(out))), m.target_only)


def _constants(m: Manipulation) -> list[tuple[float, float]]:
    pairs = [(m.large, SMALL[0]), (SECOND * m.large, SMALL[0])]
    return [*pairs, (m.large, SMALL[1])] if m.uses & {"δ", "v"} else pairs


def expression(out: np.ndarray, terms: Mapping[str, np.ndarray]) -> Factors | None:
    """`out` as a sum of multiples of the terms, or None if it is none.

    The fewest terms that agree within the tolerance are taken, with as few decimals as agree.
    """
    if not np.all(np.isfinite(out)):
        return None
    allowed = TOLERANCE + ROUNDING * np.abs(out)
    for size in range(len(terms) + 1):
        for chosen in combinations(terms, size):
            matrix = np.stack([terms[n] for n in chosen], 1) if chosen else np.zeros((len(out), 0))
            exact = np.linalg.lstsq(matrix, out, rcond=None)[0]
            for decimals in DECIMALS:
                factors = np.asarray(exact).round(decimals)
                if np.all(np.abs(matrix @ factors - out) <= allowed):
                    return {n: f for n, f in zip(chosen, factors.tolist(), strict=True) if f}
    return None


ORDER = "efxΔ1δv"
"""The order of terms, by how they begin: e_i, f(x), x, Δ, 1, δ, v."""


def written(factors: Factors) -> str:
    """An expression in words: {"x": 1, "Δ": -1, "1": 0.5} is "x + 0.5 - Δ"."""
    parts = ""
    for name in sorted(factors, key=lambda n: (factors[n] < 0, ORDER.index(n[0]))):
        size = f"{abs(factors[name]):g}"
        term = size if name == "1" else name if size == "1" else f"{size} {name}"
        parts += (" - " if factors[name] < 0 else " + ") + term
    return f"-{parts[3:]}" if parts[:3] == " - " else parts[3:] or "0"


def bending(p: Probe, error: float = 0.25) -> tuple[int, int]:
    """At how many of a function's products an error changes the output, and how many there are."""
    honest = p.run(Errors())
    products = [n for n in p.act.sites if not p.act.surface[n].is_bit]
    bent = [not np.allclose(p.run(add_at(p.act.surface, n, error)), honest, atol=1e-3) for n in products]
    return sum(bent), len(products)
