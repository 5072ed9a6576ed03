"""Errors in a bit's conversion, against a simulation on the shares in the clear; what an abort leaves."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc
from turncoat.core.shared import Shared
from turncoat.engines.replicated import Replicated
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.costs import product
from turncoat.jobs import models

PARTY = pytest.mark.parametrize("corrupt", [0, 1, 2])
RNG = np.random.default_rng(0)
BIT = RNG.integers(0, 2, 24) > 0
X, Y = np.round(RNG.normal(size=(2, 24)) * 64) / 64
N, M = RNG.integers(-1000, 1000, (2, 24))
ROWS = 14
CONVERTING = ("select/xor1", "select/xor2", "select#2/xor1", "select#2/xor2", "arith/xor1", "arith#2/xor1")


@pytest.fixture(autouse=True)
def _sixty_four_bits() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def program(b, x, y, n, m):
    """A bit that selects among reals and integers, and becomes a number of either sort."""
    selected = {"reals": jnp.where(b, x, y), "integers": jnp.where(b, n, m)}
    return selected | {"real": b.astype(x.dtype), "integer": b.astype(n.dtype)}


# ---- the conversion, share by share in the clear -----------------------------------------------------------


def simulated(shares, errors):
    """What three XOR shares become by (x + y - 2 (x y + error)), twice."""
    b0, b1, b2 = (share.astype(int) for share in shares)
    first, second = errors
    u = b0 + b1 - 2 * (b0 * b1 + first)
    return u + b2 - 2 * (u * b2 + second)


def expected(shares, errors):
    """The program's outputs with these errors at the sites of `CONVERTING`."""
    e = [errors.get(name, 0) for name in CONVERTING]
    by_reals, by_integers = simulated(shares, e[0:2]), simulated(shares, e[2:4])
    return {
        "reals": by_reals * (X - Y) + Y,
        "integers": by_integers * (N - M) + M,
        "real": simulated(shares, (e[4], 0)).astype(float),
        "integer": simulated(shares, (e[5], 0)),
    }


@cache
def ready(corrupt):
    """`(XOR shares, run)`: `run` takes errors by site, with a leading axis, to outputs and who aborted."""
    engine = Replicated(corrupt, copies=True)
    secured, shared = tc.secure(program, engine=engine), tc.share((BIT, X, Y, N, M), engine)

    def run(errors):
        out = secured(*shared, errors=tc.Errors(errors))
        return tc.reveal(out), jnp.stack([leaf.wire.aborted for leaf in out.values()])

    return np.asarray(shared[0].wire.own), jax.jit(jax.vmap(run))


def as_simulated(corrupt, rows):
    """Runs errors row by row, and holds them to the simulation; returns who aborted."""
    shares, run = ready(corrupt)
    padded = [*rows, *[{}] * (ROWS - len(rows))]  # compiled once
    stacked = {n: np.stack([row.get(n, np.zeros(24, np.int32)) for row in padded]) for n in CONVERTING}
    outputs, aborted = jax.tree.map(np.asarray, run(stacked))
    for i, errors in enumerate(rows):
        for name, value in expected(shares, errors).items():
            np.testing.assert_array_equal(outputs[name][i], value, name)
    return aborted


def test_the_simulation_without_errors_is_the_program():
    honest = expected(ready(1)[0], {})
    for name, value in program(BIT, jnp.asarray(X), jnp.asarray(Y), jnp.asarray(N), jnp.asarray(M)).items():
        np.testing.assert_array_equal(honest[name], value)


@PARTY
def test_an_error_in_a_conversion_does_what_it_does_in_the_clear(corrupt):
    rows = [{name: np.full(24, e, np.int32)} for name in CONVERTING for e in (1, -3)]
    rows += [{name: RNG.integers(-9, 9, 24).astype(np.int32) for name in CONVERTING}, {}]
    aborted = as_simulated(corrupt, rows)
    assert aborted.shape == (ROWS, 4, 3) and not aborted.any()  # no honest party sees any of it


entries = st.lists(st.integers(-(2**20), 2**20), min_size=24, max_size=24)


@settings(max_examples=15)
@given(st.dictionaries(st.sampled_from(CONVERTING), entries, max_size=6))
def test_any_errors_together_do_what_they_do_in_the_clear(chosen):
    with jax.enable_x64(True):
        as_simulated(2, [{name: np.array(e, np.int32) for name, e in chosen.items()}])


