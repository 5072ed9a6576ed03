"""Both rings against polynomials of Python's integers, multiplied term by term."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turncoat.engines.replicated.checks import algebra
from turncoat.engines.replicated.checks.algebra import DEGREE
from turncoat.engines.replicated.checks.batch import subsets
from turncoat.engines.replicated.checks.binary import BITS, PACKED, packed, unpacked
from turncoat.engines.replicated.checks.galois import RING, coins, combined

MODULI = {"ring": 2**64, "bits": 2}
EACH = pytest.mark.parametrize("ring", [RING, BITS], ids=["ring", "bits"])
N = 3


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def product(a, b, modulus):
    """Coefficients of a b modulo x^47 - x^5 - 1."""
    out = [0] * (2 * DEGREE - 1)
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            out[i + j] += p * q
    for d in reversed(range(DEGREE, 2 * DEGREE - 1)):
        out[d - DEGREE] += out[d]
        out[d - DEGREE + 5] += out[d]
    return [v % modulus for v in out[:DEGREE]]


def total(rows, modulus):
    return [sum(column) % modulus for column in zip(*rows, strict=True)]


def columns(array):
    """(47, n) as n lists of integers."""
    return [[int(v) for v in column] for column in np.asarray(array).T]


def stacked(elements):
    return jnp.asarray(np.array(elements, np.uint64).T)


def elements(modulus, n=N):
    # all coefficients at an edge make the largest sums there are
    coefficient = st.one_of(st.sampled_from([0, 1, modulus - 1, modulus // 2]), st.integers(0, modulus - 1))
    element = st.one_of(
        st.lists(coefficient, min_size=DEGREE, max_size=DEGREE),
        st.integers(0, modulus - 1).map(lambda v: [v] * DEGREE),
    )
    return st.lists(element, min_size=n, max_size=n)


RUNS = {
    (ring.name, name): jax.jit(partial(f, ring))
    for ring in (RING, BITS)
    for name, f in {
        "times": algebra.times,
        "scaled": algebra.scaled,
        "inner": algebra.inner,
        "matrix": lambda r, s, b: r.mix(algebra.matrix(r, s), b),
        "subsets": subsets,
    }.items()
}


@EACH
@settings(max_examples=25)
@given(st.data())
def test_products_of_elements_are_those_of_polynomials(ring, data):
    with jax.enable_x64(True):
        modulus = MODULI[ring.name]
        a, b = data.draw(elements(modulus)), data.draw(elements(modulus))
        expected = [product(p, q, modulus) for p, q in zip(a, b, strict=True)]
        x, y = stacked(a), stacked(b)
        assert columns(RUNS[ring.name, "times"](x, y)) == expected
        assert columns(RUNS[ring.name, "scaled"](x, y)) == expected
        assert columns(RUNS[ring.name, "inner"](x, y)[:, None]) == [total(expected, modulus)]


@EACH
@settings(max_examples=15)
@given(st.data())
def test_a_challenge_turns_rows_and_subsets_are_multiplied(ring, data):
    with jax.enable_x64(True):
        modulus = MODULI[ring.name]
        (s,), rows = data.draw(elements(2, 1)), data.draw(elements(modulus))
        turned = RUNS[ring.name, "matrix"](stacked([s])[:, 0], stacked(rows))
        assert columns(turned) == [product(s, row, modulus) for row in rows]
        one, (a, b, c) = [1] + [0] * (DEGREE - 1), data.draw(elements(2, 3))
        bc, ab, ac = (product(p, q, modulus) for p, q in ((b, c), (a, b), (a, c)))
        expected = [one, c, b, bc, a, ac, ab, product(a, bc, modulus)]
        assert columns(RUNS[ring.name, "subsets"](stacked([a, b, c]))) == expected


def test_packed_rows_compute_what_single_bits_do():
    rng = np.random.default_rng(0)
    u, v = (jnp.asarray(rng.integers(0, 2**64, (p, 5), dtype=np.uint64)) for p in (7, 4))
    table = np.asarray(PACKED.gram(u, v))
    bits = [np.asarray(unpacked(a)).astype(int) for a in (u, v)]
    assert (table == bits[0] @ bits[1].T % 2).all() and (
        table == np.asarray(BITS.gram(*map(unpacked, (u, v))))
    ).all()
    chosen = jnp.asarray(rng.integers(0, 2, (3, 4), dtype=np.uint64))
    mixed = np.asarray(unpacked(PACKED.mix(chosen, v))).astype(int)
    assert (mixed == np.asarray(chosen).astype(int) @ bits[1] % 2).all()
    flags = rng.integers(0, 2, 130) == 1
    assert (np.asarray(unpacked(packed(jnp.asarray(flags))[None]))[0, :130] == flags).all()


@pytest.mark.parametrize("value", [2**64 - 1, 2**21, 2**21 - 1, 2**63, 2**43 + 2**21])
def test_coins_times_ring_elements_are_exact_at_the_edges_of_digits(value):
    n = 5000
    x = jnp.full((2, n), value, jnp.uint64)
    found = combined("jn,qn->jq", jnp.ones((3, n), jnp.uint64), x)
    assert (np.asarray(found) == np.uint64(value * n % 2**64)).all()


def test_the_polynomial_is_irreducible_modulo_two():
    """Its degree is a prime: x^(2^47) = x, and it has no root."""
    polynomial, power = (1 << 47) | (1 << 5) | 1, 2
    for _ in range(47):
        square = 0
        for i in range(47):
            square ^= ((power >> i) & 1) << (2 * i)
        for d in reversed(range(47, 94)):
            square ^= ((square >> d) & 1) * (polynomial << (d - 47))
        power = square
    assert power == 2 and polynomial & 1 and polynomial.bit_count() % 2


def test_coins_are_the_words_lowest_bits():
    words = jnp.asarray(np.array([5, 2**46 | 2**47, 2**63], np.uint64))
    assert [sum(b << i for i, b in enumerate(c)) for c in columns(coins(words))] == [5, 2**46, 0]
