"""The table of the opening, and sums by halves in float64: against NumPy's integers."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.engines.replicated.checks.batch import _table
from turncoat.engines.replicated.checks.binary import PACKED
from turncoat.engines.replicated.checks.galois import BLOCK, RING, combined

MOST = 2**64 - 1


def drawn(*shape, most=MOST):
    return np.random.default_rng(len(shape) + shape[-1]).integers(0, most, shape, np.uint64, endpoint=True)


def values(pieces):
    """The terms of the pieces' polynomial at 0, 1 and infinity of each variable: 3^l lists of rows of integers."""
    levels = len(pieces).bit_length() - 1
    rows = []
    for point in itertools.product("01i", repeat=levels):
        bits = [{"0": (0,), "1": (0, 1), "i": (1,)}[p] for p in point]  # the terms that are left there
        chosen = [int("".join(map(str, b)), 2) for b in itertools.product(*bits)]
        rows.append([pieces[a].tolist() for a in chosen])
    return rows


def of_products(r, u, v):
    """The sums of r_jb U_b V_b over b, and over the products that an entry is about: (j, point)."""
    return _summed(r, u, v, sum, int.__mul__, lambda r, x: sum(map(int.__mul__, r, x)) % 2**64)


def of_bits(r, u, v):
    """The same of 64 bits to a word, modulo 2."""

    def xor(words):
        return functools.reduce(int.__xor__, words, 0)

    return _summed(r, u, v, xor, int.__and__, lambda r, x: xor(map(int.__and__, r, x)).bit_count() % 2)


def _summed(r, u, v, add, multiply, count):
    table = []
    for ours, theirs in zip(
        zip(*map(values, u), strict=True), zip(*map(values, v), strict=True), strict=True
    ):
        each = [
            [
                multiply(add(a), add(b))
                for a, b in zip(zip(*x, strict=True), zip(*y, strict=True), strict=True)
            ]
            for x, y in zip(ours, theirs, strict=True)
        ]
        entries = [add(terms) for terms in zip(*each, strict=True)]
        table.append([count(row, entries) for row in r.tolist()])
    return np.array(table, np.uint64).T


@pytest.mark.parametrize("n", [5, RING.block, 2 * RING.block + 3])
@pytest.mark.parametrize("products", [1, 2])
@pytest.mark.parametrize(
    ("algebra", "most", "oracle"), [(RING, 1, of_products), (PACKED, MOST, of_bits)], ids=["ring", "bits"]
)
def test_the_table_at_all_points(algebra, most, oracle, products, n):
    r, u, v = drawn(3, n, most=most), drawn(products, 4, n), drawn(products, 4, n)[:, ::-1]
    with jax.enable_x64(True):
        found = np.asarray(_table(algebra, *map(jnp.asarray, (r, u, v))))
    np.testing.assert_array_equal(found, oracle(r, u, v))


def test_sums_at_the_bound_are_exact():
    """All halves at their largest, as many as one float64 adds up, and more than that in blocks."""
    with jax.enable_x64(True):
        for n in (BLOCK, BLOCK + 5):
            most, ones = np.full((1, n), MOST, np.uint64), np.ones((2, n), np.uint64)
            found = np.asarray(RING.tally(jnp.asarray(ones), jnp.asarray(most)))
            assert found.tolist() == [[most.sum(dtype=np.uint64)]] * 2
        small, x = np.full((3, 47), 2, np.uint64), np.full((47, 5), MOST, np.uint64)
        found = np.asarray(combined("pq,qn->pn", jnp.asarray(small), jnp.asarray(x)))
    np.testing.assert_array_equal(found, small @ x)
