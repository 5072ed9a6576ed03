"""A bit as a number: its three XOR shares, each known to two parties, joined by two products.

1. b_0, b_1, b_2 are sharings of themselves, for free.
2. u = b_0 XOR b_1 = b_0 + b_1 - 2 b_0 b_1, one product.
3. b = u XOR b_2 = u + b_2 - 2 u b_2, one product.
Source: ABY3 (Mohassel, Rindal, CCS 2018), section 5.3, bit to arithmetic by two XORs in the ring.

An error e in the last message gives b - 2e, so a party that wants to add d sends -d / 2. In units of the
result (2^-f for fixed point) this is any even number of them: the second product is made at that scale. An error
e in the first gives b - 2 e (1 - 2 b_2): two parties know that sign, the third does not.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.engines.replicated.products import Added, Note, multiply
from turncoat.engines.replicated.sharing import Sharing, only

TWO = np.uint64(2)
PRODUCTS = {"select": ("xor1", "xor2"), "arith": ("xor1",)}
"""Those that are sites of their own: where the number itself is the result, the last one's error is in its units."""


def number(bit: Sharing, unit: int, first: Added, second: Added, note: Note | None = None) -> Sharing:
    """A bit (bool shares) times 2^unit as ring elements; `first` and `second` go into the two messages."""
    words = bit.map(lambda b: b.astype(jnp.uint64))
    b0, b1, b2 = (only(words, share) for share in range(3))
    u = _xor(b0, b1, multiply(jnp.multiply, b0, b1, first, note))
    scaled, last = (b.map(lambda a: a << np.uint64(unit)) for b in (u, b2))
    return _xor(scaled, last, multiply(jnp.multiply, scaled, b2, second, note))


def misread(bit: Sharing, *errors: Any) -> Any:
    """What errors in the two messages, or None, add to the number: in the clear, so for a simulation only."""
    moved = jnp.zeros(bit.own.shape[1:], jnp.float64)
    factors = jnp.where(bit.own[2], 2.0, -2.0), jnp.full((), -2.0, jnp.float64)
    for factor, error in zip(factors, errors, strict=False):
        if error is not None:
            moved += factor * jnp.asarray(error, jnp.float64)
    return moved


def _xor(a: Sharing, b: Sharing, product: Sharing) -> Sharing:
    return a.map(lambda x, y, xy: x + y - TWO * xy, b, product)
