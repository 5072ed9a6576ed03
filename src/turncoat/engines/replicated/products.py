"""Products: local cross terms, a sharing of zero, one message from each party to the one before.

1. Party i computes z_i = x_i y_i + x_i y_(i+1) + x_(i+1) y_i + a_i, where a_0 + a_1 + a_2 = 0 comes from the
   seeds that each two parties share.
2. Party i sends z_i to party i - 1 and keeps it: (z_i, z_(i+1)) is a sharing of x y.
Source: Araki et al. (CCS 2016), section 2.2; for matrices as ABY3 (Mohassel, Rindal, CCS 2018), section 5.1:
one message per entry of the result.

A corrupt party adds its error to the z_c that it sends and keeps. `added` is all that is added to the cross
terms: the sharing of zero and, at one party's place, that error.
"""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

from turncoat.engines.replicated.sharing import Sharing, computed


def multiply(f: Callable[[Array, Array], Array], x: Sharing, y: Sharing, added: Array) -> Sharing:
    """f(x, y) for a bilinear f on ring elements; nothing is truncated."""

    def message(x_own: Array, x_next: Array, y_own: Array, y_next: Array, a: Array) -> Array:
        return f(x_own, y_own + y_next) + f(x_next, y_own) + a

    return x.after(y).hold(computed(message, x.own, x.next, y.own, y.next, added))


def conjunction(x: Sharing, y: Sharing, added: Array) -> Sharing:
    """x AND y, in every bit of a word at once: the same modulo 2."""

    def message(x_own: Array, x_next: Array, y_own: Array, y_next: Array, a: Array) -> Array:
        return (x_own & (y_own ^ y_next)) ^ (x_next & y_own) ^ a

    return x.after(y).hold(computed(message, x.own, x.next, y.own, y.next, added))
