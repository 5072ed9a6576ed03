"""Which values are secret, which operations on them are sites, and what is refused.

Each row of the tables says the whole surface of one small function: names, kinds and shapes.
"""

import functools
import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from core.core_cases import listed

A = jnp.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])
B = jnp.array([[1.0, 0.5, -2.0], [1.0, 0.75, 3.0]])
V = jnp.array([0.5, -2.0, 1.0])
N = jnp.array([2, 0, 1])
S = jnp.float32(1.5)
COUNT = jnp.int32(3)
IMAGE = jnp.arange(16.0).reshape(1, 4, 4, 1) % 7
KERNEL = jnp.ones((2, 2, 1, 2))


@dataclass(frozen=True)
class Case:
    """A function, its arguments, the marks, and every site that it must have."""

    f: Any
    args: tuple
    sites: list
    secret: Any = None


def conv(x, k):
    return lax.conv_general_dilated(x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def bit(name, *shape):
    return (name, "bit", shape)


def product(name, *shape):
    return (name, "product", shape)


def ideal(name, *shape):
    return (name, "ideal", shape)


LOCAL = {
    "sums": Case(lambda a, b: -(a + b) - (a - b), (A, B), []),
    "literals": Case(lambda a: 2 * a / 4 - 1.0, (A,), []),
    "Python number": Case(lambda a, rate: a - rate * a, (A, 0.5), []),
    "Python integer": Case(lambda a, n: a * n, (A, 3), []),
    "step counter": Case(lambda a, t: a * t.astype(jnp.float32), (A, COUNT), []),
    "rank-0 Boolean": Case(lambda a, b, flag: jnp.where(flag, a, b), (A, B, jnp.bool_(True)), []),
    "PRNG key": Case(lambda a, k: a * jax.random.normal(k, a.shape), (A, jax.random.key(0)), []),
    "PRNG keys": Case(lambda a, k: a * jax.random.normal(k[1]), (A, jax.random.split(jax.random.key(0))), []),
    "NumPy scalar": Case(lambda a, c: a * c, (A, np.float32(2)), []),
    "public by tuple": Case(lambda a, b: a * b, (A, B), [], (True, False)),
    "public by name": Case(lambda a, b: a * b, (A, B), [], {"b": False}),
    "all public": Case(lambda a, b: jnp.sort(a * b), (A, B), [], False),
    "public inside a dict": Case(
        lambda p, x: (p["w"] * x, p["u"] + x), ({"w": A, "u": B}, A), [], ({"w": False, "u": True}, None)
    ),
    "dot with public": Case(lambda a, b: (a @ b.T, b.T @ a), (A, B), [], {"b": False}),
    "convolution with public": Case(conv, (IMAGE, KERNEL), [], (None, False)),
    "division by public": Case(lambda a, b: a / b, (A, B), [], {"b": False}),
    "created constants": Case(lambda a: a * jnp.arange(3.0) + jnp.eye(2, 3), (A,), []),
    "rearrangements": Case(
        lambda a, b: jnp.pad(jnp.concatenate([a.T, b.reshape(3, 2)])[::-1], 1), (A, B), []
    ),
    "roll, flip, split": Case(lambda a: jnp.split(jnp.flip(jnp.roll(a, 1, 1), 0), 3, 1), (A,), []),
    "entries at public positions": Case(lambda a, i: a[:, i], (A, N), [], {"i": False}),
    "slice at a counter": Case(lambda a, t: lax.dynamic_slice(a, (0, t), (2, 1)), (A, COUNT), []),
    "writing": Case(lambda a, b: a.at[0].set(b[1]).at[:, 1].add(b[:, 0]), (A, B), []),
    "running sums": Case(lambda a: (jnp.cumsum(a, 1), a.mean(0), jnp.sum(a)), (A,), []),
    "window sums": Case(
        lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4, (IMAGE,), []
    ),
    "stop_gradient": Case(lambda a: lax.stop_gradient(a) + 1.0, (A,), []),
    "is_finite is true": Case(lambda a: jnp.where(jnp.isfinite(a), a, 0.0), (A,), []),
    "x != x is false": Case(lambda a: jnp.where(jnp.isnan(a), 0.0, a), (A,), []),
    "x == x is true": Case(lambda a: a == a, (A,), []),
    "comparisons with infinity": Case(
        lambda a: (a < jnp.inf, a > jnp.inf, a > -jnp.inf, a == jnp.inf, a <= -jnp.inf, a != -jnp.inf),
        (A,),
        [],
    ),
    "maximum with -infinity": Case(lambda a: (jnp.maximum(a, -jnp.inf), jnp.minimum(jnp.inf, a)), (A,), []),
    "integers": Case(lambda n: (n + n, 3 * n, -n, n.sum()), (N,), []),
    "integer as a number": Case(lambda n: n.astype(jnp.float32) * 0.5, (N,), []),
    "public loop": Case(lambda a: lax.fori_loop(0, 3, lambda i, c: c + i * a, a), (A,), []),
    "cond by a flag": Case(
        lambda a, flag: lax.cond(flag, lambda x: 2 * x, lambda x: -x, a), (A, jnp.bool_(False)), []
    ),
    "to the power zero": Case(lambda a: a**0, (A,), []),
}

SITES = {
    "product": Case(lambda a, b: a * b, (A, B), [product("mul", 2, 3)]),
    "rank-0 floats are secret": Case(lambda a, s: a * s, (A, S), [product("mul", 2, 3)]),
    "a counter marked secret": Case(
        lambda n, t: n * t, (N, COUNT), [product("mul", 3)], {"t": True}
    ),
    "broadcast product": Case(lambda a, v: a * v, (A, V), [product("mul", 2, 3)]),
    "every leaf of a dict": Case(lambda p: p["u"] * p["w"], ({"u": A, "w": B},), [product("mul", 2, 3)]),
    "optimizer state": Case(lambda s: s[0]["m"] * s[1], (({"m": A}, B), ), [product("mul", 2, 3)]),
    "one leaf public, others not": Case(
        lambda p, x: (p["w"] * x, p["u"] * x),
        ({"w": A, "u": B}, A),
        [product("mul", 2, 3)],
        ({"w": False, "u": None}, True),
    ),
    "powers": Case(
        lambda a: (jnp.square(a), a**3),
        (A,),
        [product("square", 2, 3), product("pow/square", 2, 3), product("pow/product", 2, 3)],
    ),
    "dot": Case(lambda a, b: a @ b.T, (A, B), [product("dot", 2, 2)]),
    "dot of vectors": Case(lambda a, b: jnp.vdot(a, b), (A, B), [product("dot")]),
    "batched dot": Case(jax.vmap(jnp.vdot), (A, B), [product("dot", 2)]),
    "outer product": Case(lambda v, a: jnp.tensordot(v, a[0], 0), (V, A), [product("dot", 3, 3)]),
    "batched matrices": Case(
        lax.batch_matmul, (A.reshape(3, 2, 1), B.reshape(3, 1, 2)), [product("dot", 3, 2, 2)]
    ),
    "convolution": Case(conv, (IMAGE, KERNEL), [product("conv", 1, 3, 3, 2)]),
    "integer product": Case(lambda n: n * (n + 1), (N,), [product("mul", 3)]),
    "less": Case(lambda a, b: a < b, (A, B), [bit("compare", 2, 3)]),
    "greater or equal": Case(lambda a, b: a >= b, (A, B), [bit("compare", 2, 3)]),
    "equal": Case(lambda n: n == 1, (N,), [bit("compare", 3)]),
    "not equal": Case(lambda a, b: a != b, (A, B), [bit("compare", 2, 3)]),
    "number to bit": Case(lambda n: n.astype(bool), (N,), [bit("convert_element_type/compare", 3)]),
    "bit to number": Case(lambda a: (a > 0).astype(jnp.float32), (A,), [bit("compare", 2, 3)]),
    "counting": Case(lambda a: jnp.sum(a > 0), (A,), [bit("compare", 2, 3)]),
    "not, xor with public": Case(
        lambda a, m: ~(a > 0) ^ m, (A, A > 1), [bit("compare", 2, 3)], {"m": False}
    ),
    "and, or with public": Case(
        lambda a, m: ((a > 0) & m, (a > 0) | m), (A, A > 1), [bit("compare", 2, 3)], {"m": False}
    ),
    "xor of secrets": Case(
        lambda a, b: (a > 0) ^ (b > 0), (A, B), [bit("compare", 2, 3), bit("compare#2", 2, 3)]
    ),
    "and": Case(
        lambda a, b: (a > 0) & (b > 0), (A, B), [bit("compare", 2, 3), bit("compare#2", 2, 3), bit("and", 2, 3)]
    ),
    "or": Case(
        lambda a, b: (a > 0) | (b > 0), (A, B), [bit("compare", 2, 3), bit("compare#2", 2, 3), bit("or", 2, 3)]
    ),
    "secret bits are data": Case(lambda x, y: x & y, (A > 0, B > 0), [bit("and", 2, 3)]),
    "any": Case(
        lambda x: jnp.any(x, 1), (A > 0,), [bit("reduce_or/or", 1, 2), bit("reduce_or/or#2", 1, 2)]
    ),
    "all": Case(
        lambda x: jnp.all(x, 1), (A > 0,), [bit("reduce_and/and", 1, 2), bit("reduce_and/and#2", 1, 2)]
    ),
    "select": Case(
        lambda a, b: jnp.where(a < b, a, b), (A, B), [bit("compare", 2, 3), product("select", 2, 3)]
    ),
    "select of public values": Case(
        lambda a, c: (jnp.where(a < 0, 1.0, 0.5), jnp.where(a < 0, c, -c)),
        (A, B),
        [bit("compare", 2, 3)],
        {"c": False},
    ),
    "select of bits": Case(
        lambda x, y, z: jnp.where(x, y, z), (A > 0, B > 0, A > 1), [bit("select", 2, 3)]
    ),
    "select by a public mask": Case(
        lambda a, b, m: jnp.where(m, a * b, a), (A, B, A > 1), [product("mul", 2, 3)], {"m": False}
    ),
    "maximum": Case(
        lambda a, b: jnp.maximum(a, b), (A, B), [bit("max/compare", 2, 3), product("max/select", 2, 3)]
    ),
    "minimum": Case(
        lambda a: jnp.minimum(a, 0.5), (A,), [bit("min/compare", 2, 3), product("min/select", 2, 3)]
    ),
    "clamp": Case(
        lambda a: lax.clamp(-0.5, a, 0.5),
        (A,),
        [bit("clip/compare", 2, 3), product("clip/select", 2, 3),
         bit("clip/compare#2", 2, 3), product("clip/select#2", 2, 3)],
    ),
    "abs": Case(lambda a: jnp.abs(a), (A,), [bit("abs/compare", 2, 3), product("abs/select", 2, 3)]),
    "sign": Case(lambda a: jnp.sign(a), (A,), [bit("sign/compare", 2, 3), bit("sign/compare#2", 2, 3)]),
    "reduce_max": Case(
        lambda a: jnp.max(a, 1),
        (A,),
        [bit("reduce_max/compare1", 1, 2), product("reduce_max/select1", 1, 2),
         bit("reduce_max/compare2", 1, 2), product("reduce_max/select2", 1, 2)],
    ),
    "argmin": Case(
        lambda a: jnp.argmin(a[:, :3], 1),
        (jnp.concatenate([A, A[:, :1]], 1),),
        [bit("argmin/compare1", 1, 2), product("argmin/select1", 1, 2),
         bit("argmin/compare2", 1, 2), product("argmin/select", 1, 2)],
    ),
    "max pooling": Case(
        max_pool,
        (IMAGE,),
        [bit("max_pool/compare1", 2, 1, 2, 2, 1), product("max_pool/select1", 2, 1, 2, 2, 1),
         bit("max_pool/compare2", 1, 1, 2, 2, 1), product("max_pool/select2", 1, 1, 2, 2, 1)],
    ),
    "product of entries": Case(
        lambda a: jnp.prod(a, 1), (A,), [product("reduce_prod/product", 1, 2), product("reduce_prod/product#2", 1, 2)]
    ),
    "running products": Case(
        lambda a: lax.cumprod(a, 1), (A,), [product("cumprod/mul", 2, 1), product("cumprod/mul#2", 2, 1)]
    ),
    "running maxima": Case(
        lambda v: lax.cummax(v, reverse=True), (V,),
        [bit("cummax/max/compare", 1), product("cummax/max/select", 1),
         bit("cummax/max#2/compare", 1), product("cummax/max#2/select", 1)],
    ),
    "running minima and logarithms of sums": Case(
        lambda v: (lax.cummin(v[:2]), lax.cumlogsumexp(v[:2])), (V,),
        [bit("cummin/min/compare", 1), product("cummin/min/select", 1),  # and nothing of no entries
         bit("cumlogsumexp/max/compare", 1), product("cumlogsumexp/max/select", 1),
         bit("cumlogsumexp/abs/compare", 1), product("cumlogsumexp/abs/select", 1),
         ideal("cumlogsumexp/exp", 1), ideal("cumlogsumexp/log1p", 1)],
    ),
    "hyperbolic functions": Case(
        lambda v: (jnp.sinh(v), jnp.cosh(v)), (V,),
        [ideal("sinh/exp", 3), ideal("sinh/exp#2", 3), ideal("cosh/exp", 3), ideal("cosh/exp#2", 3)],
    ),
    "functions": Case(
        lambda a: (jnp.exp(a), jnp.tanh(a), lax.logistic(a), lax.erf(a)),
        (A,),
        [ideal(n, 2, 3) for n in ("exp", "tanh", "sigmoid", "erf")],
    ),
    "functions of positive numbers": Case(
        lambda a: (jnp.log(a), jnp.log1p(a), jnp.sqrt(a), lax.rsqrt(a), a**-1),
        (jnp.abs(A),),
        [ideal(n, 2, 3) for n in ("log", "log1p", "sqrt", "rsqrt", "pow/recip")],
    ),
    "public exponents": Case(
        lambda a, c: (a**0.5, a**-0.5, 2.0**a, a**c),
        (jnp.abs(A), 1.5),
        [ideal("pow", 2, 3), ideal("pow#2", 2, 3), ideal("pow#3", 2, 3),
         ideal("pow#4/log", 2, 3), ideal("pow#4/exp", 2, 3)],
    ),
    "division": Case(lambda a, b: (a / b, 1 / b), (A, B), [ideal("div", 2, 3), ideal("div#2", 2, 3)]),
    "one-hot of secret labels": Case(
        lambda n: jax.nn.one_hot(n, 4, dtype=jnp.float32), (N,), [bit("compare", 3, 4)]
    ),
    "entries at secret positions": Case(
        lambda v, i: v[i], (V, N),
        [bit("compare", 3), product("select", 3), bit("gather/compare", 3, 3), product("gather", 3)],
    ),
    "entries of a public table": Case(
        lambda a, i: jnp.take(a, i, 1, mode="clip"), (A, N),
        [bit("gather/clip/compare", 3), product("gather/clip/select", 3),
         bit("gather/clip/compare#2", 3), product("gather/clip/select#2", 3), bit("gather/compare", 3, 3)],
        {"a": False},
    ),
    "slice at a secret start": Case(
        lambda a, i: lax.dynamic_slice_p.bind(a, 0, i[0], slice_sizes=(2, 2)), (A, N),
        [bit("dynamic_slice/clip/compare"), product("dynamic_slice/clip/select"),
         bit("dynamic_slice/clip/compare#2"), product("dynamic_slice/clip/select#2"),
         bit("dynamic_slice/compare", 2), product("dynamic_slice", 2, 2)],
    ),
    "slice written at a secret start": Case(
        lambda a, b, i: lax.dynamic_update_slice_p.bind(a, b[:1], i[1], 0), (A, B, N),
        [bit("dynamic_update_slice/clip/compare"), product("dynamic_update_slice/clip/select"),
         bit("dynamic_update_slice/clip/compare#2"), product("dynamic_update_slice/clip/select#2"),
         bit("dynamic_update_slice/compare", 2), product("dynamic_update_slice", 2, 3)],
    ),
    "entry written at a secret position": Case(
        lambda a, i: a.at[1, i[0]].set(7.0, mode="drop"), (A, N),
        [bit("compare"), product("select"), bit("scatter/compare", 2), bit("scatter/compare#2", 3),
         bit("scatter/and", 6), product("scatter", 2, 3)],
    ),
    "entries written one after the other": Case(
        lambda v, i: v.at[i].set(2 * v), (V, N),
        [bit("compare", 3), product("select", 3), bit("scatter/scatter/compare", 3, 3, 1),
         product("scatter/scatter", 3, 3)],
    ),
    "entries compared where they stand": Case(
        lambda v: jax.ops.segment_max(v, jnp.arange(3) % 2, 2), (V,),
        [bit("scatter-max/max/compare", 3, 1), product("scatter-max/max/select", 3, 1)],
    ),
    "a bit at a secret position": Case(
        lambda v, i: (v > 0)[i], (V, N),
        [bit("compare", 3), bit("compare#2", 3), product("select", 3), bit("gather/compare", 3, 3),
         bit("gather", 3, 3)],
    ),
    "entries added at secret positions": Case(
        lambda v, i: jax.ops.segment_sum(v, i, num_segments=2), (V, N),
        [bit("scatter-add/compare", 2, 3), product("scatter-add", 2)],
    ),
    "the one-hot row once": Case(
        lambda v, i: jax.grad(lambda v: jnp.sum(v[i] ** 2))(v), (V, N),
        [bit("compare", 3), product("select", 3), bit("gather/compare", 3, 3), product("gather", 3),
         product("back/scatter-add", 3)],
    ),
    "softmax of the library": Case(lambda a: tc.functions.softmax(a), (A,), [ideal("softmax", 2, 3)]),
    "scan": Case(
        lambda a, b: lax.scan(lambda c, x: (c * x, None), b[0], a)[0], (A, B), [product("mul", 2, 3)]
    ),
    "scan whose carry becomes secret": Case(
        lambda a: lax.scan(lambda c, x: (c * x, c * 2.0), jnp.ones(3), a), (A,), [product("mul", 2, 3)]
    ),
    "nested scan": Case(
        lambda a, b: lax.scan(lambda c, r: (lax.scan(lambda d, x: (d * x, None), c, r)[0], None), b[0, 0], a)[0],
        (A, B),
        [product("mul", 2, 3)],
    ),
    "cond": Case(
        lambda a, b, flag: lax.cond(flag, lambda: a * b, lambda: a @ b.T @ a),
        (A, B, jnp.bool_(True)),
        [product("dot", 2, 2), product("dot#2", 2, 3), product("mul", 2, 3)],
    ),
    "while": Case(
        lambda a, b, n: lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * b), (0, a))[1],
        (A, B, COUNT),
        [product("mul", 2, 3)],
    ),
    "cond by a secret bit": Case(
        lambda a, b: lax.cond(a[0, 0] > 0, lambda: (a * b, 1.0), lambda: (b, 2.0)), (A, B),
        [bit("compare"), product("mul", 2, 3), product("cond/select", 2, 3)],
    ),
    "switch by a secret number": Case(
        lambda v, n: lax.switch(n[0], [lambda: v, lambda: -v, lambda: v * v]), (V, N),
        [bit("clip/compare"), product("clip/select"), bit("clip/compare#2"), product("clip/select#2"),
         product("mul", 3), bit("cond/compare", 3), product("cond/select", 3, 3)],
    ),
    "select among several": Case(
        lambda v, n: lax.select_n(n, v, -v, 2 * v), (V, N), [bit("select/compare", 3, 3), product("select", 3, 3)]
    ),
    "maximum over a named axis": Case(
        jax.vmap(lambda x: (lax.pmax(x, "i"), lax.psum(x, "i")), axis_name="i"), (A,),
        [bit("pmax/compare1", 1, 3), product("pmax/select1", 1, 3)],
    ),
    "sort": Case(
        lambda v: jnp.sort(v), (V,),
        [bit("sort/compare1", 1), product("sort/select1", 2), bit("sort/compare2", 1),
         product("sort/select2", 2), bit("sort/compare3", 1), product("sort/select3", 2)],
    ),
    "sort of rows of two": Case(
        lambda a: lax.sort([a, 2 * a], dimension=0, num_keys=1, is_stable=False), (A,),
        [bit("sort/compare1", 1, 3), product("sort/select1", 2, 3), product("sort/select1#2", 2, 3)],
    ),
    "rounding": Case(
        lambda v: (jnp.floor(v), jnp.round(v), v.astype(int)), (V,),
        [bit("floor/bits", 3, 32), bit("round/bits", 3, 32), bit("round/half", 3), bit("round/and", 3),
         bit("convert_element_type/sign", 3), product("convert_element_type/abs", 3),
         bit("convert_element_type/bits", 3, 32), product("convert_element_type/negate", 3)],
    ),
    "total order": Case(
        lambda a, b: [p.bind(a, b) for p in (lax.lt_to_p, lax.le_to_p, lax.eq_to_p)], (A, B),
        [bit(n, 2, 3) for n in ("compare", "compare#2", "compare#3")],
    ),
    "factoring of a matrix": Case(
        lambda v: lax.linalg.cholesky(jnp.diag(jnp.abs(v[:2]))), (V,),
        [bit("abs/compare", 2), product("abs/select", 2), ideal("cholesky/rsqrt", 1), product("cholesky/mul", 2),
         product("cholesky/dot", 1, 1), ideal("cholesky/rsqrt#2", 1), product("cholesky/mul#2", 1)],
    ),
    "triangular system": Case(
        lambda v, b: lax.linalg.triangular_solve(jnp.diag(v[:2]), b[:, :1], left_side=True, lower=True), (V, B),
        [ideal("triangular_solve/div", 2), product("triangular_solve/mul", 1, 1),
         product("triangular_solve/dot", 1, 1), product("triangular_solve/mul#2", 1, 1)],
    ),
    "quotient and remainder once": Case(
        lambda n: (lax.div(n, 3), lax.rem(n, 3)), (N,),
        [bit("div/sign", 3), product("div/abs", 3), bit("div/bits", 3, 32), bit("div/over/compare", 3),
         bit("div/under/compare", 3), product("div/negate", 3), product("rem/negate", 3)],
    ),
    "argsort": Case(
        lambda a: jnp.argsort(a, 0), (A,),
        [bit("sort/compare1", 1, 3), bit("sort/equal1", 1, 3), product("sort/select1", 2, 3)],
    ),
    "lax.map": Case(lambda a: lax.map(lambda r: jnp.vdot(r, r), a), (A,), [product("dot", 2)]),
    "checkpoint": Case(jax.checkpoint(lambda a, b: a * b), (A, B), [product("mul", 2, 3)]),
}  # fmt: skip

