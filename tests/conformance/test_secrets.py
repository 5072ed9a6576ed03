"""What is built from comparisons and selections, on every engine: branches, collectives, order.

No function of a protocol is in them, so that every protocol has the same circuit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.runs import ENGINES, engine
from core.black_box import BlackBox, at_most
from turncoat.core.rules.sorting import network

V = jnp.asarray([0.5, -2.0, 1.0, -2.0])
W = jnp.asarray([0.25, 4.0, -1.0, 2.0])
N = jnp.asarray([2, 0, 1, 2])
AT = lax.ScatterDimensionNumbers((), (0,), (0,))


@dataclass(frozen=True, eq=False)
class Row:
    """A function and its arguments, multiples of 1/4."""

    f: Callable
    args: tuple


def switched(n, x):
    return lax.switch(n[1], [lambda x: x, lambda x: -x, lambda x: 2 * x * x], x)


ROWS = {
    "cond": Row(
        lambda x, y: lax.cond(x[0] > 0, lambda: (x * y, x > 0, 2), lambda: (x - y, y > 0, 3)), (V, W)
    ),
    "cond of a known bit": Row(lambda x, y: lax.cond(jnp.any(x > 0), lambda: x, lambda: x * y), (V, W)),
    "switch": Row(switched, (N, V)),
    "switch of a batch": Row(lambda n, x: jax.vmap(switched, (0, None))(n.reshape(2, 2), x), (N, V)),
    "select among several": Row(
        lambda n, x, y: [lax.select_n(n, *c) for c in ((x, y, x + y), (n, n + 1, 7 * n), (x > 0, y > 0, x < y))],
        (N, V, W),
    ),
    "a loop that branches": Row(
        lambda x, y: lax.scan(lambda c, r: (lax.cond(r > c, lambda: r * c, lambda: c - 1), None), y[0], x)[0], (V, W)
    ),
    "sums over a named axis": Row(
        jax.vmap(lambda x: [f(x, "i") for f in (lax.psum, lax.pmean, lax.pmax, lax.pmin)], axis_name="i"), (V,)
    ),
    "written at secret places": Row(lambda n, x, y: x.at[n + 1].set(y), (N, V, W)),
    "written in a batch": Row(
        lambda n, x: jax.vmap(lambda r, i: r.at[i].set(7.0))(x.reshape(2, 2), n.reshape(2, 2)), (N, V)
    ),
    "combined where they stand": Row(
        lambda n, x, y: (
            (x.at[n].max(y), x.at[n].min(y, mode="clip"), x.at[n].mul(y)),
            lax.scatter_sub(x, n[:, None], y, AT),
        ),
        (N, V, W),
    ),
    "entries of windows and beyond": Row(
        lambda n, x: (
            x.at[n + 2].get(mode="fill", fill_value=1.25), n.at[n + 2].get(mode="fill"),
            jax.vmap(lambda r, i: r.at[i].get(mode="fill", fill_value=-2.0))(x.reshape(2, 2), n.reshape(2, 2)),
            jax.vmap(lambda i: lax.dynamic_slice(x, (i,), (2,)))(n),
        ),
        (N, V),
    ),
    "rows of a table and their gradient": Row(
        lambda n, x: jax.value_and_grad(lambda a: jnp.sum(a[n.reshape(2, 2) % 2] ** 2))(x.reshape(2, 2)), (N, V)
    ),
    "a batch of loops until each is public": Row(
        lambda x: jax.vmap(
            lambda a: lax.while_loop(lambda c: tc.reveal(c[0] < 4), lambda c: (c[0] + 2, c[1] + 1), (a, 0))
        )(x),
        (V,),
    ),
    "segments of public numbers": Row(lambda x: jax.ops.segment_max(x, jnp.arange(4) % 3, 3), (V,)),
    "bits at secret places": Row(
        lambda n, x: ((x > 0)[n], (x > 0).at[n[2]].set(x[0] > 1), (x > 0).at[n].set(x > 1)), (N, V)
    ),
    "sums over an axis": Row(lambda x: lax.psum((x * x, jnp.ones(4)), (0,)), (V,)),
    "rounding": Row(
        lambda x: [*(f(x) for f in (jnp.floor, jnp.ceil, jnp.round, lax.round, jnp.trunc)), x.astype(jnp.int32)],
        (jnp.asarray([0.5, -2, 1.5, -2.5, 0.25, -0.25, -7.75]),),
    ),
    "division by a public integer": Row(lambda n: (n // 3, n % 3, lax.rem(n, 3)), (jnp.asarray([7, -7, 6, 0, 100]),)),
    "remainder of fixed point": Row(lambda x: lax.rem(x, 0.75), (V,)),
    "sort": Row(lambda x: jnp.sort(x), (V,)),
    "sort by two keys, with bits and payloads": Row(
        lambda x, y: lax.sort([x > 0, x, 2 * y, y < 1], num_keys=2), (V[:3], W[:3])
    ),
    "argsort": Row(lambda x: jnp.argsort(x), (V[1:],)),
    "top k": Row(lambda x: lax.top_k(x, 2), (jnp.stack([V[1:], W[1:]]),)),
    "median": Row(lambda x: jnp.median(x, 0), (jnp.stack([V, W, V - W]),)),
}  # fmt: skip


ON_SHARES = (
    "written in a batch",
    "bits at secret places",
    "cond",
    "select among several",
    "rounding",
    "division by a public integer",
    "top k",
)
"""What is run on `replicated`, whose compilation takes seconds: a row of each rule."""
ON_EACH = [(w, n) for w in ROWS for n in ENGINES if n != "replicated" or w in ON_SHARES]


@pytest.mark.parametrize(("what", "name"), ON_EACH)
def test_what_secrets_decide_is_what_plain_numbers_decide(what, name):
    row = ROWS[what]
    got, want = tc.secure(row.f, engine=engine(name))(*row.args), jax.jit(row.f)(*row.args)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize(
    "what",
    [
        *ON_SHARES,
        "switch",
        "a loop that branches",
        "sums over a named axis",
        "sort",
        "combined where they stand",
    ],
)
def test_no_error_there_reaches_further_than_is_said(what):
    row = ROWS[what]
    box = BlackBox(tc.secure(row.f), row.args)
    assert box.sites
    for site in box.sites:
        said = box.surface.exposure[site]
        for output, measured in box.best(site).items():
            assert at_most(measured, said.get(output)), (site, output, str(measured))


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        *product(["reals"], ["crypten", "spu", "mp-spdz", "tf-encrypted"]),
        ("ring", "crypten"),
        ("replicated", "spu"),
    ],
)
def test_integers_are_divided_exactly_by_every_protocol(name, protocol):
    """Each divides in its own way, more or less exactly; multiples are where a digit would be missing."""
    x, y = jnp.asarray([7, -7, 6, -6, 0, 5, 9, 100]), jnp.asarray([2, 2, -3, 3, 4, -5, 3, 7])

    def f(x, y):
        return lax.div(x, y), lax.rem(x, y)

    for got, want in zip(
        tc.secure(f, protocol=protocol, engine=engine(name, every=False))(x, y), f(x, y), strict=True
    ):
        np.testing.assert_array_equal(got, want)


ROOTS = {"exact": 2e-5, "crypten": 1e-2, "spu": 1e-3, "mp-spdz": 2e-2, "tf-encrypted": 1e-3}
"""How far entries near one may be off, by the protocol's own square root and reciprocal."""