@PARTY
def test_minus_one_amplifies_a_selected_number_and_one_negates_it(corrupt):
    secured = tc.secure(lambda b, x: jnp.where(b, x, 0.0), engine=Replicated(corrupt))
    for error, taken, left in ((-1, 3, 2), (1, -1, -2), (2, -3, -4)):
        found = secured(BIT, X, errors={"select/xor2": np.full(24, error)})
        np.testing.assert_array_equal(found, np.where(BIT, taken * X, left * X))


# ---- sites -------------------------------------------------------------------------------------------------


def test_the_products_stand_under_what_they_convert_for_and_before_it():
    surface = tc.secure(program, engine="replicated").surface(BIT, X, Y, N, M)
    names = [s.name for s in surface]
    assert [n for n in names if "/" in n] == list(CONVERTING) == surface.find(kind="xor-product")
    for name in CONVERTING:
        site = surface[name]
        assert (site.shape, site.dtype, site.multiplications) == ((24,), np.int32, 24)
        assert names.index(name) < names.index(name.rpartition("/")[0])


def test_what_they_do_to_each_output():
    exposure = tc.secure(program, engine="replicated").surface(BIT, X, Y, N, M).exposure
    assert {s: {o: str(r) for o, r in found.items()} for s, found in exposure.items()} == {
        "select/xor1": {"reals": "bent"},
        "select/xor2": {"reals": "scaled(x, y)"},
        "select": {"reals": "shift"},
        "select#2/xor1": {"integers": "bent"},
        "select#2/xor2": {"integers": "scaled(m, n)"},
        "select#2": {"integers": "shift"},
        "arith/xor1": {"real": "bent"},
        "arith": {"real": "shift"},
        "arith#2/xor1": {"integer": "bent"},
        "arith#2": {"integer": "tied"},  # by even numbers only
    }


def test_of_the_first_product_an_effect_turns_with_the_sharing_of_the_bit():
    """So it is no multiple of x - y that the secrets decide, and its class must be the last."""
    secured = tc.secure(lambda b, x: jnp.where(b, x, 0.0), engine="replicated")
    found = []
    for key in range(8):
        shared = tc.share((BIT, X), "replicated", key=jax.random.key(key))
        moved = tc.reveal(secured(*shared, errors={"select/xor1": np.ones(24, int)})) - np.where(BIT, X, 0)
        found.append(moved)
    found = np.array(found)
    assert set(np.unique((found / X)[:, X != 0])) == {-2.0, 2.0}


def looped(x, rows, bits):
    """A selection whose result the next pass selects again."""
    return lax.scan(lambda c, r: (jnp.where(r[1], c * r[0], c), None), x, (rows, bits))[0]


def test_an_error_that_meets_that_of_an_earlier_pass_is_no_multiple_of_what_is_selected():
    rows, bits = np.ones((3, 2)), np.ones((3, 2), bool)
    surface = tc.secure(looped, engine="replicated").surface(np.ones(2), rows, bits)
    (name,) = (n for n in surface.find(kind="xor-product") if n.endswith("xor2"))
    # of all passes together; of the first alone later selections are passed on the way
    assert str(surface.exposure[name]["result"]) in ("bent", "scaled(bits, rows, x)")
    once = tc.secure(looped, engine="replicated").surface(np.ones(2), rows[:1], bits[:1])
    assert str(once.exposure[name]["result"]) == "scaled(rows, x)"


def test_in_the_loop_twice_the_error_is_not_twice_the_change():
    secured = tc.secure(looped, engine="replicated")
    args = np.array([1.0, 2.0]), np.full((3, 2), 0.5), np.ones((3, 2), bool)
    (name,) = (n for n in secured.surface(*args).find(kind="xor-product") if n.endswith("xor2"))
    honest, once, twice = (secured(*args, errors={name: np.full(2, e)}) for e in (0, 1, 2))
    # a pass turns c into c/2 + e c, since x - y = -c/2: (1/2 + e)^3 of it after three
    np.testing.assert_allclose([honest, once, twice], [np.array([1, 2]) * (0.5 + e) ** 3 for e in (0, 1, 2)])


def test_in_a_while_loop_it_is_bent():
    def f(x, b):
        return lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.where(b, c[1] + c[1], c[1])), (0, x)
        )[1]

    surface = tc.secure(f, engine="replicated").surface(X, BIT)
    (name,) = (n for n in surface.find(kind="xor-product") if n.endswith("xor2"))
    assert str(surface.exposure[name]["result"]) == "bent"