REUSE = {
    "the same comparison twice": Case(
        lambda a, b: ((a < b).astype(jnp.float32), b > a), (A, B), [bit("compare", 2, 3)]
    ),
    "its negation": Case(lambda a, b: (a < b, a >= b), (A, B), [bit("compare", 2, 3)]),
    "not the reverse": Case(
        lambda a, b: (a < b, b < a), (A, B), [bit("compare", 2, 3), bit("compare#2", 2, 3)]
    ),
    "constants by value": Case(lambda a: (a > 0, jnp.zeros(3) < a), (A,), [bit("compare", 2, 3)]),
    "not another constant": Case(
        lambda a: (a > 0, a > 1), (A,), [bit("compare", 2, 3), bit("compare#2", 2, 3)]
    ),
    "through jit": Case(
        lambda a, b: (jax.jit(lambda x, y: x < y)(a, b), jax.jit(lambda x: x < b)(a)),
        (A, B),
        [bit("compare", 2, 3)],
    ),
    "inside a scan": Case(
        lambda a, b: ((a > 0)[0], lax.scan(lambda c, x: (c + x * (a > 0).astype(x.dtype), None), b, jnp.ones(2))[0]),
        (A, B),
        [bit("compare", 2, 3)],
    ),
    "ReLU forward and backward": Case(
        lambda a: jax.value_and_grad(lambda x: jnp.sum(jax.nn.relu(x)))(a),
        (A,),
        [bit("max/compare", 2, 3), product("max/select", 2, 3)],
    ),
    "ReLU with a secret gradient": Case(
        lambda a, b: jax.value_and_grad(lambda x: jnp.sum(jax.nn.relu(x) * b))(a),
        (A, B),
        [bit("max/compare", 2, 3), product("max/select", 2, 3), product("mul", 2, 3), product("back/select", 2, 3)],
    ),
    "ReLU of the library": Case(
        lambda a, b: jax.value_and_grad(lambda x: jnp.sum(tc.functions.relu(x) * b))(a),
        (A, B),
        [bit("relu/compare", 2, 3), product("relu/select", 2, 3), product("mul", 2, 3), product("back/select", 2, 3)],
    ),
    "not max and argmax of two equal values": Case(
        lambda a: (jnp.max(a[:, :2], 1), jnp.argmax(a[:, :2], 1)),
        (A,),
        [bit("reduce_max/compare1", 1, 2), product("reduce_max/select1", 1, 2),
         bit("argmax/compare1", 1, 2)],
    ),
    "max and argmax of one value": Case(
        lambda a: (jnp.max(a, 1), jax.jit(lambda x: jnp.argmax(x, 1))(a)),
        (A[:, :2],),
        [bit("reduce_max/compare1", 1, 2), product("reduce_max/select1", 1, 2)],
    ),
    "max pooling and its gradient": Case(
        lambda x, g: jax.value_and_grad(lambda x: jnp.sum(g * max_pool(x)))(x),
        (IMAGE, max_pool(IMAGE)),
        [bit("max_pool/compare1", 2, 1, 2, 2, 1), product("max_pool/select1", 2, 1, 2, 2, 1),
         bit("max_pool/compare2", 1, 1, 2, 2, 1), product("max_pool/select2", 1, 1, 2, 2, 1),
         product("mul", 1, 2, 2, 1),
         product("back/max_pool/select", 1, 1, 2, 2, 1), product("back/max_pool/select#2", 2, 1, 2, 2, 1)],
    ),
}  # fmt: skip

