"""Engine `ring` against Python's integers: products, truncations, errors, constants, wrap-around."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from scipy import stats

import turncoat as tc
from turncoat import engines
from turncoat.core.sites import At
from turncoat.engines.ring import Ring
from turncoat.engines.truncation import TRUNCATIONS
from turncoat.jobs import models

F = 18
UNIT = 2.0**-F
RING = engines.ring
RING_SIZE = 2**64


@pytest.fixture
def wide() -> Iterator[None]:
    """A program of 64 bits, so that opening rounds nothing."""
    with jax.enable_x64(True):
        yield


def signed(v):
    return (v + 2**63) % RING_SIZE - 2**63


def nearest(z, bits):
    """z / 2^bits with halves upwards, of a wrapped product."""
    return (signed(z) + (1 << bits >> 1)) >> bits


def units(x):
    """Opened float64 numbers as integers: how many units of 2^-18."""
    scaled = np.asarray(x, np.float64) / UNIT
    assert (scaled == np.rint(scaled)).all()
    return [int(v) for v in scaled.ravel()]


def on(f, engine=RING, protocol="exact"):
    return tc.secure(f, engine=engine, protocol=protocol)


# ---- products and their errors ----------------------------------------------------------------------------

numbers = st.integers(-(2**30), 2**30)  # in units: up to 4096
small = st.integers(-(2**20), 2**20)


@settings(max_examples=20)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=4, max_size=4))
def test_a_product_with_an_error_is_the_integers_product_truncated(rows):
    with jax.enable_x64(True):
        x, y, e = (np.asarray(c, np.float64) for c in zip(*rows, strict=True))
        product = on(jnp.multiply)
        honest = product(x * UNIT, y * UNIT, errors={"mul": np.zeros(4)})
        # errors reach below the last bit of a number: they are added to the product, in units of 2^-36
        tampered = product(x * UNIT, y * UNIT, errors={"mul": e * UNIT**2})
    assert units(honest) == [nearest(a * b, F) for a, b, _ in rows]
    assert units(tampered) == [nearest(a * b + c, F) for a, b, c in rows]


@settings(max_examples=20)
@given(st.lists(st.tuples(small, small, small), min_size=4, max_size=4))
def test_an_error_of_whole_units_lands_exactly_and_any_other_within_one(rows):
    with jax.enable_x64(True):
        x, y, e = (np.asarray(c, np.float64) for c in zip(*rows, strict=True))
        run = partial(on(jnp.multiply), x * UNIT, y * UNIT)
        honest, whole, part = (units(run(errors={"mul": v})) for v in (0 * e, e * UNIT, e * UNIT / 7))
    assert [b - a for a, b in zip(honest, whole, strict=True)] == [c for _, _, c in rows]
    assert all(abs(b - a - c / 7) <= 1 for a, b, (_, _, c) in zip(honest, part, rows, strict=True))


def test_a_matrix_product_with_an_error_per_output_entry(wide):
    rng = np.random.default_rng(0)
    x, y, e = (rng.integers(-(2**24), 2**24, s) for s in ((30, 800), (800, 20), (30, 20)))
    got = on(jnp.matmul)(x * UNIT, y * UNIT, errors={"dot": e * UNIT})
    z = np.matmul(x.astype(object), y.astype(object)) + (e.astype(object) << F)
    assert units(got) == [nearest(v, F) for v in z.ravel()]


def test_errors_elsewhere_are_added_at_the_scale_of_a_number(wide):
    x = np.asarray([1.5, -2.0, 0.25])
    shift = np.asarray([3.0, -1.0, 2.0]) * UNIT

    def f(x):
        return jnp.where(x > 0, x, 2 * x), (x > 0).astype(x.dtype), jnp.exp(x)

    plain = on(f)(x)
    surface = on(f).surface(x)
    for kind, i in (("product", 0), ("conversion", 1), ("ideal", 2)):
        (site,) = surface.find(kind=kind)
        out = on(f)(x, errors={site: shift})
        for j in range(3):
            np.testing.assert_array_equal(out[j], plain[j] + shift * (i == j), site)
    flipped = on(f)(x, errors={"compare": np.asarray([True, False, True])})
    np.testing.assert_array_equal(flipped[1], [0, 0, 0])


def test_the_sites_are_those_of_reals_and_conversions():
    x = jnp.ones((4, 3))

    def f(x):
        return jnp.where(x > 0, x @ x.T @ x * 0.3, 0.5) + (x > 1)

    with jax.numpy_dtype_promotion("standard"):
        theirs, ours, local = (
            [(s.name, s.kind) for s in on(f, e).surface(x)]
            for e in (engines.reals, RING, Ring(truncation="local"))
        )
    extra = [s for s in ours if s not in theirs]
    assert [kind for _, kind in extra] == ["conversion"] and set(theirs) < set(ours)
    assert [s for s in local if s not in ours] == [("scale", "truncation")]


# ---- wrap-around ------------------------------------------------------------------------------------------


def test_products_sums_and_errors_wrap_around(wide):
    product = on(jnp.multiply)
    x, y = np.asarray([2.0**17, 2.0**13, 2.0**14, 2.0**13]), np.asarray([2.0**17, 2.0**13, 2.0**14, 2.0**14])
    # times 2^36: 2^70 and 2^64 are 0, 2^62 is itself, 2^63 is negative
    np.testing.assert_array_equal(product(x, y), [0.0, 2.0**26, 0.0, -(2.0**27)])
    error = np.asarray([2.0**28 + 3, 2.0**27])
    np.testing.assert_array_equal(product(np.ones(2), np.ones(2), errors={"mul": error}), [4.0, 1 - 2.0**27])
    third = np.asarray([1.5 * 2.0**43])  # three times 1.5 2^61 is 2^63 and a half of that
    np.testing.assert_array_equal(on(lambda x, y: x + y + y)(third, third), [-1.75 * 2.0**44])


def test_a_comparison_is_the_sign_of_the_wrapped_difference(wide):
    x, y = np.asarray([2.0**43, -1.0, 3.0, 3.0]), np.asarray([-(2.0**43), 1.0, 3.0, 3.0 + UNIT])
    np.testing.assert_array_equal(on(jnp.less)(x, y), [False, True, False, True])
    np.testing.assert_array_equal(on(lambda x, y: x + x < y + y)(x, y), [True, True, False, True])
    np.testing.assert_array_equal(on(jnp.equal)(x, y), [False, False, True, False])


# ---- truncation -------------------------------------------------------------------------------------------

MANY = 40_000


def cut(name, z, bits, count=MANY, seed=0):
    """`count` truncations of z, as signed integers."""
    with jax.enable_x64(True):
        x = jnp.full(count, z % RING_SIZE, jnp.uint64)
        return np.asarray(TRUNCATIONS[name].cut(x, bits, jax.random.key(seed))).astype(np.int64)


VALUES = [0, 1, -1, 2**17, -(2**17), 5 * 2**18 + 12345, -(3 * 2**30) - 999, 2**40 + 2**10]


@pytest.mark.parametrize("z", VALUES)
@pytest.mark.parametrize("bits", [1, 18, 28])
def test_exact_truncation_rounds(z, bits):
    assert set(cut("exact", z, bits, 4)) == {nearest(z, bits)}


@pytest.mark.parametrize("z", VALUES)
@pytest.mark.parametrize("bits", [1, 18])
def test_probabilistic_truncation_is_right_on_average(z, bits):
    floor, part = divmod(z, 2**bits)
    ups = cut("probabilistic", z, bits) - floor
    assert set(ups) <= ({0, 1} if part else {0})
    assert stats.binomtest(int(ups.sum()), MANY, part / 2**bits).pvalue > 1e-4


@pytest.mark.parametrize("z", VALUES)
@pytest.mark.parametrize("bits", [1, 18])
def test_local_truncation_is_off_by_one_unit_at_most_where_it_does_not_fail(z, bits):
    off = cut("local", z, bits) - z / 2**bits
    assert np.abs(off).max() <= 1
    assert len(set(off)) <= 2 and (len(set(off)) == 2 or z % 2**bits == 0 or abs(z) == 1)


@pytest.mark.parametrize("z", [2**61, -(2**61), 2**59, -(2**59) + 12345, 2**57])
def test_local_truncation_fails_with_its_known_probability(z):
    off = cut("local", z, F) - (z >> F)
    failed = np.abs(off) > 1
    assert set(np.abs(off[failed] + np.sign(z) * 2 ** (64 - F))) <= {0, 1}  # by 2^64, towards the other sign
    expected = abs(z) / 2**64
    assert stats.binomtest(int(failed.sum()), MANY, expected).pvalue > 1e-4
    assert failed.mean() < 1.2 * abs(z) / 2**63  # SecureML's bound, theorem 1


@pytest.mark.parametrize("truncation", ["probabilistic", "local"])
def test_truncations_that_draw_are_fresh_in_each_pass_and_repeat_with_the_key(truncation):
    engine = Ring(truncation=truncation)
    x = jnp.full(64, 0.3333333)
    f = on(lambda x: lax.scan(lambda c, _: (c, c * x), x, length=6)[1], engine)
    once, other = (np.asarray(f(x, randomness=jax.random.key(k))) for k in (1, 2))
    assert len({row.tobytes() for row in once}) == 6 and (once != other).any()
    np.testing.assert_array_equal(once, f(x, randomness=jax.random.key(1)))
    np.testing.assert_allclose(once, 0.1111111, atol=1.5 * UNIT)


@pytest.mark.parametrize("truncation", TRUNCATIONS)
def test_an_error_of_whole_units_lands_exactly_under_every_truncation(wide, truncation):
    engine = Ring(truncation=truncation)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 50))

    def f(x, y):
        return x * y * 0.3

    shift = rng.integers(-50, 50, 50) * UNIT
    sites = on(f, engine).surface(x, y).sites
    assert ("scale" in sites) == (truncation == "local")
    for name in sites:
        _, honest = on(f, engine)(x, y, observe=[name])
        _, seen = on(f, engine)(x, y, observe=[name], errors={name: shift})
        np.testing.assert_array_equal(seen[name] - honest[name], shift, name)


# ---- constants --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [7.8e-5, 1e-5, 0.1 / 128])
@pytest.mark.parametrize("traced", [False, True])
def test_a_small_rate_keeps_15_bits(wide, rate, traced):
    x = np.asarray([1000.0, -512.5, 3.0])
    if traced:
        got = tc.secure(lambda x, r: r * x, engine="ring", secret={"r": False})(x, jnp.asarray(rate))
    else:
        got = on(lambda x: rate * x)(x)
    np.testing.assert_allclose(got, rate * x, rtol=2.0**-14, atol=0.51 * UNIT)


def test_a_power_of_two_and_a_whole_number_lose_nothing_but_the_last_bits(wide):
    x = np.arange(-8, 8) * UNIT
    np.testing.assert_array_equal(on(lambda x: 3 * x)(x), 3 * x)
    assert units(on(lambda x: x / 4)(x)) == [nearest(v, 2) for v in range(-8, 8)]


def test_products_with_public_arrays(wide):
    rng = np.random.default_rng(2)
    x, c = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    marked = tc.secure(lambda x, c: (x @ c, c.T @ x.T), engine="ring", secret={"c": False})
    for got, expected in zip(marked(x, c), (x @ c, (x @ c).T), strict=True):
        np.testing.assert_allclose(got, expected, atol=16 * UNIT)


# ---- integers and bits ------------------------------------------------------------------------------------


def test_integers_are_integers(wide):
    x, y = np.asarray([2**31, -7, 12345678901]), np.asarray([2**32 + 5, 9, -3])
    got = on(lambda x, y: (x * y, x * 3 - y, x < y, x.astype(np.float64) / 4))(x, y)
    assert [signed(int(a) * int(b)) for a, b in zip(x, y, strict=True)] == got[0].tolist()
    np.testing.assert_array_equal(got[1], 3 * x - y)
    np.testing.assert_array_equal(got[2], x < y)
    np.testing.assert_array_equal(got[3], x / 4)


@pytest.mark.parametrize(("lo", "hi"), [(-18, 3), (-20, 2), (0, 45), (3, 4)])
def test_bits_are_those_of_twos_complement(wide, lo, hi):
    values = [5 * 2**16 + 3, -1, -(2**19) - 7, 0, 2**63 - 1]
    for dtype, point in ((np.float32, F), (np.int32, 0)):
        operand = jax.ShapeDtypeStruct((5,), dtype)
        got = RING.bits(jnp.asarray([v % RING_SIZE for v in values], jnp.uint64), lo, hi, operand, At())
        expected = [[p + point >= 0 and bool(v >> (p + point) & 1) for p in range(lo, hi)] for v in values]
        np.testing.assert_array_equal(got, expected)


def test_an_ideal_function_without_a_value_gives_the_largest_number_or_zero(wide):
    largest = 2.0**44 - 2.0**-9
    np.testing.assert_array_equal(on(lambda x: 1 / x)(np.asarray([0.0, 2.0])), [largest, 0.5])
    np.testing.assert_array_equal(on(jnp.sqrt)(np.asarray([-1.0])), [0.0])


# ---- 64 bits inside 32 ------------------------------------------------------------------------------------


def step(p, x):
    return p - 0.125 * jnp.where(p > 0, x @ p, p)


def test_elements_of_64_bits_pass_through_a_program_of_32():
    secured, start = on(step), jnp.asarray([[0.5, -1.0], [0.25, 2.0]])
    x = jnp.asarray([[1.0, 0.5], [-0.25, 1.5]])
    expected = start
    for _ in range(3):
        expected = secured(expected, x)
    shared = tc.share(start, RING)
    assert shared.wire.dtype == np.uint64 and shared.dtype == np.float32

    def loop(p):
        return lax.scan(lambda p, _: (secured(p, x), None), p, length=3)[0]

    for looped in (loop, jax.jit(loop)):
        out = looped(shared)
        assert (out.wire.dtype, out.dtype) == (np.uint64, np.float32)
        np.testing.assert_array_equal(tc.reveal(out), expected)
        np.testing.assert_array_equal(looped(start), expected)
    several = jnp.stack([start, -start, 2 * start])
    for one, alone in zip(jax.vmap(lambda p: secured(p, x))(several), several, strict=True):
        np.testing.assert_array_equal(one, secured(alone, x))
    assert expected.dtype == np.float32 and not jax.config.jax_enable_x64


def test_a_share_keeps_what_float32_would_lose():
    with jax.enable_x64(True):
        wire = tc.share(np.asarray([2.0**20 + UNIT]), RING).wire
    assert int(wire[0]) == 2 ** (20 + F) + 1


def test_a_gradient_is_refused_rather_than_zero():
    with pytest.raises(tc.Refusal, match="differentiate the secured function on engine 'reals'"):
        jax.grad(lambda x: on(lambda x: x * x)(x))(1.5)


def test_training_agrees_with_float64():
    model = models.mlp(8, 3, (6,))
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, y = jnp.asarray(rng.random((40, 8))), jnp.asarray(np.eye(3)[rng.integers(0, 3, 40)])
        start = jax.tree.map(lambda a: a.astype(jnp.float64), model.init(jax.random.key(1)))

        def trained(step, p):
            return jax.jit(lambda p: lax.scan(lambda p, _: (step(p, x, y, 0.5), None), p, length=20)[0])(p)

        ours = trained(tc.secure(model.step, engine="ring"), tc.share(start, RING))
        theirs, ours = trained(tc.secure(model.step), start), tc.reveal(ours)
        moved = max(float(jnp.abs(theirs[k] - start[k]).max()) for k in start)
        apart = max(float(jnp.abs(theirs[k] - ours[k]).max()) for k in start)
    assert moved > 0.05 and apart < 1e-4


# ---- names and options ------------------------------------------------------------------------------------


def test_options_stand_in_the_name():
    assert engines.get("ring") is RING and engines.get("reals") is engines.reals
    engine = engines.get("ring:precision=20,truncation=local")
    assert (engine.precision, engine.truncation, engine.name) == (
        20,
        "local",
        "ring:precision=20,truncation=local",
    )
    assert engines.get("ring:precision=20,truncation=local") is engine
    assert engines.get("ring:precision=18").name == "ring"
    assert engines.get("ring:monitor=true").name == "ring:monitor=true"
    assert (
        engines.get(engines.get("ring:precision=22,monitor=true").name).name
        == "ring:precision=22,monitor=true"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rong", "there is no engine 'rong'; the nearest are 'ring'"),
        ("ring:precison=20", "engine 'ring' has no option 'precison'; the nearest are 'precision'"),
        ("ring:precision=many", "option 'precision' of engine 'ring' takes a whole number"),
        ("ring:monitor=yes", "option 'monitor' of engine 'ring' takes true or false"),
        ("ring:", "engine 'ring' has no option ''"),
        ("ring:truncation=floor", "there is no truncation 'floor'; the nearest are"),
        ("ring:precision=40", "the precision of a ring of 64 bits must be 4 to 28 bits, not 40"),
        ("ring:precision=-1", "must be 4 to 28 bits, not -1"),
        ("reals:precision=20", "engine 'reals' has no options, so 'precision' is none"),
    ],
)
def test_what_is_no_engine_is_refused(name, said):
    with pytest.raises(tc.Refusal, match=said):
        engines.get(name)
