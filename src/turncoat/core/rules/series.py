"""Functions that few frameworks have, as series over floors, comparisons, divisions, logarithms and roots.

Sines and angles are SPU's (kernel/hal/fxp_approx.cc: sin_chebyshev, atan2_minimax, AtanApproxLocal; commit
02ac612d). The others are what JAX lowers them to, and so what SPU runs: the expansions of StableHLO
(ChloLegalizeToStablehlo.cpp). A protocol that computes one of them otherwise has it in `others`. What they are built
from is the protocol's own, with its domain; floors hold for magnitudes below 2^31.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.table import rule
from turncoat.core.values import Value, dtype_of, shape_of, struct

SIN = (
    -0.07570787578233389,
    -0.8532364056408055,
    0.2474789050491474,
    -0.02719844932262742,
    0.0016750058127101841,
)
ATAN = (6.3893490851163973e-06, 0.99938232039482577, 0.0096717091887422429, -0.38851091678439126,
        0.13850820695354954, 0.065822467870128534, -0.039488402923576769)  # fmt: skip
GILES = ((2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
          -0.00417768164, 0.246640727, 1.50140941),
         (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
          0.00943887047, 1.00167406, 2.83297682))  # fmt: skip
"""Giles, Approximating the erfinv function (2012): w < 5, and beyond."""
LANCZOS = (676.520368121885098567009190444019, -1259.13921672240287047156078755283, 771.3234287776530788486528258894,
           -176.61502916214059906584551354, 12.507343278686904814458936853, -0.13857109526572011689554707,
           9.984369578019570859563e-6, 1.50563273514931155834e-7)  # fmt: skip
LANCZOS_FIRST, G = 0.99999999999980993227684700473478, 7.0


def _sin(x: Any) -> Any:
    """A Chebyshev series of degree 9 on [-pi, pi], a multiple of 2 pi away: off by 1e-4 at most."""
    x = x - jnp.floor((x + math.pi) * (0.5 / math.pi)) * (2 * math.pi)
    x = 0.25464790894703254 * x  # to [-1.25 pi, 1.25 pi], on which the series is good
    y = 4 * (x * x) - 2
    terms = [x, x * (y - 1)]
    while len(terms) < len(SIN):
        terms.append(y * terms[-1] - terms[-2])
    return _combined(terms, SIN)


def _cos(x: Any) -> Any:
    return _sin(math.pi / 2 - x)


def _tan(x: Any) -> Any:
    return lax.sin(x) / lax.cos(x)


def _atan2(y: Any, x: Any) -> Any:
    """A polynomial of degree 6 for the angle of smaller / larger, put into its octant: off by 7e-6 at most."""
    below, left = y < 0, x < 0
    a, b = jnp.where(below, -y, y), jnp.where(left, -x, x)
    steep = b < a
    larger = jnp.where(steep, a, b)
    angle = polynomial((a + b - larger) / larger, ATAN)
    angle = jnp.where(steep, math.pi / 2 - angle, angle)
    angle = jnp.where(left, math.pi - angle, angle)
    return jnp.where(below, -angle, angle)


def _atan(x: Any) -> Any:
    return _atan2(x, jnp.ones_like(x))


def _asin(x: Any) -> Any:
    return 2 * _atan2(x, 1 + jnp.sqrt((1 - x) * (1 + x)))


def _acos(x: Any) -> Any:
    return math.pi / 2 - _asin(x)


def _asinh(x: Any) -> Any:
    negative = x < 0
    magnitude = jnp.where(negative, -x, x)
    positive = jnp.log(magnitude + jnp.sqrt(x * x + 1))
    return jnp.where(negative, -positive, positive)


def _acosh(x: Any) -> Any:
    return jnp.log(x + jnp.sqrt((x + 1) * (x - 1)))


def _atanh(x: Any) -> Any:
    return 0.5 * (jnp.log1p(x) - jnp.log1p(-x))


def _cbrt(x: Any) -> Any:
    negative = x < 0
    root = jnp.where(negative, -x, x) ** (1 / 3)
    return jnp.where(negative, -root, root)


def _erf_inv(x: Any) -> Any:
    """x times one of two polynomials in w = -log(1 - x^2), whose coefficients a bit selects."""
    w = -jnp.log((1 - x) * (1 + x))
    small = w < 5
    w = jnp.where(small, w - 2.5, jnp.sqrt(w) - 3)
    first, *rest = (jnp.where(small, a, b).astype(x.dtype) for a, b in zip(*GILES, strict=True))
    result = first
    for c in rest:
        result = result * w + c
    return result * x


def _lgamma(x: Any) -> Any:
    """Lanczos' series at g = 7, mirrored below 1/2."""
    mirrored = x < 0.5
    z = jnp.where(mirrored, -x, x - 1)
    t = z + (G + 0.5)
    series, _ = _lanczos(z, slope=False)
    result = (z + 0.5) * jnp.log(t) - t + jnp.log(series) + math.log(16 * math.sqrt(2 * math.pi))
    part = x - jnp.floor(x)
    sine = jnp.log(lax.sin(math.pi * jnp.where(part > 0.5, 1 - part, part)))
    return jnp.where(mirrored, math.log(math.pi) - sine - result, result)