def test_a_product_of_a_conversion_cannot_be_observed_nor_moved_by_parts():
    secured = tc.secure(program, engine="replicated")
    args = BIT, X, Y, N, M
    with pytest.raises(tc.Refusal, match="lies inside a bit's conversion: observe 'select#2' itself"):
        secured(*args, observe=["select#2/xor1"])
    with pytest.raises(tc.Refusal, match="'select/xor2' is an integer: give integers to add"):
        secured(*args, errors={"select/xor2": np.full(24, 0.5)})
    for engine in ("reals", "ring"):
        with pytest.raises(tc.Refusal, match="no site 'select/xor2' here"):
            tc.secure(program, engine=engine)(*args, errors={"select/xor2": np.ones(24, int)})


def test_an_odd_number_at_a_converted_bit_is_refused_at_the_call():
    secured = tc.secure(program, engine="replicated:monitor=true")
    args = BIT, X, Y, N, M
    even = np.arange(24) * 2 - 20
    np.testing.assert_array_equal(secured(*args, errors={"arith#2": even})["integer"], BIT + even)
    odd = even + (np.arange(24) == 7)
    for call in (secured, tc.secure(program, engine="replicated")):
        with pytest.raises(tc.Refusal, match="no party can add an odd number at arith#2"):
            call(*args, errors={"arith#2": odd})
    with pytest.raises(tc.Refusal, match="outside of jit, vmap and training"):
        jax.jit(lambda e: secured(*args, errors={"arith#2": e}))(even)
    assert (
        tc.secure(program, engine="ring")(*args, errors={"arith#2": odd})["integer"].tolist()
        == (BIT + odd).tolist()
    )


def test_the_monitor_follows_the_errors_in_a_conversion():
    """A number that only an error makes too large is marked, whichever way the sharing turns it."""
    watched = tc.secure(lambda b, x: jnp.where(b, x, 0.0) * 1.0, engine="replicated:monitor=true")
    for site in ("select/xor1", "select/xor2"):
        for error, wraps in ((2**20, False), (2**30, True)):
            out = watched(np.ones(3, bool), np.full(3, 2.0**14), errors={site: np.full(3, error)})
            assert np.isnan(out).all() == wraps and np.isfinite(out).all() == (not wraps)


# ---- costs, and what stays as it is ------------------------------------------------------------------------


def test_each_product_has_its_own_line_in_the_bill():
    found = bill(tc.secure(program, engine="replicated"), BIT, X, Y, N, M)
    assert set(found.sites) == {*CONVERTING, "select", "select#2", "arith", "arith#2"}
    assert set(found.sites.values()) == {product(24)}
    assert found.critical == 3 and found.total == product(24).times(10)


def test_the_programs_own_sites_are_those_of_the_ring():
    model = models.mlp(4, 3, (5,))
    x = jnp.zeros((6, 4), jnp.float32)
    args = model.init(jax.random.key(0)), x, model.encode(np.arange(6) % 3)
    ring, shares = (
        tc.secure(model.step, protocol="crypten", engine=e).surface(*args) for e in ("ring", "replicated")
    )
    own = [s for s in shares if s.kind != "xor-product"]
    assert [s.describe() for s in own] == [s.describe() for s in ring]
    assert {s.name: shares.exposure[s.name] for s in own} == ring.exposure
    assert "relu0/grad_input/xor2" in shares.find(scales="w0", kind="xor-product")


# ---- an abort ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[True, False], [5, -7], [1.5, 2.0]], ids=["bits", "integers", "reals"])
@PARTY
def test_what_somebody_aborted_reveals_nothing(value, corrupt):
    """A party that tells its neighbour another share than it keeps."""
    engine = Replicated(copies=True)
    honest = tc.share(jnp.asarray(value), engine)
    lie = jnp.ones((), honest.wire.own.dtype)
    told = (corrupt - 1) % 3
    other = honest.wire.next[told] ^ lie if honest.dtype == bool else honest.wire.next[told] + lie
    x = Shared(replace(honest.wire, next=honest.wire.next.at[told].set(other)), honest.aval, engine)
    assert tc.reveal(honest).tolist() == value
    nothing = [np.nan] * 2 if honest.dtype == float else [0, 0]
    np.testing.assert_array_equal(tc.reveal(x), nothing)
    # nor later, when the parties that are still there agree with each other again
    late = Shared(replace(honest.wire, aborted=jnp.asarray([True, False, False])), honest.aval, engine)
    np.testing.assert_array_equal(tc.reveal(late), nothing)
