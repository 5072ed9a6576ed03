"""Whether a run was aborted: a flag that stays with everything shared after it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from turncoat.core.shared import is_shared
from turncoat.engines.replicated.sharing import PARTIES, Marked


def failed(shared: Any) -> Array:
    """Which parties' proofs (3,) failed on the way to shared values; works inside jit and scan.

    A proof fails if the party that proves lied, or one of the two that verify: an honest party knows the liar
    if it is one of the verifiers. Whatever is opened of these values is NaN, False or 0.
    """
    leaves = jax.tree.leaves(shared, is_leaf=is_shared)
    marks = [leaf.wire.failed for leaf in leaves if is_shared(leaf) and isinstance(leaf.wire, Marked)]
    return jnp.any(jnp.stack([jnp.zeros(PARTIES, bool), *marks]), axis=0)