def _digamma(x: Any) -> Any:
    """The derivative of that series' logarithm."""
    mirrored = x < 0.5
    z = jnp.where(mirrored, -x, x - 1)
    t = z + (G + 0.5)
    series, slope = _lanczos(z, slope=True)
    result = jnp.log(t) + slope / series - G / t
    part = math.pi * (x - jnp.floor(x + 0.5))
    return jnp.where(mirrored, result - math.pi * (lax.cos(part) / lax.sin(part)), result)


SERIES: dict[str, Callable[..., Any]] = {
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "atan2": _atan2,
    "atan": _atan,
    "asin": _asin,
    "acos": _acos,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "cbrt": _cbrt,
    "erf_inv": _erf_inv,
    "lgamma": _lgamma,
    "digamma": _digamma,
}


@rule(*SERIES)
def series(box: Box, op: Op, values: Values) -> Value:
    if op.name in box.protocol.others:
        with box.names.circuit():
            return box.protocol.others[op.name](box, *values)
    avals = [struct(shape_of(v), dtype_of(v)) for v in values]
    return box.run(in_place_of(op, SERIES[op.name], *avals), values)[0]


# ---- what they are made of ----------------------------------------------------------------------------------


def _combined(terms: Sequence[Any], weights: Sequence[float]) -> Any:
    """A public combination: one truncation."""
    return jnp.dot(jnp.stack(terms, -1), np.asarray(weights, terms[0].dtype), precision=lax.Precision.HIGHEST)


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """c[0] + c[1] x + ..., the powers in a logarithmic number of rounds (SPU: fxp_base.cc, polynomial)."""
    powers = {1: x}
    for n in range(2, len(coefficients)):
        p = 1 << (n - 1).bit_length() - 1
        powers[n] = powers[p] * powers[n - p]
    return _combined(list(powers.values()), coefficients[1:]) + coefficients[0]


def _lanczos(z: Any, slope: bool) -> tuple[Any, Any]:
    """A sixteenth of the sum of c_i / (z + i) and, if asked for, its derivative's; one reciprocal for all.

    The sum itself, up to 775, is beyond the domain of CrypTen's logarithm and reciprocal.
    """
    places = np.arange(1, len(LANCZOS) + 1, dtype=z.dtype)
    inverse = 1 / (z[..., None] + places)
    weights = np.asarray(LANCZOS, z.dtype) / 16
    total = jnp.dot(inverse, weights, precision=lax.Precision.HIGHEST) + LANCZOS_FIRST / 16
    if not slope:
        return total, None
    return total, -jnp.dot(inverse * inverse, weights, precision=lax.Precision.HIGHEST)