@pytest.mark.parametrize(
    ("name", "protocol"), [*product(["reals"], ROOTS), ("ring", "exact"), ("ring", "spu")]
)
def test_matrices_are_factored_and_solved_by_every_protocol(name, protocol):
    a = jnp.asarray([[4.0, 1.0, 0.5], [1.0, 3.0, -0.5], [0.5, -0.5, 2.0]])
    b = jnp.stack([jnp.asarray([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])] * 2)

    def f(a, b):
        sides = [(left, lower, transposed) for left in (0, 1) for lower in (0, 1) for transposed in (0, 1)]
        solved = [
            lax.linalg.triangular_solve(
                jnp.stack([a, 2 * a]), b if left else b.mT, left_side=bool(left), lower=bool(lower),
                transpose_a=bool(transposed), unit_diagonal=left == lower,
            )
            for left, lower, transposed in sides
        ]  # fmt: skip
        return jnp.linalg.cholesky(a), jnp.linalg.cholesky(jnp.stack([a, 2 * a])), solved

    got = jax.tree.leaves(tc.secure(f, protocol=protocol, engine=engine(name, every=False))(a, b))
    for g, w in zip(got, jax.tree.leaves(f(a, b)), strict=True):
        np.testing.assert_allclose(g, w, rtol=0, atol=ROOTS[protocol])


@pytest.mark.parametrize("n", range(9))
def test_the_network_sorts_every_sequence_of_bits(n):
    """Then it sorts every sequence (the zero-one principle, Knuth, volume 3, theorem 5.3.4Z)."""
    rows = np.asarray(list(product((0, 1), repeat=n)), int).reshape(2**n, n)
    for first, second in network(n):
        assert len({*first, *second}) == 2 * len(first)
        low, high = rows[:, first], rows[:, second]
        rows[:, first], rows[:, second] = np.minimum(low, high), np.maximum(low, high)
    assert (np.diff(rows, axis=1) >= 0).all()


def test_a_sort_by_public_keys_sends_nothing():
    def f(keys, x):
        return lax.sort([keys, x, jnp.arange(4)], num_keys=1)

    secured = tc.secure(f, secret={"keys": False})
    assert list(secured.surface(N, V)) == []
    for got, want in zip(secured(N, V), f(N, V), strict=True):
        np.testing.assert_array_equal(got, want)
