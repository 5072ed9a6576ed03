"""Products: local cross terms, a sharing of zero, one message from each party to the one before.

1. Party i computes z_i = x_i y_i + x_i y_(i+1) + x_(i+1) y_i + a_i, where a_0 + a_1 + a_2 = 0 comes from the
   seeds that each two parties share.
2. Party i sends z_i to party i - 1 and keeps it: (z_i, z_(i+1)) is a sharing of x y.
Source: Araki et al. (CCS 2016), section 2.2; for matrices as ABY3 (Mohassel, Rindal, CCS 2018), section 5.1:
one message per entry of the result.

A corrupt party adds its error to the z_c that it sends and keeps. `Added` is all that is added to the cross
terms: the sharing of zero and, at one party's place, that error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array

from turncoat.engines.replicated.sharing import Sharing, computed, following


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Added:
    """What the parties add to their cross terms: (3, *shape) each.

    `words` make a sharing of zero: word i is what parties i - 1 and i draw from the seed that they share.
    """

    words: Array
    error: Array | None = None

    def map(self, f: Callable[[Array], Array]) -> Added:
        """Both under a linear map, such as some bits of them."""
        return Added(f(self.words), None if self.error is None else f(self.error))

    def joined(self, without: Callable, plus: Callable) -> Array:
        zero = without(self.words, following(self.words))
        return zero if self.error is None else plus(zero, self.error)


Note = Callable[[Sharing, Sharing, Array, Sharing], None]
"""Told of a product's operands, the words of its sharing of zero, and the result: see `checks`."""


def multiply(
    f: Callable[[Array, Array], Array], x: Sharing, y: Sharing, added: Added, note: Note | None = None
) -> Sharing:
    """f(x, y) for a bilinear f on ring elements; nothing is truncated."""

    def message(x_own: Array, x_next: Array, y_own: Array, y_next: Array, a: Array) -> Array:
        return f(x_own, y_own + y_next) + f(x_next, y_own) + a

    sums = added.joined(operator.sub, operator.add)
    return _noted(note, x, y, added, computed(message, x.own, x.next, y.own, y.next, sums))


def conjunction(x: Sharing, y: Sharing, added: Added, note: Note | None = None) -> Sharing:
    """x AND y, in every bit of a word at once: the same modulo 2."""

    def message(x_own: Array, x_next: Array, y_own: Array, y_next: Array, a: Array) -> Array:
        return (x_own & (y_own ^ y_next)) ^ (x_next & y_own) ^ a

    sums = added.joined(operator.xor, operator.xor)
    return _noted(note, x, y, added, computed(message, x.own, x.next, y.own, y.next, sums))


def _noted(note: Note | None, x: Sharing, y: Sharing, added: Added, messages: Array) -> Sharing:
    z = x.after(y).hold(messages)
    if note is not None:
        note(x, y, added.words, z)
    return z
