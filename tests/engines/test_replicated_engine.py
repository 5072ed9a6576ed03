"""Engine `replicated` under whole programs: any corrupt party, every truncation, what honest parties see."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from turncoat import engines
from turncoat.core.shared import Shared
from turncoat.engines.replicated import Replicated

UNIT = 2.0**-18
RNG = np.random.default_rng(0)
X, Y = (np.round(RNG.normal(size=s) * 64) / 64 for s in ((3, 4), (4, 3)))
X[0, 0] = Y[0, 0]


@pytest.fixture(autouse=True)
def _sixty_four_bits() -> Iterator[None]:
    """A program of 64 bits, so that opening rounds nothing."""
    with jax.enable_x64(True):
        yield


def program(x, y):
    """Every kind of operation once; numbers short enough to be exact before the last truncations."""
    bigger = x > y.T
    chosen = jnp.where(bigger, x, y.T)
    same = x == y.T
    both = bigger & (x > 0.0)
    rows = lax.scan(lambda c, r: (c * r, c), x[0], x[:2])[0]
    return {
        "product": chosen @ y,
        "bits": (same, both),
        "numbers": same.astype(x.dtype) + both.astype(x.dtype),
        "scaled": x * 0.3,
        "public": x @ jnp.asarray([0.1, 0.2, 0.7, 1 / 3]),
        "rows": rows,
    }


@cache
def batch(corrupt, truncation, copies):
    """One run per site with an error there, and one without: `(sites, errors, outputs, aborted)`."""
    engine = Replicated(corrupt, truncation, copies=copies)
    secured = tc.secure(program, engine=engine)
    surface = secured.surface(X, Y)
    sites = [s for s in surface if s.kind != "xor-product"]  # see test_replicated_xor.py
    rows = {s.name: np.zeros((len(sites) + 1, *s.full_shape), s.dtype) for s in sites}
    for i, s in enumerate(sites):
        shift = (1 + np.arange(s.entries).reshape(s.full_shape)) % 5 - 2
        rows[s.name][i] = shift % 2 == 1 if s.is_bit else shift / 4

    def run(errors):
        shared = tc.share((X, Y), engine)
        out, seen = secured(*shared, errors=errors, observe=rows)
        stopped = [leaf.wire.aborted for leaf in jax.tree.leaves(out, is_leaf=lambda v: hasattr(v, "wire"))]
        return tc.reveal(out), seen, jnp.stack(stopped)

    found = jax.jit(jax.vmap(run))(tc.Errors(rows))
    return sites, rows, jax.tree.map(np.asarray, found)


def close(ours, theirs, units):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        if np.asarray(b).dtype == bool:
            np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_allclose(a, b, rtol=0, atol=units * UNIT)


CASES = [(0, "pair", True), (1, "pair", True), (2, "pair", True)]
CASES += [(1, "spu-trunc1", False), (2, "spu-truncpr", False)]
each = pytest.mark.parametrize(("corrupt", "truncation", "copies"), CASES)


@each
@pytest.mark.filterwarnings("ignore:.*arrays that are not its arguments")
def test_the_honest_result_is_that_of_reals(corrupt, truncation, copies):
    _, _, (out, _, _) = batch(corrupt, truncation, copies)
    honest = jax.tree.map(lambda a: a[-1], out)
    with jax.numpy_dtype_promotion("standard"):
        close(honest, program(jnp.asarray(X), jnp.asarray(Y)), 2)


@each
@pytest.mark.filterwarnings("ignore:.*arrays that are not its arguments")
def test_an_error_lands_exactly_at_every_site(corrupt, truncation, copies):
    sites, rows, (_, seen, _) = batch(corrupt, truncation, copies)
    kinds = {s.kind for s in sites}
    assert kinds == {"product", "bit", "conversion"} | ({"truncation"} if truncation != "pair" else set())
    for i, s in enumerate(sites):
        honest, tampered = seen[s.name][-1], seen[s.name][i]
        error = rows[s.name][i]
        assert error.any()
        if s.loops:  # the error of one pass moves the next: only the first is compared
            honest, tampered, error = honest[0], tampered[0], error[0]
        np.testing.assert_array_equal(tampered, honest ^ error if s.is_bit else honest + error, s.name)


@each
@pytest.mark.filterwarnings("ignore:.*arrays that are not its arguments")
def test_no_honest_party_sees_anything(corrupt, truncation, copies):
    _, _, (_, _, aborted) = batch(corrupt, truncation, copies)
    assert aborted.shape[-1] == 3 and not aborted.any()


def test_a_lie_to_one_neighbour_makes_the_third_party_abort_and_reveals_nothing():
    engine = Replicated(copies=True)
    honest = tc.share(jnp.asarray([1.0, 2.0]), engine)
    told = honest.wire.next.at[0].add(jnp.asarray(1, jnp.uint64))  # party 1 told party 0 another number
    x = Shared(replace(honest.wire, next=told), honest.aval, engine)
    out = tc.secure(lambda x: x + 1.0, engine=engine)(x)
    assert np.isnan(tc.reveal(out)).all()
    scaled = tc.secure(lambda x: x * 0.3, engine=engine)(x)
    assert scaled.wire.aborted.tolist() == [False, False, True]
    assert np.isnan(tc.reveal(scaled)).all()


# ---- randomness -------------------------------------------------------------------------------------------


def step(x):
    return lax.scan(lambda c, _: (c * 0.37, None), x, length=3)[0] * x


def test_the_key_decides_the_shares_and_hardly_the_value():
    x = jnp.linspace(-3.0, 3.0, 50)
    secured = tc.secure(step, engine="replicated")
    first, again, other = (
        secured(tc.share(x, "replicated"), randomness=jax.random.key(k)) for k in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.wire.own, again.wire.own)
    assert (first.wire.own != other.wire.own).all()
    assert (tc.reveal(first) != tc.reveal(other)).any()  # rounded otherwise
    close(tc.reveal(first), tc.reveal(other), 8)
    close(tc.reveal(first), step(x), 16)


def test_every_pass_of_a_loop_draws_anew():
    x = jnp.full(200, 1 / 3)

    def loop(x):
        return lax.scan(lambda c, _: (c, c * 0.37), x, length=3)[1]

    rows = np.asarray(tc.secure(loop, engine="replicated")(x))
    assert len({row.tobytes() for row in rows}) == 3  # the same product, rounded three times
    close(rows, np.full((3, 200), 0.37 / 3), 2)


def test_a_branch_and_a_while_loop():
    def f(x, i):
        y = lax.switch(i, [lambda a: a * a, lambda a: a * 0.5], x)
        return lax.while_loop(lambda c: c[0] < i, lambda c: (c[0] + 1, c[1] * x), (jnp.int32(0), y))[1] * x

    x = jnp.asarray([0.5, -2.0, 1.25])
    secured = tc.secure(f, engine="replicated")
    for i in (0, 1):
        close(secured(x, jnp.int32(i)), f(x, jnp.int32(i)), 8)


# ---- digits, integers, names ------------------------------------------------------------------------------


def test_an_error_at_digits_is_refused():
    secured = tc.secure(jnp.exp, engine="replicated", protocol="mp-spdz")
    x = jnp.asarray([0.5])
    site = next(s for s in secured.surface(x) if s.name.endswith("bits"))
    with pytest.raises(tc.Refusal, match="no party can flip single digits"):
        secured(x, errors={site.name: np.ones(site.full_shape, bool)})


def test_integers_are_not_truncated():
    n = jnp.asarray([3, -7, 2**40])
    out = tc.secure(lambda n: (n * n + 2 * n, n > 0, n.astype(jnp.float64)), engine="replicated")(n)
    close(out, (n * n + 2 * n, n > 0, n.astype(jnp.float64)), 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("replicated:corrupt=3", "the corrupt party is 0, 1 or 2, not 3"),
        ("replicated:truncation=pairs", "there is no truncation 'pairs'; the nearest are 'pair'"),
        ("replicated:precision=40", "between 1 and 30"),
    ],
)
def test_options_that_do_not_exist_are_refused(name, message):
    with pytest.raises(tc.Refusal, match=message):
        engines.get(name)


@pytest.mark.parametrize("name", ["replicated", "replicated:corrupt=2,truncation=spu-trunc1,precision=20"])
def test_an_engines_name_makes_it_again(name):
    engine = engines.get(name)
    assert engine.name == name and engines.get(name) is engine


def test_a_program_of_32_bits_is_evaluated_in_64():
    with jax.enable_x64(False):
        x = jnp.asarray([1.5, -2.0], jnp.float32)
        shared = tc.share({"x": x}, "replicated", key=jax.random.key(3))
        assert shared["x"].wire.own.dtype == np.uint64
        assert (np.asarray(shared["x"].wire.own) > 2**40).all()  # masks of 64 bits
        out = tc.secure(lambda p: p["x"] * p["x"], engine="replicated")(shared)
        np.testing.assert_array_equal(tc.reveal(out), [2.25, 4.0])
        assert tc.reveal(out).dtype == np.float32
