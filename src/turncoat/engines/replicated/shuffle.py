"""Secret shuffling of rows: each pair of parties permutes in turn, by a seed that the third lacks.

1. In round j parties j and j + 1 hold x as two summands: a = x_j + x_(j+1) and b = x_(j+2). Both permute their own
   by the permutation of their common seed.
2. Share j of the result is a mask that parties j and j + 2 derive from their seed, share j + 2 one of parties j + 1
   and j + 2. The first party sends the second its summand less the one mask, gets the other's less the other mask,
   and the sum of both is share j + 1, which the two hold.
3. The third party sends and gets nothing, and does not know the permutation. After three rounds nobody knows the
   product of all three.

What a party of the pair adds to its message is added to the rows as that round leaves them, in an order that nobody
knows for all records; later rounds move it. Sources: Laur, Willemson, Zhang, "Round-Efficient Oblivious Database
Manipulation" (ISC 2011); Araki, Furukawa, Ohara, Pinkas, Rosemarin, Tsuchida, "Secure Graph Analysis at Scale" (CCS
2021), section 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import Array

from turncoat.engines.replicated.randomness import Source
from turncoat.engines.replicated.sharing import PARTIES, Copies, Sharing


def shuffled(x: Sharing, orders: Array, source: Source, errors: Any = None) -> Sharing:
    """The rows of x (n, ...), numbers or bits, in the order of three permutations (3, n), one after the other.

    Row i of a round's result is row `orders[round, i]` before it. `errors` (3, n, ...) are what the corrupt one of
    the pair adds to its message in each round, ring elements (bits: what it flips).
    """
    own, bits = x.own, x.own.dtype == bool
    for j in range(PARTIES):
        masks = source.words(2, *own.shape[1:])
        masks = (masks >> 63) == 1 if bits else masks
        own = _round(own, j, orders[j], masks, None if errors is None else errors[j])
    return x.hold(own) if isinstance(x, Copies) else replace(x, own=own)


def _round(own: Array, j: int, order: Array, masks: Array, error: Any) -> Array:
    add, less = (jnp.bitwise_xor,) * 2 if own.dtype == bool else (jnp.add, jnp.subtract)
    first, second, third = j, (j + 1) % PARTIES, (j + 2) % PARTIES
    summand, other = add(own[first], own[second])[order], own[third][order]
    to_second, to_first = less(summand, masks[0]), less(other, masks[1])
    if error is not None:
        to_second = add(to_second, error)
    shares = {first: masks[0], third: masks[1], second: add(to_second, to_first)}
    return jnp.stack([shares[i] for i in range(PARTIES)])
