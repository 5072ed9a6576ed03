"""Polynomials and public combinations of secrets, as MP-SPDZ and SPU evaluate them: one truncation each."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.bilinear import Bilinear
from turncoat.core.values import Secret, struct


def polynomial(box, x: Secret, coefficients: Sequence[float]) -> Secret:
    """c[0] + c[1] x + c[2] x^2 + ..., entry by entry; the powers are products, the rest is local."""
    stacked = joined(box, powers(box, x, len(coefficients) - 1))
    return combination(box, stacked, coefficients[1:], "polynomial") + coefficients[0]


def powers(box, x: Secret, degree: int) -> list[Secret]:
    """x, x^2, ..., x^degree in a logarithmic number of rounds.

    x^n = x^p x^(n-p) with p the largest power of two below n, in MP-SPDZ (Compiler/floatingpoint.py, PreOpL)
    as in SPU (kernel/hal/fxp_base.cc, polynomial).
    """
    found = {1: x}
    for n in range(2, degree + 1):
        p = 1 << (n - 1).bit_length() - 1
        found[n] = box.product(found[p], found[n - p], f"power{n}")
    return list(found.values())


def joined(box, values: Sequence[Secret]) -> Secret:
    """Secrets of one shape and dtype along a new last axis."""
    aval = struct((*values[0].shape, len(values)), values[0].dtype)
    return box.structure(lambda *a: jnp.stack(a, -1), values, aval)


def combination(box, x: Secret, weights: Sequence[float] | np.ndarray, name: str = "combination") -> Secret:
    """sum_i w_i x_i over the last axis, for public weights: local up to a single truncation.

    `name` is the truncation's, where an engine makes that a site.
    """
    last = len(x.shape) - 1
    dims = (((last,), (0,)), ((), ()))

    def apply(a, w):
        return lax.dot_general(a, w, dims, precision=lax.Precision.HIGHEST)

    weights = np.asarray(weights)
    params, dtype, shapes = {"dimension_numbers": dims}, x.dtype, (x.shape, weights.shape)
    form = Bilinear("dot_general", params, *shapes, dtype, dtype, x.shape[:-1], dtype, len(weights), apply)
    return box.product_public(form, x, jnp.asarray(weights, x.dtype), name)
