"""Exact arithmetic in Z_2^64 on uint64 arrays, for engines whose numbers are fixed point.

A real x is the ring element round(x 2^f) modulo 2^64, f its precision in fractional bits; elements from 2^63
on are negative. Everything here needs JAX's 64-bit types: call it inside an engine's `context`. No function
draws randomness or knows of shares.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.custom_batching import custom_vmap

from turncoat.core.bilinear import Bilinear
from turncoat.refusal import Refusal

DIGIT = 22
"""Bits of a balanced digit, in [-2^21, 2^21): a product of two has at most 42 bits besides its sign."""
BLOCK = 2048
"""Products of digits that a float64 adds up exactly: 2^11 2^42 = 2^53."""
NATIVE, NATIVE_UNIFORM = 2**17, 2**20
"""Up to so many multiplications XLA's own integer product is faster than those of digits, few or all six."""
MATRICES = (((2,), (1,)), ((0,), (0,)))
"""Dimension numbers of `(b, m, k)` times `(b, k, n)`."""
LARGEST = 2.0**62
"""Numbers are encoded below this magnitude, so that a difference of two is below 2^63, and has its sign.

SPU encodes inputs and constants in [-2^(k-2), 2^(k-2)) too (core/encoding.cc, encodeToRing, commit 02ac612).
"""
SIGNIFICANT = 15
"""Bits that a public constant keeps at least."""


def signed(x: Array) -> Array:
    """Ring elements as integers in [-2^63, 2^63)."""
    return lax.bitcast_convert_type(x, jnp.int64)


def unsigned(x: Array) -> Array:
    """64-bit integers as ring elements."""
    return lax.bitcast_convert_type(x, jnp.uint64)


# ---- reals in and out -------------------------------------------------------------------------------------


@jax.custom_jvp
def _to_ring(scaled: Array) -> Array:
    """A float64 as the nearest integer modulo 2^64, exactly; what is not finite becomes zero."""
    whole = jnp.rint(jnp.where(jnp.isfinite(scaled), scaled, 0.0))
    rest = whole - jnp.rint(whole * 2.0**-64) * 2.0**64  # in [-2^63, 2^63], without rounding
    return unsigned(jnp.where(rest >= 2.0**63, -(2.0**63), rest).astype(jnp.int64))


@_to_ring.defjvp
def _no_derivative(primals: Any, tangents: Any) -> Any:
    raise Refusal(
        "integers modulo 2^64 have no derivatives: differentiate the secured function on engine 'reals'"
    )


def wrapped(x: Any, precision: int) -> Array:
    """Reals as round(x 2^precision) modulo 2^64 (ties to even), of x's shape: an error may be any element.

    Raises Refusal under differentiation, where the derivative would silently be zero.
    """
    return _to_ring(jnp.asarray(x, jnp.float64) * 2.0**precision)


@partial(jax.jit, static_argnums=1)
def encode(x: Any, precision: int) -> Array:
    """The same, but a number beyond the range becomes the largest there is of its sign; NaN becomes zero."""
    return _to_ring(_saturated(jnp.asarray(x, jnp.float64) * 2.0**precision))


def _saturated(scaled: Array) -> Array:
    return jnp.clip(scaled, -LARGEST, np.nextafter(LARGEST, 0))


def decode(x: Array, precision: int) -> Array:
    """The signed value of ring elements as float64, rounded to 53 bits."""
    return signed(x).astype(jnp.float64) * 2.0**-precision


def constant(c: Any, precision: int) -> tuple[Array, Any]:
    """A public factor at a scale of its own: ring elements round(c 2^s), and s.

    A product with it is truncated by s. Where c is known while tracing, s is the least that makes c an
    integer, but no more than `precision`, or than what leaves the largest |c| 15 significant bits; s is then
    a Python int. Of a traced c only that largest magnitude counts, and s is a traced integer of rank 0.
    In precision 18 alone, a rate of 1e-5 would be off by 14 %. Raises Refusal for NaN and infinity.
    """
    if isinstance(c, jax.core.Tracer):
        largest = jnp.max(jnp.abs(jnp.asarray(c, jnp.float64)), initial=0.0)
        fine = jnp.clip(SIGNIFICANT - jnp.frexp(largest)[1], precision, 62)
        scale = jnp.where(largest > 0, fine, precision).astype(jnp.int64)
        return _to_ring(_saturated(jnp.ldexp(jnp.asarray(c, jnp.float64), scale))), scale
    values = np.asarray(c, np.float64)
    if not np.all(np.isfinite(values)):
        raise Refusal("a secret is multiplied by NaN or infinity, which fixed point has not")
    exponent = int(np.frexp(np.max(np.abs(values), initial=0.0))[1])
    most = min(max(precision, SIGNIFICANT - exponent), 62)
    exact = (s for s in range(most) if np.all(np.ldexp(values, s) % 1 == 0))
    bits = next(exact, most)
    return encode(values, bits), bits


def uniform(key: Any, shape: tuple[int, ...]) -> Array:
    """Uniformly random ring elements.

    Drawn as halves: `jax.random` lowers its draws outside the context, where 64 bits become 32.
    """
    high, low = jax.random.bits(key, (2, *shape), jnp.uint32).astype(jnp.uint64)
    return (high << jnp.asarray(32, jnp.uint64)) | low


# ---- truncation -------------------------------------------------------------------------------------------