TABLE = {f"{title}: {name}": case for title, table in
         {"local": LOCAL, "site": SITES, "reuse": REUSE}.items() for name, case in table.items()}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_sites_of_a_small_function(name):
    case = TABLE[name]
    f = tc.secure(case.f, secret=case.secret)
    assert listed(f.surface(*case.args)) == case.sites
    got, want = f(*case.args), jax.jit(case.f)(*case.args)
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert (g.dtype, g.shape, g.weak_type) == (w.dtype, w.shape, w.weak_type)
        np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-6)


# ---- marks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ({"c": False}, "'c', which is no argument; there are ['a', 'b']"),
        ((True, False, True), "marks 3 arguments, but the call has 2"),
        (("yes", None), "takes True, False or None, not 'yes'"),
        (({"w": True}, None), "no prefix of the arguments"),
    ],
)
def test_marks_that_do_not_fit_are_refused(secret, said):
    with pytest.raises(tc.Refusal) as refused:
        tc.secure(lambda a, b: a * b, secret=secret)(A, B)
    assert said in str(refused.value)


def test_marks_by_name_reach_keyword_arguments():
    f = tc.secure(lambda a, *, b: a * b, secret={"b": False})
    assert listed(f.surface(A, b=B)) == []
    assert listed(tc.secure(f.f).surface(A, b=B)) == [product("mul", 2, 3)]


