"""A small program for every primitive of JAX that may meet a secret: what docs/primitives.md is made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from turncoat import functions
from turncoat.api import reveal

Example = tuple[Any, ...]
"""A function of secrets, and a shape or a `ShapeDtypeStruct` for each of them."""

V, M, S = (3,), (2, 3), ()
N = jax.ShapeDtypeStruct((3,), np.int32)
I = jax.ShapeDtypeStruct((), np.int32)  # noqa: E741
B = jax.ShapeDtypeStruct((3,), np.bool_)
Z = (1, 1, 4, 4)

LOCAL: dict[str, Example] = {
    "add": (lambda x, y: x + y, V, V),
    "add_any": (lambda x: jax.grad(lambda a: (a[0] + 2 * a[0]).sum())(x), M),
    "sub": (lambda x, y: x - y, V, V),
    "neg": (lambda x: -x, V),
    "broadcast_in_dim": (lambda x: jnp.broadcast_to(x, (2, 3)), V),
    "concatenate": (lambda x, y: jnp.concatenate([x, y]), V, V),
    "convert_element_type": (lambda n: n.astype(np.float32), N),
    "copy": (lambda x: jnp.array(x, copy=True), V),
    "cumsum": (lambda x: jnp.cumsum(x), V),
    "device_put": (lambda x: jax.device_put(x), V),
    "is_finite": (lambda x: jnp.isfinite(x), V),
    "iota": (lambda x: x + jnp.arange(3.0), V),
    "name": (lambda x: checkpoint_name(x, "kept"), V),
    "optimization_barrier": (lambda x: lax.optimization_barrier(x), V),
    "pad": (lambda x: jnp.pad(x, 1), V),
    "psum": (lambda x: jax.vmap(lambda a: lax.psum(a, "i"), axis_name="i")(x), V),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 8, 7), V),
    "reduce_sum": (lambda x: x.sum(), V),
    "reduce_window_sum": (lambda x: lax.reduce_window(x, 0.0, lax.add, (2,), (1,), "VALID"), V),
    "reshape": (lambda x: x.reshape(3, 2), M),
    "rev": (lambda x: x[::-1], V),
    "slice": (lambda x: x[1:], V),
    "split": (lambda x: jnp.split(x, [1])[0], V),
    "squeeze": (lambda x: jnp.squeeze(x), (3, 1)),
    "stop_gradient": (lambda x: lax.stop_gradient(x), V),
    "transpose": (lambda x: x.T, M),
    "not": (lambda b: ~b, B),
    "mul, by a public factor": (lambda x: 0.3 * x, V),
    "dot_general, with a public matrix": (lambda x: np.full((2, 3), 0.3, np.float32) @ x, V),
    "gather, at a public index": (lambda x: x[np.array([2, 0])], V),
    "sort, by public keys": (lambda x: lax.sort((np.float32([2, 0, 1]), x), num_keys=1)[1], V),
}
PRODUCTS: dict[str, Example] = {
    "mul": (lambda x, y: x * y, V, V),
    "square": (lambda x: lax.square(x), V),
    "integer_pow": (lambda x: x**3, V),
    "dot_general": (lambda x, y: x @ y, M, V),
    "conv_general_dilated": (lambda x, w: lax.conv(x, w, (1, 1), "VALID"), Z, (1, 1, 2, 2)),
    "cumprod": (lambda x: jnp.cumprod(x), V),
    "reduce_prod": (lambda x: jnp.prod(x), V),
    "while": (lambda x: lax.fori_loop(0, jnp.int32(3), lambda _, a: a * x, x), V),
    "while, until a secret says so": (lambda x: lax.while_loop(lambda a: a < 9, lambda a: 2 * a, x), S),
    "turncoat.reveal": (lambda x: x * reveal(x[0] * x[1]), V),
    "scan": (lambda x: lax.scan(lambda c, r: (c * r, c), x[0], x)[0], M),
}
COMPARED: dict[str, Example] = {
    **{n: (lambda x, y, n=n: getattr(lax, n)(x, y), V, V) for n in ("eq", "ne", "lt", "le", "gt", "ge")},
    "abs": (lambda x: jnp.abs(x), V),
    "sign": (lambda x: jnp.sign(x), V),
    "max": (lambda x, y: jnp.maximum(x, y), V, V),
    "min": (lambda x, y: jnp.minimum(x, y), V, V),
    "clamp": (lambda x: lax.clamp(-1.0, x, 1.0), V),
    "and": (lambda a, b: a & b, B, B),
    "or": (lambda a, b: a | b, B, B),
    "xor": (lambda a, b: a ^ b, B, B),
    "select_n": (lambda b, x, y: jnp.where(b, x, y), B, V, V),
    **{n: (lambda b, n=n: getattr(lax, f"{n}_p").bind(b, axes=(0,)), B) for n in ("reduce_and", "reduce_or")},
    "reduce_xor": (lambda b: lax.reduce(b, False, lax.bitwise_xor, (0,)), B),
    "reduce_max": (lambda x: x.max(), V),
    "reduce_min": (lambda x: x.min(), V),
    "argmax": (lambda x: x.argmax(), V),
    "argmin": (lambda x: x.argmin(), V),
    "cummax": (lambda x: lax.cummax(x), V),
    "cummin": (lambda x: lax.cummin(x), V),
    "pmax": (lambda x: jax.vmap(lambda a: lax.pmax(a, "i"), axis_name="i")(x), V),
    "pmin": (lambda x: jax.vmap(lambda a: lax.pmin(a, "i"), axis_name="i")(x), V),
    "sort": (lambda x: jnp.sort(x), V),
    "top_k": (lambda x: lax.top_k(x, 2)[0], V),
    "reduce_window_max": (lambda x: lax.reduce_window(x, -np.inf, lax.max, (2,), (1,), "VALID"), V),
    "reduce_window_min": (lambda x: lax.reduce_window(x, np.inf, lax.min, (2,), (1,), "VALID"), V),
    "select_and_scatter_add": (
        lambda x: jax.grad(lambda a: lax.reduce_window(a, -np.inf, lax.max, (2,), (2,), "VALID").sum())(x),
        (4,),
    ),
    "turncoat.relu": (lambda x: functions.relu(x), V),
    "cond": (lambda x: lax.cond(x[0] > 0, lambda a: a, lambda a: 2 * a, x), V),
}
PLACES: dict[str, Example] = {
    "gather": (lambda x, n: x[n], V, N),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i,), (2,)), V, I),
    "dynamic_update_slice": (lambda x, y, i: lax.dynamic_update_slice(x, y, (i,)), V, (2,), I),
    "scatter": (lambda x, i: x.at[i].set(0.0), V, I),
    "scatter-add": (lambda x, y, n: x.at[n].add(y), V, V, N),
    "scatter-sub": (lambda x, y, n: lax.scatter_sub(x, n[:, None], y, _ADDED), V, V, N),
    **{
        f"scatter-{n}": (lambda x, y, f=f: f(x, jnp.array([[0], [0]]), y, _ADDED), V, (2,))
        for n, f in (("mul", lax.scatter_mul), ("max", lax.scatter_max), ("min", lax.scatter_min))
    },
}
_ADDED = lax.ScatterDimensionNumbers((), (0,), (0,))
DIGITS: dict[str, Example] = {
    "floor": (lambda x: jnp.floor(x), V),
    "ceil": (lambda x: jnp.ceil(x), V),
    "round": (lambda x: jnp.round(x), V),
    "rem": (lambda n, m: lax.rem(n, m), N, N),
    "nextafter": (lambda x, y: lax.nextafter(x, y), V, V),
    "and, of integers": (lambda n, m: n & m, N, N),
    "and, with a public integer": (lambda n: n & 6, N),
    "or, of integers": (lambda n, m: n | m, N, N),
    "xor, of integers": (lambda n, m: n ^ m, N, N),
    "not, of an integer": (lambda n: ~n, N),
    "shift_left": (lambda n: n << 1, N),
    "shift_right_arithmetic": (lambda n: n >> 1, N),
    "shift_right_logical": (lambda n: lax.shift_right_logical(n, 1), N),
    "shift_left, by a secret": (lambda n, m: n << m, N, N),
    "population_count": (lambda n: lax.population_count(n), N),
    "clz": (lambda n: lax.clz(n), N),
}
_UNARY = (
    *("exp", "exp2", "expm1", "log", "log1p", "sqrt", "rsqrt", "cbrt", "logistic", "tanh", "sinh", "cosh"),
    *("erf", "erfc", "erf_inv", "sin", "cos", "tan", "asin", "acos", "atan", "asinh", "acosh", "atanh"),
    *("lgamma", "digamma", "bessel_i0e", "bessel_i1e"),
)
FUNCTIONS: dict[str, Example] = {
    **{n: (getattr(lax, n), V) for n in _UNARY},
    "div": (lambda x, y: x / y, V, V),
    "pow": (lambda x, y: x**y, V, V),
    "atan2": (lambda x, y: jnp.arctan2(x, y), V, V),
    "igamma": (lambda x, y: lax.igamma(x, y), V, V),
    "igammac": (lambda x, y: lax.igammac(x, y), V, V),
    "zeta": (lambda x, y: lax.zeta(x, y), V, V),
    "polygamma": (lambda x, y: lax.polygamma(x, y), V, V),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x), V),
    "turncoat.sigmoid": (lambda x: functions.sigmoid(x), V),
    "turncoat.softmax": (lambda x: functions.softmax(x), V),
    "cholesky": (lambda x: lax.linalg.cholesky(x, symmetrize_input=False), (2, 2)),
    "triangular_solve": (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True),
        (2, 2),
        (2, 1),
    ),
    "lu": (lambda x: lax.linalg.lu(x)[0], (2, 2)),
    "lu_pivots_to_permutation": (lambda n: lax.linalg.lu_pivots_to_permutation(n, 3), N),
    "householder_product": (lambda x, y: lax.linalg.householder_product(x, y), (2, 2), (2,)),
    "qr": (lambda x: lax.linalg.qr(x)[1], (2, 2)),
    "eigh": (lambda x: lax.linalg.eigh(x)[1], (2, 2)),
    "svd": (lambda x: lax.linalg.svd(x)[1], (2, 2)),
    "fft": (lambda x: jnp.real(jnp.fft.rfft(x)), (4,)),
}
PRIMITIVES: dict[str, dict[str, Example]] = {
    "Sums and rearrangements": LOCAL,
    "Products and loops": PRODUCTS,
    "Comparisons, branches and order": COMPARED,
    "Entries at a secret index": PLACES,
    "Rounding and binary digits": DIGITS,
    "Functions": FUNCTIONS,
}
"""By what they are made of: a program for each, by the primitive's name and perhaps how it is used."""

ELSEWHERE = {
    "scatter_add": "scatter-add",
    "copy_p": "copy",
    "expand_dims": "broadcast_in_dim",
    "stack": "concatenate",
    "unstack": "split",
    "geqrf": "qr",
    "tile": "broadcast_in_dim",
    **dict.fromkeys(("lt_to", "le_to"), "lt"),
    "eq_to": "eq",
    **dict.fromkeys(("sharding_constraint", "layout_constraint", "reshard", "pvary"), "device_put"),
}
"""Primitives that only some programs or versions of JAX have, and the one whose row they have."""


def program(f: Callable[..., Any], *shapes: Any) -> tuple[Callable[..., Any], list[Any]]:
    """The function and its arguments' shapes and dtypes."""
    return f, [jax.ShapeDtypeStruct(s, np.float32) if isinstance(s, tuple) else s for s in shapes]