def shifted(x: Array, bits: Any) -> Array:
    """floor(x / 2^bits) of the signed value; `bits` may be traced."""
    return unsigned(signed(x) >> jnp.asarray(bits, jnp.int64))


def rounded(x: Array, bits: Any) -> Array:
    """x / 2^bits to the nearest integer, ties upwards; `bits` may be traced, and 0."""
    half = jnp.asarray(1, jnp.int64) << jnp.asarray(bits, jnp.int64)
    return shifted(x + unsigned(half >> 1), bits)


# ---- products ---------------------------------------------------------------------------------------------


def multiply(bilinear: Bilinear, x: Array, y: Array, uniform: bool = False) -> Array:
    """A bilinear map of ring elements, exactly modulo 2^64; nothing is truncated.

    `uniform` elements, as shares are, have all their digits: those of smaller ones are looked at.
    Dot products go through float64 (see `dot`). XLA multiplies integers elementwise, and convolves them, as
    fast as anything built from floats: six convolutions of digits took 7 to 40 times as long, those of a
    kernel's gradient about as long.
    """
    if bilinear.kind != "dot_general":
        return bilinear.apply(x, y)
    if bilinear.swapped:
        x, y = y, x
    return dot(x, y, bilinear.params["dimension_numbers"], uniform)


def digits(x: Array) -> tuple[Array, Array, Array]:
    """Balanced digits as float64: x = d0 + 2^22 d1 + 2^44 d2 modulo 2^64, d0 and d1 in [-2^21, 2^21).

    Unsigned digits would not do: 784 products of two 22-bit numbers exceed the 53 bits of a float64.
    """
    rest = signed(x)
    low = (rest << (64 - DIGIT)) >> (64 - DIGIT)
    rest = (rest - low) >> DIGIT
    middle = (rest << (64 - DIGIT)) >> (64 - DIGIT)
    high = (rest - middle) >> DIGIT
    high = (high << (20 + DIGIT)) >> (20 + DIGIT)  # 20 bits are left: what is above is a multiple of 2^64
    return low.astype(jnp.float64), middle.astype(jnp.float64), high.astype(jnp.float64)


def dot(x: Array, y: Array, dimension_numbers: Any, uniform: bool = False) -> Array:
    """`lax.dot_general` of ring elements, exactly modulo 2^64.

    Up to six float64 products of balanced digits, in blocks of at most 2048 terms; with all six 3 to 12 times
    faster than XLA's integer product unless that is small. Time depends on the values: this is a simulation.
    """
    (xc, yc), (xb, yb) = dimension_numbers
    b, k = (int(np.prod([x.shape[d] for d in dims], dtype=int)) for dims in (xb, xc))
    if x.size * y.size <= (NATIVE_UNIFORM if uniform else NATIVE) * max(b * k, 1):
        return lax.dot_general(x, y, dimension_numbers)
    if k <= BLOCK and not uniform:  # six products repay that each operand is first laid out row by row
        return _block(x, y, dimension_numbers)
    xf, yf = ([d for d in range(a.ndim) if d not in dims] for a, dims in ((x, (*xb, *xc)), (y, (*yb, *yc))))
    shape = [x.shape[d] for d in (*xb, *xf)] + [y.shape[d] for d in yf]
    x, y = x.transpose(*xb, *xf, *xc).reshape(b, -1, k), y.transpose(*yb, *yc, *yf).reshape(b, k, -1)
    total = jnp.zeros((), jnp.uint64)
    for i in range(0, k, BLOCK):
        part = _block(x[:, :, i : i + BLOCK], y[:, i : i + BLOCK], MATRICES, uniform)
        total = total + part
    return total.reshape(shape)


def _block(x: Array, y: Array, numbers: Any, uniform: bool = False) -> Array:
    """A product of at most 2048 terms: of as many digits as the larger operand has, 1, 4 or 6 products."""

    def product(a: Array, b: Array) -> Array:
        return lax.dot_general(a, b, numbers, precision=lax.Precision.HIGHEST).astype(jnp.int64)

    def of_one(x: Array, y: Array) -> Array:
        return unsigned(product(digits(x)[0], digits(y)[0]))

    def of_two(x: Array, y: Array) -> Array:
        (x0, x1, _), (y0, y1, _) = digits(x), digits(y)
        middle = product(x0, y1) + product(x1, y0)
        return unsigned(product(x0, y0) + (middle << DIGIT) + (product(x1, y1) << 2 * DIGIT))

    def of_three(x: Array, y: Array) -> Array:
        (x0, _, x2), (y0, _, y2) = digits(x), digits(y)
        return of_two(x, y) + unsigned((product(x0, y2) + product(x2, y0)) << 2 * DIGIT)

    if uniform:
        return of_three(x, y)
    size = jnp.maximum(_largest(x), _largest(y))
    more = [size >= 2.0 ** (DIGIT - 1), size >= 2.0 ** (2 * DIGIT - 2)]
    return lax.switch(sum(m.astype(jnp.int32) for m in more), [of_one, of_two, of_three], x, y)


@custom_vmap
def _largest(x: Array) -> Array:
    """The largest magnitude of a signed value, over all of a batch, so that no choice depends on the batch."""
    return jnp.max(jnp.abs(signed(x).astype(jnp.float64)), initial=0.0)


@_largest.def_vmap
def _largest_of_all(size: int, batched: Any, x: Array) -> tuple[Array, bool]:
    return _largest(x), False
