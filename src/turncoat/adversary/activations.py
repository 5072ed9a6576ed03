"""Low-level manipulations: how one corrupt party bends an activation function (section 3, Table 1).

Each function returns the `Errors` of one manipulation for all entries of an activation; they compose with
`Errors.combine` (numbers add, flips XOR) and are restricted to examples with `Errors.for_examples`. An
`Activation` says which sites make up one call of a function, and which product its input comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import functions, protocols
from turncoat.core.errors import Errors
from turncoat.core.protocol import Protocol
from turncoat.core.secure import secure
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.engines import reals
from turncoat.refusal import Refusal, nearest

LARGE = 256.0
"""The default large constant Delta: it dominates normalised activations, and CrypTen's exponential, which
needs arguments above -512 and grows monotonically from -256 on, still takes it."""

WHOLE: dict[str, tuple[str, Callable[..., Any]]] = {
    "softmax": ("softmax", functions.softmax),
    "sigmoid": ("sigmoid", functions.sigmoid),
    "logistic": ("sigmoid", functions.sigmoid),
    "exp": ("exp", jnp.exp),
    "tanh": ("tanh", jnp.tanh),
    "relu": ("relu", functions.relu),
}
"""Functions that a protocol computes by a circuit of its own, by the names that operations have."""


@dataclass(frozen=True, eq=False)
class Activation:
    """One call of an activation function in a step: its sites, and the product that its input comes from."""

    surface: Surface
    sites: tuple[str, ...]
    input: str | None

    @property
    def bits(self) -> tuple[str, ...]:
        """Its comparison bits, in program order; the gates inside them are none."""
        return tuple(n for n in self.sites if self.surface[n].kind == "bit")

    @property
    def output(self) -> str:
        """The last site at which a number can be added: an error there shifts the output."""
        numbers = [n for n in self.sites if not self.surface[n].is_bit]
        if not numbers:
            raise Refusal(
                "this activation ends in bits, which can be flipped: no number can be added to them"
            )
        return numbers[-1]

    def site(self, ending: str) -> str:
        """The last of its sites that is called `ending` within it, such as "exp/square8"."""
        found = [n for n in self.sites if f"/{n}".endswith(f"/{ending}")]
        if not found:
            raise Refusal(
                f"this activation has no site {ending!r}; the nearest are {nearest(ending, self.sites)}"
            )
        return found[-1]


def activation(surface: Surface, name: str, source: str | None = None) -> Activation:
    """The activation whose sites stand under a scope, such as "relu0", "sigmoid" or "softmax".

    `source` is the site of the product that it takes; by default the last product before it that has the
    shape of the activation's result. Raises Refusal if there is no such scope.
    """
    inside = [n for n in surface.sites if n == name or n.startswith(f"{name}/")]
    sites = tuple(n for n in inside if _forward(surface[n]))
    if not sites:
        raise Refusal(
            f"no activation {name!r} is computed here; the nearest are {nearest(name, surface.sites)}"
        )
    return Activation(surface, sites, source or product_before(surface, sites[0], surface[sites[-1]].shape))


def _forward(site: Site) -> bool:
    return site.phase == "forward"


def product_before(surface: Surface, name: str, shape: tuple[int, ...]) -> str | None:
    """The last site before `name` at which numbers of this shape can be added.

    A convolution's product has a row for each window of an example, and as many entries in all.
    """
    before = list(surface.sites)[: list(surface.sites).index(name)]
    numbers = [s for s in map(surface.__getitem__, before) if not s.is_bit and _forward(s)]
    numbers = [s for s in numbers if s.kind != "xor-product"]  # a bit, not yet a number to be moved
    fits = [s.name for s in numbers if s.shape == shape or _windows(s, shape)]
    return fits[-1] if fits else None


def _windows(site: Site, shape: tuple[int, ...]) -> bool:
    same_size = np.prod(site.shape, dtype=int) == np.prod(shape, dtype=int)
    return bool(site.shape and shape and same_size and site.shape[0] % shape[0] == 0 and len(shape) == 2)


def add_at(surface: Surface, site: str, value: Any) -> Errors:
    """`value` (a number, one per class, or an array of the site's shape) added at a site."""
    place = surface[site]
    if not _fits(np.shape(value), place.shape):
        raise Refusal(
            f"{list(np.shape(value))} numbers do not fit site {site!r}, which has {list(place.shape)}"
        )
    return Errors({site: jnp.broadcast_to(jnp.asarray(value, place.dtype), place.shape)})


def _fits(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of a shape can be broadcast to a whole one."""
    tail = whole[len(whole) - len(shape) :]
    return len(shape) <= len(whole) and all(n in (1, m) for n, m in zip(shape, tail, strict=True))


# ---- the three kinds of modification: input, computation, and both (by combining them) ---------------------


def move_input(act: Activation, delta: Any) -> Errors:
    """Input modification: the activation takes x + delta, since x is the outcome of a product (section 3)."""
    if act.input is None:
        raise Refusal("the input of this activation is no product of secrets, so nothing can be added to it")
    return add_at(act.surface, act.input, delta)


def flip(act: Activation, *which: int) -> Errors:
    """The comparisons of these numbers (counted from 0, in program order), or all of them, flipped."""
    bits = act.bits
    if not bits or any(not 0 <= i < len(bits) for i in which):
        raise Refusal(
            f"this activation has {len(bits)} comparisons, so {list(which) or 'none'} cannot be flipped"
        )
    chosen = [bits[i] for i in which] or bits
    return Errors({n: jnp.ones(act.surface[n].shape, bool) for n in chosen})


def move_output(act: Activation, delta: Any, protocol: Protocol | None = None) -> Errors:
    """Computation modification: f(x) + delta, by an error at the function's last product.

    Where a public factor follows that product (a polynomial's last coefficient) the error is divided by it.
    `protocol` defaults to the one in the catalogue that the surface names.
    """
    return add_at(act.surface, act.output, delta / gain(act.surface, act.output, protocol))


def gain(surface: Surface, site: str, protocol: Protocol | None = None) -> float:
    """How much a function's output moves for an error of one at its last site.

    Sites outside of the circuits of `WHOLE` functions have a gain of one. The circuit is public: it is run on
    its own, and differentiated by the error.
    """
    parts = site.split("/")
    heads = [i for i, part in enumerate(parts) if _bare(part) in WHOLE]
    if not heads:
        return 1.0
    name = WHOLE[_bare(parts[heads[0]])][0]
    inside = "/".join([name, *parts[heads[0] + 1 :]])
    row = surface[site].shape[-1:] if name == "softmax" else ()
    return _gain(name, inside, row, protocol or protocols.get(surface.protocol))


@cache
def _gain(name: str, site: str, row: tuple[int, ...], protocol: Protocol) -> float:
    """The derivative of a function's output by the error at a site, one row of entries at zero."""
    with jax.ensure_compile_time_eval():
        alone = secure(WHOLE[name][1], protocol=protocol, engine=reals)
        zero = jnp.zeros((1, *row), jnp.float32)
        if site not in alone.surface(zero).sites:
            return 1.0
        _, moved = jax.jvp(lambda e: alone(zero, errors={site: e}), (zero,), (jnp.ones_like(zero),))
        return float(moved.ravel()[0])


def _bare(part: str) -> str:
    return re.sub(r"#\d+$", "", part)


# ---- the manipulations of section 3, by name ---------------------------------------------------------------


def force(act: Activation, high: bool, delta: float = LARGE) -> Errors:
    """Input far up or down, whatever the secret is (Table 1, input modification).

    A comparison becomes 1 or 0, a ReLU x + delta or 0, a sigmoid 1 or 0.
    """
    return move_input(act, delta if high else -delta)


def force_and_flip(act: Activation, high: bool, *which: int, delta: float = LARGE) -> Errors:
    """Input far up or down and comparisons flipped (Table 1, combined modifications).

    A comparison becomes 0 or 1, a ReLU 0 (high) or x - delta (low). SecureML's piecewise sigmoid becomes
    x + delta + 1/2 (high, flipping 1) or x - delta + 1/2 (low, flipping 0).
    """
    return force(act, high, delta).combine(flip(act, *which))


def one_hot(act: Activation, i: int, delta: float = LARGE / 2) -> Errors:
    """A softmax forced to e_i: delta added to entry i and subtracted from all others.

    The paper raises entry i only, which suffices where exponentials are taken; a ratio of ReLUs needs the
    others pushed below zero. CrypTen's exponential wants 2 delta at most 256.
    """
    classes = _classes(act)
    if not 0 <= i < classes:
        raise Refusal(f"entry {i} does not exist: the softmax has {classes}")
    return move_input(act, delta * (2.0 * (np.arange(classes) == i) - 1))


def vanish(act: Activation, entries: Any, delta: float = LARGE) -> Errors:
    """The chosen entries of a softmax forced to 0, by -delta on their inputs (section 3, selective zeroing)."""
    chosen = np.asarray(entries)
    if chosen.dtype != np.bool_ or chosen.shape != (_classes(act),):
        raise Refusal(f"choose entries of the softmax by a Boolean array of shape [{_classes(act)}]")
    return move_input(act, -delta * chosen)


def constant(act: Activation, value: Any, delta: float = LARGE, protocol: Protocol | None = None) -> Errors:
    """An exponential (or sigmoid) that is `value` for every secret: input far down, value added at the output."""
    return force(act, False, delta).combine(move_output(act, value, protocol))


def constant_by_threshold(act: Activation, value: Any) -> Errors:
    """Keller and Sun's exponential := value, the input left alone (section 3, equation 2 and step 13).

    The threshold bit z is flipped, which makes the result 0 wherever the argument was not far below zero, and
    the value is added at the product with that bit. Raises Refusal where a protocol has no such bit.
    """
    bit, product = act.site("threshold/compare"), act.site("threshold/select")
    flipped = Errors({bit: jnp.ones(act.surface[bit].shape, bool)})
    return flipped.combine(add_at(act.surface, product, value))


def bend(act: Activation, ending: str, value: Any) -> Errors:
    """A number added at one of the function's inner products, such as a Newton or Goldschmidt step of 1 / x."""
    return add_at(act.surface, act.site(ending), value)


def _classes(act: Activation) -> int:
    return act.surface[act.output].shape[-1]
