"""Binary digits along the last axis, least first: how entries are picked, shifted and put back.

What is interactive about digits (the decomposition, the prefix OR) is each framework's own and stands in its
file; everything here is local.
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