def test_a_mark_for_a_keyword_does_not_reach_variable_arguments():
    def f(a, *rest, scale):
        return a * rest[1] + scale

    assert listed(tc.secure(f, secret={"scale": False}).surface(A, A, B, scale=B)) == [product("mul", 2, 3)]


def test_a_mark_for_variable_arguments_reaches_all_of_them():
    assert listed(tc.secure(lambda *xs: xs[0] * xs[1], secret={"xs": False}).surface(A, B)) == []
    assert listed(tc.secure(lambda *xs: xs[0] * xs[1] * xs[2], secret={"xs": False}).surface(A, B, B)) == []


def test_a_python_number_marked_secret_is_not_silently_public():
    f = tc.secure(lambda a, rate: a * rate, secret={"rate": True})
    try:
        sites = listed(f.surface(A, 0.5))
    except tc.Refusal:
        return  # refusing is as good
    assert sites == [product("mul", 2, 3)]


@pytest.mark.parametrize("key", [jax.random.PRNGKey(0), jax.random.split(jax.random.PRNGKey(0), 3)])
def test_raw_keys_are_refused_with_a_hint(key):
    with pytest.raises(tc.Refusal, match=r"^k looks like a raw PRNG key: make it with jax\.random\.key"):
        tc.secure(lambda k, a: a)(key, A)
    tc.secure(lambda k, a: a, secret={"k": False})(key, A)


