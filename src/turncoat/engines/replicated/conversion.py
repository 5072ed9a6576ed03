"""A bit as a number: its three XOR shares, each known to two parties, joined by two products.

1. b_0, b_1, b_2 are sharings of themselves, for free.
2. u = b_0 XOR b_1 = b_0 + b_1 - 2 b_0 b_1, one product.
3. b = u XOR b_2 = u + b_2 - 2 u b_2, one product.
Source: ABY3 (Mohassel, Rindal, CCS 2018), section 5.3, bit to arithmetic by two XORs in the ring.

An error e in the last message gives b - 2e, so a party that wants to add d sends -d / 2. In units of the
result (2^-f for fixed point) this is any even number of them: the second product is made at that scale.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.engines.replicated.products import multiply
from turncoat.engines.replicated.sharing import Sharing, only

TWO = np.uint64(2)


def number(bit: Sharing, unit: int, zero: Array, added: Array) -> Sharing:
    """A bit (bool shares) times 2^unit as ring elements; `zero` and `added` go into the two messages."""
    words = bit.map(lambda b: b.astype(jnp.uint64))
    b0, b1, b2 = (only(words, share) for share in range(3))
    u = _xor(b0, b1, multiply(jnp.multiply, b0, b1, zero))
    scaled, last = (b.map(lambda a: a << np.uint64(unit)) for b in (u, b2))
    return _xor(scaled, last, multiply(jnp.multiply, scaled, b2, added))


def _xor(a: Sharing, b: Sharing, product: Sharing) -> Sharing:
    return a.map(lambda x, y, xy: x + y - TWO * xy, b, product)
