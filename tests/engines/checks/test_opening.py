"""The table of the opening round, and sums by halves in float64: against NumPy's integers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat.engines.replicated.checks.binary import PACKED
from turncoat.engines.replicated.checks.galois import BLOCK, RING, combined
from turncoat.engines.replicated.checks.proof import _table

MOST = 2**64 - 1


def drawn(*shape, most=MOST):
    return np.random.default_rng(len(shape) + shape[-1]).integers(0, most, shape, np.uint64, endpoint=True)


def of_products(r, u, v):
    """The sums of r_jb u_ab v_cb over b: (j, a, c)."""
    return np.stack([(r[:, None] * (piece * v)[None]).sum(-1, dtype=np.uint64) for piece in u], 1)


def of_bits(r, u, v):
    """The same of 64 bits to a word, modulo 2."""
    words = np.stack([np.bitwise_xor.reduce(r[:, None] & (piece & v)[None], -1) for piece in u], 1)
    return np.bitwise_count(words).astype(np.uint64) & np.uint64(1)


@pytest.mark.parametrize("n", [5, RING.block, 2 * RING.block + 3])
@pytest.mark.parametrize(
    ("algebra", "most", "oracle"), [(RING, 1, of_products), (PACKED, MOST, of_bits)], ids=["ring", "bits"]
)
def test_the_table_of_all_pairs_of_pieces(algebra, most, oracle, n):
    r, u, v = drawn(3, n, most=most), drawn(4, n), drawn(4, n)[::-1]
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