def test_arrays_captured_by_closure_are_public_with_a_warning():
    data, weights, one = np.ones((2, 3), np.float32), jnp.full((3,), 2.0), jnp.float32(3)
    f = tc.secure(lambda a: jax.jit(lambda a: a * data * weights * one)(a))
    with pytest.warns(UserWarning, match=r"arrays that are not its arguments") as caught:
        surface = f.surface(A)
    assert len(caught) == 1
    assert "[2, 3]" in str(caught[0].message)
    assert "[3]" in str(caught[0].message)
    assert "[]" not in str(caught[0].message)
    assert listed(surface) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f.surface(A)  # said once


def test_leaves_that_are_no_arrays_are_part_of_the_program():
    def f(a, mode, flag, g):
        return g(a) * a if mode == "product" and flag else a

    secured = tc.secure(f)
    assert listed(secured.surface(A, "product", True, jnp.negative)) == [product("mul", 2, 3)]
    assert listed(secured.surface(A, "product", False, jnp.negative)) == []
    assert listed(secured.surface(A, "sum", True, jnp.negative)) == []
    np.testing.assert_array_equal(secured(A, "product", True, jnp.negative), -A * A)
    np.testing.assert_array_equal(secured(A, "product", True, jnp.abs), jnp.abs(A) * A)


