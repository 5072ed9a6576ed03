"""Secret complex numbers: a pair of real ones, and what JAX's operations make of pairs.

Engines compute with real numbers. A Fourier transform is linear with public coefficients, so it is local but for the
truncation of fixed point; a product of two complex secrets is four real ones, as the definition has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.lax import FftType

from turncoat.core.abb import Box
from turncoat.core.program import Op, in_place_of
from turncoat.core.rules.table import refusal
from turncoat.core.values import Splat, Value, is_secret, shape_of

Pair = tuple[Any, Any]

PARTWISE = frozenset(
    {
        "reshape",
        "transpose",
        "broadcast_in_dim",
        "squeeze",
        "slice",
        "rev",
        "concatenate",
        "neg",
        "add",
        "sub",
    }
    | {"add_any", "copy", "gather", "dynamic_slice", "pad", "cumsum", "reduce_sum", "select_n", "expand_dims"}
    | {"dynamic_update_slice", "scatter-add", "split"}
)
"""Linear operations with real coefficients: the same on each part."""


@dataclass(frozen=True, eq=False)
class Complex:
    """A secret complex number: its real and its imaginary part, of which one may be public."""

    real: Value
    imag: Value


def is_complex(aval: Any) -> bool:
    """Whether an array of this form is complex."""
    return bool(jnp.issubdtype(aval.dtype, jnp.complexfloating))


def meets(op: Op, values: Sequence[Any]) -> bool:
    """Whether an operation has a secret complex number among its inputs or outputs."""
    if any(isinstance(v, Complex) for v in values):
        return True
    return any(map(is_secret, values)) and any(map(is_complex, op.avals))


def applied(box: Box, op: Op, values: Sequence[Any]) -> list[Any]:
    """An operation on complex secrets, by real ones in its place; Refusal where there is no rule."""
    each = [_parts(v) for v in values]
    flat = [part for parts in each for part in parts]
    form: Any = FORMS.get(op.name, partwise if op.name in PARTWISE else None)
    if form is None or op.bodies:
        what = f"the primitive {op.name!r} meets a complex number" if not op.bodies else "a loop carries one"
        raise refusal(
            op, flat, f"a secret meets a complex number: {what}", "compute real and imaginary parts apart"
        )

    def real(*given: Any) -> Any:
        left = iter(given)
        return form(op, *(tuple(next(left) for _ in p) if len(p) > 1 else next(left) for p in each))

    avals = [jax.ShapeDtypeStruct(shape_of(p), p.dtype) for p in flat]  # type: ignore[no-untyped-call]
    out = box.run(in_place_of(op, real, *avals), flat)
    if not is_complex(op.avals[0]):
        return out
    return [Complex(a, b) for a, b in zip(out[0::2], out[1::2], strict=True)]


def _parts(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Complex):
        return value.real, value.imag
    if is_secret(value) or not is_complex(value):
        return (value.array() if isinstance(value, Splat) else value,)
    array = value.array() if isinstance(value, Splat) else value
    return jnp.real(array), jnp.imag(array)


# ---- what becomes of pairs: each form is given a pair for a complex input, an array for a real one ----------


def partwise(op: Op, *given: Any) -> Any:
    """The operation on the real parts, and on the imaginary ones; real inputs (indices, predicates) are in both."""
    halves = ([g[i] if isinstance(g, tuple) else g for g in given] for i in (0, 1))
    first, second = (op.primitive.bind(*half, **op.params) for half in halves)
    return (
        [p for pair in zip(first, second, strict=True) for p in pair]
        if isinstance(first, list)
        else (first, second)
    )


def times(x: Pair, y: Pair, product: Callable[[Any, Any], Any] = jnp.multiply) -> Pair:
    """A bilinear map of two pairs."""
    (a, b), (c, d) = x, y
    return product(a, c) - product(b, d), product(a, d) + product(b, c)


def quotient(x: Pair, y: Pair) -> Pair:
    """x times the conjugate of y, over the square of its length."""
    c, d = y
    a, b = times(x, (c, -d))
    length = c * c + d * d
    return a / length, b / length


def power(x: Pair, exponent: int) -> Pair:
    """By squarings; of a negative exponent the reciprocal."""
    if exponent < 0:
        one = jnp.ones_like(x[0])
        return quotient((one, jnp.zeros_like(one)), power(x, -exponent))
    if exponent == 0:
        return jnp.ones_like(x[0]), jnp.zeros_like(x[0])
    half = power(x, exponent // 2)
    whole = times(half, half) if exponent > 1 else half
    return (times(whole, x) if exponent > 1 else x) if exponent % 2 else whole


def converted(op: Op, x: Any) -> Pair:
    """To another complex type; of a real number with nothing beside it."""
    dtype = np.dtype(np.float64 if op.params["new_dtype"] == np.complex128 else np.float32)
    if isinstance(x, tuple):
        return x[0].astype(dtype), x[1].astype(dtype)
    return x.astype(dtype), jnp.zeros(x.shape, dtype)


def exponential(x: Pair) -> Pair:
    """exp(a) (cos b + i sin b)."""
    size = jnp.exp(x[0])
    return size * jnp.cos(x[1]), size * jnp.sin(x[1])


# ---- Fourier transforms: X_k = sum_t x_t exp(-2 pi i t k / n), by a public matrix along each axis -------------


def fourier(op: Op, x: Any) -> Any:
    """One of the four kinds, over the last axes (jax/_src/lax/fft.py); the real axis is the last one."""
    kind, lengths = op.params["fft_type"], op.params["fft_lengths"]
    axes = [len(op.avals[0].shape) - len(lengths) + i for i in range(len(lengths))]
    if kind == FftType.RFFT:
        x, axes = _along(x, axes[-1], _waves(lengths[-1])[:, : lengths[-1] // 2 + 1]), axes[:-1]
    inverse = kind in (FftType.IFFT, FftType.IRFFT)
    for axis in axes[: -1 if kind == FftType.IRFFT else len(axes)]:
        waves = _waves(x[0].shape[axis])
        x = _along(x, axis, waves.conj() / len(waves) if inverse else waves)
    if kind == FftType.IRFFT:
        n = lengths[-1]
        back = _waves(n).conj()[: n // 2 + 1] / n
        back[1 : (n + 1) // 2] *= 2  # what stands for its conjugate too
        return _along(x, axes[-1], back)[0]
    return x


def _waves(n: int) -> np.ndarray:
    """exp(-2 pi i t k / n), (n, n), in double precision."""
    turns = np.outer(np.arange(n), np.arange(n)) % n
    return np.asarray(np.exp(-2j * np.pi * turns / n))


def _along(x: Any, axis: int, matrix: np.ndarray) -> Pair:
    """A pair (or a real array) times a complex matrix, along one axis."""

    def by(part: Any, numbers: np.ndarray) -> Any:
        factor = jnp.asarray(numbers, part.dtype)
        return jnp.moveaxis(jnp.tensordot(part, factor, (axis, 0), precision="highest"), -1, axis)

    if not isinstance(x, tuple):
        return by(x, matrix.real), by(x, matrix.imag)
    a, b = x
    return by(a, matrix.real) - by(b, matrix.imag), by(a, matrix.imag) + by(b, matrix.real)


def _dot(op: Op, x: Pair, y: Pair) -> Pair:
    params = {k: v for k, v in op.params.items() if k in ("dimension_numbers", "precision")}
    return times(x, y, lambda a, b: lax.dot_general(a, b, **params))


FORMS: dict[str, Callable[..., Any]] = {
    "real": lambda op, x: x[0],
    "imag": lambda op, x: x[1],
    "complex": lambda op, a, b: (a, b),
    "conj": lambda op, x: (x[0], -x[1]) if isinstance(x, tuple) else (x, jnp.zeros_like(x)),
    "mul": lambda op, x, y: times(x, y),
    "square": lambda op, x: times(x, x),
    "div": lambda op, x, y: quotient(x, y),
    "integer_pow": lambda op, x: power(x, op.params["y"]),
    "abs": lambda op, x: jnp.sqrt(x[0] * x[0] + x[1] * x[1]),
    "exp": lambda op, x: exponential(x),
    "eq": lambda op, x, y: (x[0] == y[0]) & (x[1] == y[1]),
    "ne": lambda op, x, y: (x[0] != y[0]) | (x[1] != y[1]),
    "convert_element_type": converted,
    "dot_general": _dot,
    "fft": fourier,
}
