"""Binary digits along the last axis, least first: how entries are picked, shifted and put back.

The decomposition is the engine's, and of what is interactive here, the prefix OR by shifts, MP-SPDZ has another
circuit (see `mp_spdz_math`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.values import Secret, struct


def entries(box, x: Secret, index) -> Secret:
    """x[..., index] for a public integer, slice or index array."""
    shape = jax.eval_shape(lambda a: a[..., index], x.aval).shape
    return box.structure(lambda a: a[..., index], [x], struct(shape, x.dtype))


def shifted(box, x: Secret, by: int) -> Secret:
    """x >> by for digits (<< for a negative `by`): entries move, zeros fill up."""
    kept = [(0, 0)] * (len(x.shape) - 1)
    cut, pad = (slice(by, None), (0, by)) if by > 0 else (slice(by), (-by, 0))
    return box.structure(lambda a: jnp.pad(a[..., cut], [*kept, pad]), [x], x.aval)


def replaced(box, x: Secret, index: np.ndarray, new: Secret) -> Secret:
    """x with the entries at `index` exchanged for those of `new`."""
    source = np.arange(x.shape[-1])
    source[index] = x.shape[-1] + np.arange(len(index))
    return box.structure(lambda a, b: jnp.concatenate([a, b], -1)[..., source], [x, new], x.aval)


def prefix_or(box, digits: Secret) -> Secret:
    """For each digit, whether it or a higher one is set: shifts and ORs, the sites `or1`, `or2`, ...

    SPU's `_prefix_or` (ring.cc) and TF Encrypted's `prefix_ORs` (aby3/fp.py).
    """
    for i in range((digits.shape[-1] - 1).bit_length()):
        digits = box.either(digits, shifted(box, digits, 1 << i), f"or{i + 1}")
    return digits


def highest(box, seen: Secret) -> Secret:
    """The highest digit that is set, as a one-hot row of bits, from the prefix OR (SPU: highestOneBit)."""
    return box.xor(seen, shifted(box, seen, 1))