def test_a_static_leaf_must_be_hashable():
    with pytest.raises(tc.Refusal, match="must be hashable"):
        tc.secure(lambda a, options: a)(A, {1, 2})


def test_secrecy_follows_the_data_not_the_shape():
    f = tc.secure(lambda a, b: (a.shape[0] * b, jnp.zeros_like(a) * b, a * b), secret={"b": None})
    assert listed(f.surface(A, B)) == [product("mul", 2, 3)]


# ---- refusals -----------------------------------------------------------------------------------------

REFUSED = {}


def refused(said, by, *args, **options):
    """Registers a function to be refused where it says `# here`."""

    def register(f):
        REFUSED[f.__name__] = (f, said, by, args, options)
        return f

    return register


@refused("'bessel_i1e'", "y", A, B)
def unknown_of_one(x, y):
    return x + lax.bessel_i1e(y)  # here


@refused("while loop runs as long as a secret says", "n", A, S)
def while_(x, n):
    return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1.0, 2 * c[1]), (0.0, x))  # here


@refused("secret is raised to a secret power", "x, y", V, V)
def power(x, y):
    return x**y  # here


@refused("meets a complex number", "x", V)
def complex_logarithm(x):
    return jnp.real(jnp.log(lax.complex(x, x)))  # here


@refused("a loop carries one", "x", V)
def complex_loop(x):
    return jnp.real(lax.fori_loop(0, 2, lambda i, z: z * 1j, lax.complex(x, x)))  # here


