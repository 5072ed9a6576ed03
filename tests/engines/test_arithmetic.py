"""Arithmetic in Z_2^64 against Python's integers, which do not overflow."""

from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from turncoat.core.bilinear import from_primitive, mul
from turncoat.engines import arithmetic
from turncoat.refusal import Refusal

RING = 2**64
elements = st.integers(0, RING - 1)
# what breaks products of digits: extreme digits, and the edges of digits and of the ring
EXTREMES = [
    0,
    1,
    RING - 1,
    2**22 - 1,
    2**21,
    RING - 2**21,
    2**43 + 2**21,
    RING - 2**43 - 2**21,
    2**63,
    2**63 - 1,
]


@pytest.fixture(autouse=True)
def _sixty_four_bits() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def ring(values, shape=None):
    out = np.array([int(v) % RING for v in np.asarray(values, object).ravel()], np.uint64)
    return jnp.asarray(out.reshape(np.shape(values) if shape is None else shape))


def objects(x):
    """Ring elements as Python integers."""
    out = np.empty(np.size(x), object)
    out[:] = np.asarray(x).ravel().tolist()
    return out.reshape(np.shape(x))


def as_signed(v):
    return v - RING if v >= 2**63 else v


# ---- in and out -------------------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=60)
@given(finite, st.integers(0, 44))
def test_encoding_is_the_nearest_multiple_or_the_largest_number(value, precision):
    exact = Fraction(value) * 2**precision
    (got,) = objects(arithmetic.encode(jnp.asarray([value]), precision))
    if abs(exact) < 2**62:
        assert got == round(exact) % RING  # round() ties to even
    else:
        assert as_signed(got) == (2**62 - 512 if value > 0 else -(2**62))
    if abs(exact) < 2**1000:  # the scaled float may overflow
        (got,) = objects(arithmetic.wrapped(jnp.asarray([value]), precision))
        assert got == round(exact) % RING


@pytest.mark.parametrize(
    "value", [2.0**63, -(2.0**63), 2.0**64, 3 * 2.0**63, -(2.0**64) - 2.0**12, 2.0**63 - 1024]
)
def test_an_error_wraps_at_the_edges(value):
    (got,) = objects(arithmetic.wrapped(jnp.asarray([value]), 0))
    assert got == int(value) % RING


def test_an_infinity_is_encoded_as_the_largest_number_and_nan_as_zero():
    got = arithmetic.encode(jnp.asarray([np.nan, np.inf, -np.inf, np.finfo(np.float32).min]), 18)
    assert [as_signed(v) for v in objects(got)] == [0, 2**62 - 512, -(2**62), -(2**62)]


@pytest.mark.parametrize("factor", [np.inf, -1e30])
def test_a_factor_beyond_the_range_is_not_zero_when_it_is_traced(factor):
    element, _ = jax.jit(lambda c: arithmetic.constant(c, 18))(factor)
    assert as_signed(int(element)) == (2**62 - 512 if factor > 0 else -(2**62))


@given(st.integers(-(2**53), 2**53), st.integers(0, 30))
def test_decoding_inverts_encoding(numerator, precision):
    value = numerator * 2.0**-precision
    assert float(arithmetic.decode(arithmetic.encode(value, precision), precision)) == value


def test_a_derivative_is_refused_rather_than_zero():
    with pytest.raises(Refusal, match="no derivatives: differentiate the secured function on engine 'reals'"):
        jax.grad(lambda x: arithmetic.decode(arithmetic.encode(x, 18), 18))(1.0)


def test_random_elements_fill_the_ring_inside_a_program_of_32_bits():
    with jax.enable_x64(False):

        @jax.jit
        def draw(key):
            with jax.enable_x64(True):
                return arithmetic.decode(arithmetic.uniform(key, (3, 1000)), 63)  # in [-1, 1)

        values = np.asarray(draw(jax.random.key(0)))
    assert values.dtype == np.float64 and len(np.unique(values)) == 3000
    assert abs(values.mean()) < 4 * np.sqrt(1 / 3 / 3000)  # four standard deviations
    counts, _ = np.histogram(values, 8, (-1, 1))
    assert (np.abs(counts - 375) < 4 * np.sqrt(375)).all()


# ---- constants --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (3.0, 0), (-1e6, 0), (0.0, 0), (0.5, 1), (-0.75, 2), (2.0**-8, 8), (0.1, 18), (7.8e-5, 28), (1e-5, 31),
        (1e-30, 62),
    ],
)  # fmt: skip
def test_a_known_constant_is_exact_or_has_15_significant_bits(value, bits):
    scaled, chosen = arithmetic.constant(value, 18)
    assert type(chosen) is int and chosen == bits
    got = Fraction(as_signed(int(scaled)), 2**bits)
    assert got == Fraction(value) or bits in (18, 62) or abs(got / Fraction(value) - 1) <= 2**-15
    assert abs(got - Fraction(value)) <= Fraction(1, 2 ** (bits + 1))


