"""Replicated shares among three parties: x = x_0 + x_1 + x_2, and party i holds x_i and x_(i+1).

The parties' states are the leading axis of every array: `own` holds the first share of each, `next` the
second. While everybody keeps to the protocol the second share of party i equals the first of party i + 1, and
`Shares` stores one array; `Copies` stores both, so that a party can be shown another number than its neighbour
holds. Protocols are written once, over both. Source: Araki, Furukawa, Lindell, Nof, Ohara, "High-Throughput
Semi-Honest Secure Three-Party Computation with an Honest Majority" (CCS 2016), section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Union

import jax
import jax.numpy as jnp
from jax import Array, lax

PARTIES = 3


def following(stack: Array) -> Array:
    """Entry i + 1 at place i: what each party gets when all send to the party before them."""
    return jnp.concatenate([stack[1:], stack[:1]])


def computed(f: Callable, *stacks: Array) -> Array:
    """What the parties compute, one after the other, each on its own rows of the stacks.

    A loop, so that XLA stores the messages: it would otherwise compute what a message holds anew in each
    operation that uses it, and twice as often with each further message (1000 times slower in a tournament).
    """
    return lax.map(lambda rows: f(*rows), stacks)


def place(value: Array, party: int) -> Array:
    """A value at one party's place, zero at the others'."""
    widths = [(party, PARTIES - 1 - party, 0)] + [(0, 0, 0)] * value.ndim
    return lax.pad(value[None], jnp.zeros((), value.dtype), widths)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Shares:
    """Three shares, (3, *shape): the two copies of each are one array."""

    own: Array

    @property
    def next(self) -> Array:
        return following(self.own)

    @property
    def aborted(self) -> Array:
        """Which parties have seen an inconsistency: none can be."""
        return jnp.zeros(PARTIES, bool)

    def map(self, f: Callable, *others: Any) -> Shares:
        """What every party computes on its first shares, and likewise on its second."""
        return Shares(jax.vmap(f)(self.own, *(o.own for o in others)))

    def hold(self, own: Array, next: Array | None = None, blame: Any = None) -> Shares:
        """A new sharing that this one led to: what each party computed, and sent to the one before."""
        return Shares(own)

    def after(self, *others: Any) -> Shares:
        """This sharing, with the others on the way to it."""
        return self


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Marked(Shares):
    """Shares that leave an evaluation, and `failed` (3): whose proof failed in it or before (see `checks`)."""

    failed: Array

    @property
    def aborted(self) -> Array:
        return jnp.broadcast_to(jnp.any(self.failed), (PARTIES,))  # the verifiers tell each other


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Copies:
    """All six copies, 2 x (3, *shape), and `aborted` (3): who has seen two copies differ on the way here."""

    own: Array
    next: Array
    aborted: Array

    def map(self, f: Callable, *others: Any) -> Copies:
        own = jax.vmap(f)(self.own, *(o.own for o in others))
        return Copies(own, jax.vmap(f)(self.next, *(o.next for o in others)), self.aborted).after(*others)

    def hold(self, own: Array, next: Array | None = None, blame: Any = None) -> Copies:
        aborted = self.aborted if blame is None else self.aborted | blame
        return Copies(own, following(own) if next is None else next, aborted)

    def after(self, *others: Any) -> Copies:
        aborted = reduce(jnp.logical_or, [o.aborted for o in others], self.aborted)
        return Copies(self.own, self.next, aborted)


Sharing = Union[Shares, Copies]  # noqa: UP007 - a value


def dealt(own: Array, copies: bool = False) -> Sharing:
    """Shares that somebody gave to the parties consistently: a sharer of inputs, or a dealer."""
    return Copies(own, following(own), jnp.zeros(PARTIES, bool)) if copies else Shares(own)


def shared(value: Array, masks: Array, copies: bool = False) -> Sharing:
    """Input sharing: two uniform masks (2, *shape), and the difference."""
    return dealt(jnp.stack([masks[0], masks[1], value - masks[0] - masks[1]]), copies)


def shared_bits(value: Array, masks: Array, copies: bool = False) -> Sharing:
    """The same modulo 2, in every bit of a word."""
    return dealt(jnp.stack([masks[0], masks[1], value ^ masks[0] ^ masks[1]]), copies)


def known(value: Array, copies: bool = False) -> Sharing:
    """A public value as the shares (value, 0, 0); nothing is sent."""
    return dealt(place(value, 0), copies)


def only(x: Sharing, share: int) -> Sharing:
    """One share of x as a sharing of its own, the others zero: its two holders know it, so it is free."""
    return x.hold(place(x.own[share], share), place(x.next[share - 1], (share - 1) % PARTIES))


def plus(x: Sharing, value: Any) -> Sharing:
    """x + a value that every party knows: the two holders of share 0 add it.

    `value` has x's shape, or is a stack of what each party has seen.
    """
    stack = jnp.broadcast_to(value, x.own.shape)
    return x.hold(x.own + place(stack[0], 0), x.next + place(stack[2], 2))