@refused("'bessel_i0e'", "x", V)
def unknown(x):
    return lax.bessel_i0e(x)  # here


@refused("'bessel_i0e'", "x", V)
def jnp_unknown(x):
    return jax.scipy.special.i0e(x)  # here


@refused("'schur'", "x", jnp.eye(3))
def schur(x):
    return lax.linalg.schur(x)  # here


@refused("columns are exchanged in a QR factoring", "x", jnp.ones((2, 2)))
def pivoted(x):
    return lax.linalg.qr(x, pivoting=True)  # here


@refused("some of the values of a matrix are asked for", "x", jnp.ones((2, 2)))
def subset(x):
    return lax.linalg.eigh(x, subset_by_index=(0, 1))  # here


@refused("'bessel_i1e'", "p/w", {"w": V, "b": V}, V)
def inside_a_dict(p, x):
    return lax.bessel_i1e(p["w"] * 2) + p["b"] + x  # here


@refused("'bessel_i1e'", "x, y", V, V)
def two_arguments(x, y):
    return lax.bessel_i1e(x * y)  # here


@refused("'bessel_i1e'", "y", V, V, secret={"x": False})
def one_argument_public(x, y):
    return lax.bessel_i1e(x * y)  # here


@refused("'bessel_i0e'", "x", V)
def inside_a_scan(x):
    def body(c, row):
        return c + lax.bessel_i0e(row), None

    return lax.scan(body, 0.0, x)  # here