def test_a_known_array_has_one_scale_for_its_largest_entry():
    scaled, bits = arithmetic.constant(np.asarray([1e-5, 0.0, -3e-6]), 18)
    assert bits == 31
    assert objects(scaled).tolist() == [21475, 0, RING - 6442]


@pytest.mark.parametrize("value", [0.1, 7.8e-5, 1e-5, -2.5, 0.0, 1e9, 1e-30])
def test_a_traced_constant_has_a_traced_scale(value):
    f = jax.jit(lambda c: arithmetic.constant(c, 18))
    scaled, bits = f(jnp.asarray([value, value / 2]))
    assert bits.shape == () and 18 <= int(bits) <= 62
    got = np.asarray([as_signed(v) for v in objects(scaled)], float) * 2.0 ** -int(bits)
    np.testing.assert_allclose(
        got, [value, value / 2], rtol=2.0**-14, atol=2.0**-19 if abs(value) > 1e-3 else 2.0**-62
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_constant_that_is_no_number_is_refused(value):
    with pytest.raises(Refusal, match="NaN or infinity"):
        arithmetic.constant(value, 18)


# ---- truncation -------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.lists(elements, min_size=1, max_size=8), st.integers(0, 62))
def test_truncation_divides_the_signed_value(values, bits):
    x = ring(values)
    floor, nearest = (objects(f(x, bits)) for f in (arithmetic.shifted, arithmetic.rounded))
    half = 2**bits // 2
    for v, a, b in zip(values, floor, nearest, strict=True):
        assert as_signed(a) == as_signed(v) // 2**bits
        assert as_signed(b) == as_signed((v + half) % RING) // 2**bits
    np.testing.assert_array_equal(floor, objects(jax.jit(arithmetic.shifted)(x, bits)))
    np.testing.assert_array_equal(nearest, objects(jax.jit(arithmetic.rounded)(x, bits)))


# ---- digits -----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.lists(elements, min_size=1, max_size=8))
def test_digits_are_balanced_and_make_up_the_element(values):
    check_digits([*values, *EXTREMES])


def check_digits(values):
    low, middle, high = (np.asarray(d) for d in arithmetic.digits(ring(values)))
    for part in (low, middle):
        assert part.min() >= -(2**21) and part.max() < 2**21
    assert np.abs(high).max() <= 2**19
    for v, a, b, c in zip(values, low, middle, high, strict=True):
        assert (int(a) + (int(b) << 22) + (int(c) << 44)) % RING == v


# ---- products ---------------------------------------------------------------------------------------------


def product(x, y, dimension_numbers):
    """By NumPy on Python's integers, modulo 2^64: shapes are those of a matrix product or a batch of them."""
    x, y = objects(x), objects(y)
    (xc, yc), (xb, _) = dimension_numbers
    if xb:
        return np.stack([np.dot(a, b) for a, b in zip(x, y, strict=True)]) % RING
    return np.tensordot(x, y, (xc, yc)) % RING


PLAIN = (((1,), (0,)), ((), ()))
WORST = {
    "-1": RING - 1,  # its low digit is -1, the others zero
    "2^22 - 1": 2**22 - 1,  # unsigned digits fail on it from inner dimension 512 on
    "every digit -2^21": (-(2**21) - 2**43) % RING,
    "every bit": 0xAAAAAAAAAAAAAAAA,
    "2^63": 2**63,
}


@pytest.mark.parametrize("inner", [1, 511, 512, 784, 2048, 2049, 5000])
@pytest.mark.parametrize("entry", WORST.values(), ids=WORST)
def test_a_product_of_extreme_matrices_is_exact(inner, entry):
    x, y = np.full((9, inner), entry, np.uint64), np.full((inner, 64), entry, np.uint64)
    x[0, 0], y[-1, 0] = 3, RING - 5  # so that not all entries are alike
    forced = arithmetic._block if inner <= arithmetic.BLOCK else arithmetic.dot
    got = objects(forced(jnp.asarray(x), jnp.asarray(y), PLAIN))
    inside = entry * entry * inner
    assert got[1, 1] == inside % RING
    assert got[0, 1] == (inside - entry * entry + 3 * entry) % RING
    last = entry * (RING - 5)
    assert got[1, 0] == ((inside - entry * entry) + last) % RING


@pytest.mark.parametrize("edge", [2**21, 2**42, 2**43, 2**63])
@pytest.mark.parametrize("other", [1, 2**41])
def test_a_product_is_exact_at_the_sizes_where_digits_are_added(edge, other):
    rng = np.random.default_rng(3)
    around = rng.integers(-2, 3, (20, 90)).astype(object)
    x = np.where(rng.random((20, 90)) < 0.5, edge, -edge) + around
    y = np.where(rng.random((90, 80)) < 0.5, other, -other) + rng.integers(-1, 1, (90, 80)).astype(object)
    for a, b, numbers in ((x, y, PLAIN), (y.T, x.T, PLAIN)):
        for uniform in (False, True):  # a promise about speed, not about values
            got = jax.jit(lambda a, b, n=numbers, u=uniform: arithmetic.dot(a, b, n, u))(ring(a), ring(b))
            np.testing.assert_array_equal(objects(got), np.dot(a, b) % RING)


def test_a_batch_under_vmap_has_the_digits_of_its_largest():
    rng = np.random.default_rng(4)
    sizes = np.array([2**10, 2**30, 2**62], object)[:, None, None]
    x, y = (
        ring(rng.integers(-1000, 1000, s).astype(object) * sizes // 1000) for s in ((3, 60, 50), (3, 50, 60))
    )
    got = jax.jit(jax.vmap(lambda a, b: arithmetic.dot(a, b, PLAIN)))(x, y)
    np.testing.assert_array_equal(objects(got), product(x, y, (((2,), (1,)), ((0,), (0,)))))


CASES = {
    "matrix": ((60, 70), (70, 80), PLAIN),
    "transposed": ((70, 60), (70, 80), (((0,), (0,)), ((), ()))),
    "batch": ((3, 60, 50), (3, 50, 70), (((2,), (1,)), ((0,), (0,)))),
    "two contracted axes": ((40, 8, 9), (8, 9, 70), (((1, 2), (0, 1)), ((), ()))),
    "long": ((6, 2500), (2500, 30), PLAIN),
    "long, two contracted axes": ((5, 50, 50), (50, 50, 20), (((1, 2), (0, 1)), ((), ()))),
    "long batch": ((2, 4, 2100), (2, 2100, 20), (((2,), (1,)), ((0,), (0,)))),
    "small": ((3, 5), (5, 2), PLAIN),
    "vectors": ((7,), (7,), (((0,), (0,)), ((), ()))),
    "empty": ((3, 0), (0, 2), PLAIN),
}


@pytest.mark.parametrize(("x_shape", "y_shape", "numbers"), CASES.values(), ids=CASES)
def test_a_product_of_random_arrays_is_exact(x_shape, y_shape, numbers):
    rng = np.random.default_rng(0)
    x, y = (jnp.asarray(rng.integers(0, RING, s, np.uint64)) for s in (x_shape, y_shape))
    got = jax.jit(lambda a, b: arithmetic.dot(a, b, numbers))(x, y)
    assert got.dtype == jnp.uint64
    np.testing.assert_array_equal(objects(got), product(x, y, numbers))


@pytest.mark.parametrize("large", [True, False])
def test_a_map_with_its_operands_swapped_and_under_vmap(large):
    rng = np.random.default_rng(1)
    n = 60 if large else 4
    x, y = (jnp.asarray(rng.integers(0, RING, s, np.uint64)) for s in ((3, n, n), (3, n, n + 1)))
    (eqn,) = jax.make_jaxpr(lambda a, b: lax.dot_general(a, b, PLAIN))(x[0], y[0]).eqns
    form = from_primitive(eqn.primitive, eqn.params, x[0], y[0], eqn.outvars[0].aval)
    got = jax.vmap(lambda a, b: arithmetic.multiply(form, a, b))(x, y)
    again = jax.vmap(lambda a, b: arithmetic.multiply(form.swap(), b, a))(x, y)
    expected = product(x, y, (((2,), (1,)), ((0,), (0,))))
    np.testing.assert_array_equal(objects(got), expected)
    np.testing.assert_array_equal(objects(again), expected)


@given(st.lists(st.tuples(elements, elements), min_size=1, max_size=6))
def test_an_elementwise_product(pairs):
    pairs = [*pairs, *((v, w) for v in EXTREMES for w in EXTREMES)]
    x, y = (ring(v) for v in zip(*pairs, strict=True))
    got = objects(arithmetic.multiply(mul(x.shape, np.float32), x, y))
    assert got.tolist() == [v * w % RING for v, w in pairs]


def test_a_convolution():
    rng = np.random.default_rng(2)
    x, y = (jnp.asarray(rng.integers(0, RING, s, np.uint64)) for s in ((2, 5, 6, 3), (2, 3, 3, 2)))
    dims = ("NHWC", "HWIO", "NHWC")
    (eqn,) = jax.make_jaxpr(
        lambda a, b: lax.conv_general_dilated(a, b, (1, 1), "VALID", dimension_numbers=dims)
    )(x, y).eqns
    form = from_primitive(eqn.primitive, eqn.params, x, y, eqn.outvars[0].aval)
    left, right = form.as_dot()
    terms = objects(x).ravel()[left], objects(y).ravel()[right]  # valid padding: every index is an entry
    expected = form.from_dot(np.stack([np.dot(a, b) for a, b in zip(*terms, strict=True)])) % RING
    np.testing.assert_array_equal(objects(arithmetic.multiply(form, x, y)), expected)
