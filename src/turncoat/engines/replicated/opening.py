"""Opening a value to all parties, both copies of the missing share compared at once.

Party i lacks share i + 2. It gets it twice: from party i + 1, whose second share it is, and from party i + 2,
whose first share it is. If the two differ it aborts before it sends anything that depends on the value: a
later comparison would let a liar read the sign of a secret in the next message. Source: Furukawa, Lindell,
Nof, Weinstein, "High-Throughput Secure Three-Party Computation for Malicious Adversaries" (EUROCRYPT 2017),
section 2.2, opening with comparison.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from turncoat.engines.replicated.sharing import PARTIES, Marked, Shares, Sharing, following


def opened(x: Sharing) -> tuple[Array, Array | None]:
    """The value as each party sees it (3, *shape), and which parties abort (3).

    With one array per share all see the same, and have no reason to abort but one that they brought along.
    """
    return _opened(x, operator.add)


def opened_bits(x: Sharing) -> tuple[Array, Array | None]:
    """The same for sharings modulo 2."""
    return _opened(x, operator.xor)


def revealed(value: Array, aborted: Array | None) -> Array:
    """An opened value as it leaves; of what somebody aborted on the way nothing does: NaN, False or zero."""
    if aborted is None:
        return value
    nothing = jnp.nan if jnp.issubdtype(value.dtype, jnp.inexact) else 0
    return jnp.where(jnp.any(aborted), jnp.full((), nothing, value.dtype), value)


def _opened(x: Sharing, join: Callable) -> tuple[Array, Array | None]:
    if isinstance(x, Shares):
        value = join(join(x.own[0], x.own[1]), x.own[2])
        return jnp.broadcast_to(value, x.own.shape), x.aborted if isinstance(x, Marked) else None
    from_next, from_previous = following(x.next), following(following(x.own))
    differ = (from_next != from_previous).reshape(PARTIES, -1)
    return join(join(x.own, x.next), from_next), x.aborted | jnp.any(differ, axis=1)