def helper(x):
    y = 2 * x
    return lax.bessel_i0e(y)  # here


def wrapper(x):
    return helper(x) + 1  # here


def through_a_library(x):
    return functools.reduce(lambda c, f: f(c), [helper], x)  # here


@pytest.mark.parametrize("outer", [wrapper, through_a_library, jax.jit(wrapper), jax.vmap(wrapper)])
def test_refusals_name_the_innermost_line_and_the_wrapper_beside_it(outer):
    with pytest.raises(tc.Refusal) as caught:
        tc.secure(outer)(V)
    f = inspect.unwrap(outer)
    assert f", at {place(helper)} (helper), called at {place(f)} ({f.__name__}); secret" in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("protocol", ["exact", "crypten"])
def test_refusals_name_operation_line_and_argument(name, protocol):
    f, said, by, args, options = REFUSED[name]
    with pytest.raises(tc.Refusal) as caught:
        tc.secure(f, protocol=protocol, **options)(*args)
    message = str(caught.value)
    assert said in message
    assert f"at {place(f)} ({name}" in message
    assert f"; secret because of {by}" in message.split(" (", 1)[1]
    assert message.split("because of ")[1].split(";")[0] == by
    assert "\n" not in message


def place(f):
    lines, first = inspect.getsourcelines(f)
    (offset,) = (i for i, line in enumerate(lines) if "# here" in line)
    return f"test_secrecy.py:{first + offset}"


def refused_often(x, n):
    for _ in range(2):
        x = lax.bessel_i1e(x)  # once, though it is done twice
    x, _ = lax.scan(lambda c, row: (c + lax.bessel_i0e(row), None), x, jnp.stack([x, x]))
    return lax.nextafter(x * 2, x), lax.polygamma(x, x), lax.igamma(x, x), x * x


def test_all_refusals_are_listed_once_in_program_order():
    said = tc.refusals(refused_often, V, N)
    what = ["'bessel_i1e'", "'bessel_i0e'", "'nextafter'", "'polygamma'", "'igamma'"]
    assert [next(w for w in what if w in sentence) for sentence in said] == what
    assert all(" (refused_often" in s and "; secret because of " in s and "\n" not in s for s in said)
    with pytest.raises(tc.Refusal) as first:
        tc.surface(refused_often, V, N)
    assert str(first.value) == said[0]
    assert tc.refusals(tc.secure(lambda x: x * x, protocol="crypten"), V) == ()


def test_the_surface_refuses_alike():
    with pytest.raises(tc.Refusal, match=r"'bessel_i1e'.*secret because of x"):
        tc.surface(lambda x: lax.bessel_i1e(x), V)


def test_the_wrapper_is_the_caller_after_a_plain_call():
    step = jax.jit(helper)
    step(V)  # the trace of the inner function is cached now

    def f(x):
        return step(x)  # here

    with pytest.raises(tc.Refusal) as caught:
        tc.secure(f)(V)
    assert f"at {place(helper)} (helper), called at {place(f)} (" in str(caught.value)


def test_a_layer_of_a_library_is_named_by_the_line_that_calls_it():
    def f(x):
        layers = nn.Sequential([nn.Dense(2), jax.scipy.special.i0e])
        return layers.init_with_output(jax.random.key(0), x)[0]  # here

    with pytest.raises(tc.Refusal, match="'bessel_i0e'") as caught:
        tc.secure(f)(V)
    assert f", at {place(f)} (" in str(caught.value) and "called at" not in str(caught.value)


@pytest.mark.parametrize("name", ["unknown_of_one", "unknown"])
def test_public_values_may_do_what_secrets_may_not(name):
    f, *_, args, _ = REFUSED[name]
    secured = tc.secure(f, secret=False)
    assert listed(secured.surface(*args)) == []
    np.testing.assert_array_equal(secured(*args), jax.jit(f)(*args))


def test_the_line_inside_a_jitted_function():
    @jax.jit
    def f(x):
        return lax.bessel_i0e(x) * x  # here

    with pytest.raises(tc.Refusal) as caught:
        tc.secure(f)(V)
    assert place(f) in str(caught.value)
