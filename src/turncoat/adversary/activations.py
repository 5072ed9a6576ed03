"""Low-level manipulations: how one corrupt party bends an activation function (section 3, Table 1).

Each function returns the `Errors` of one manipulation for all entries of an activation; they compose with
`Errors.combine` (numbers add, flips XOR) and are restricted to examples with `Errors.for_examples`. An
`Activation` says which sites make up one call of a function, and which product its input comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
        """Its comparison bits, in program order."""
        return tuple(n for n in self.sites if self.surface[n].is_bit)

    @property
    def output(self) -> str:
        """The last site at which a number can be added: an error there shifts the output."""
        return [n for n in self.sites if not self.surface[n].is_bit][-1]

    def site(self, ending: str) -> str:
        """The one of its sites whose name ends in `/ending`, such as "exp/square8"."""
        found = [n for n in self.sites if n.endswith("/" + ending)]
        if not found:
            raise Refusal(
                f"this activation has no site {ending!r}; the nearest are {nearest(ending, self.sites)}"
            )
        return found[-1]


def activation(surface: Surface, name: str, input: str | None = None) -> Activation:
    """The activation whose sites stand under a scope, such as "relu0", "sigmoid" or "softmax".

    `input` is the site of the product that it takes; by default the last product before it that has the
    shape of the activation's result. Raises Refusal if there is no such scope.
    """
    sites = tuple(
        n for n in surface.sites if (n == name or n.startswith(f"{name}/")) and _forward(surface[n])
    )
    if not any(not surface[n].is_bit for n in sites):
        raise Refusal(
            f"no activation {name!r} is computed here; the nearest are {nearest(name, surface.sites)}"
        )
    made = Activation(surface, sites, None)
    source = input or product_before(surface, sites[0], surface[made.output].shape)
    return Activation(surface, sites, source)


def _forward(site: Site) -> bool:
    return site.phase == "forward"


def product_before(surface: Surface, name: str, shape: tuple[int, ...]) -> str | None:
    """The last site before `name` at which numbers of this shape can be added."""
    before = list(surface.sites)[: list(surface.sites).index(name)]
    same = [n for n in before if surface[n].shape == shape and not surface[n].is_bit and _forward(surface[n])]
    return same[-1] if same else None


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


def gain(surface: Surface, site: str, protocol: Protocol | None = None) -> Any:
    """How much a function's output moves for an error of one at its last site.

    Sites outside of the softmax and sigmoid circuits have a gain of one. The circuit is public: it is run on
    its own, and differentiated by the error.
    """
    parts = site.split("/")
    heads = [i for i, part in enumerate(parts) if _bare(part) in WHOLE]
    if not heads:
        return 1.0
    head = heads[0]
    name, f = WHOLE[_bare(parts[head])]
    inside = "/".join([name, *parts[head + 1 :]])
    place = surface[site]
    alone = secure(f, protocol=protocol or protocols.get(surface.protocol), engine=reals)
    zero = jnp.zeros(place.shape, place.dtype)
    if inside not in alone.surface(zero).sites:
        return 1.0
    _, moved = jax.jvp(lambda e: alone(zero, errors={inside: e}), (zero,), (jnp.ones_like(zero),))
    return moved.ravel()[0]


def _bare(part: str) -> str:
    return re.sub(r"#\d+$", "", part)
