"""Integers digit by digit, on every engine: where both sides are secret, and where one is public."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.runs import ENGINES, engine
from core.black_box import BlackBox, at_most

SHIFTS = lax.shift_left, lax.shift_right_logical, lax.shift_right_arithmetic
X = [5, -3, 12, 0, 127, -128, 77]
Y = [3, 7, -9, 1, 5, 2, 100]
BY = [1, 2, 3, 0, 31, 4, -1]


def array(values, dtype):
    return jnp.asarray(np.asarray(values).astype(dtype))


def logic(x, y, by):
    six = jnp.full_like(x, 6)
    both = [(x, y), (x, six), (six, y)]
    return [[a & b, a | b, a ^ b] for a, b in both], ~x, lax.population_count(x), lax.clz(x)


def public_shifts(x, y, by):
    return [f(x, array(d, x.dtype)) for f in SHIFTS for d in (BY, [40] * len(BY))]


def secret_shifts(x, y, by):
    return [f(a, by) for f in SHIFTS for a in (x, jnp.full_like(x, 100))]


CASES = [
    (name, f, dtype)
    for name, f, dtype in itertools.product(
        ENGINES, (logic, public_shifts, secret_shifts), ("int32", "uint8")
    )
    if name in ("reals", "ring") or (dtype == "int32" and (f is logic or name == "additive"))
]


@pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")
@pytest.mark.parametrize(("name", "f", "dtype"), CASES)
def test_they_are_what_plain_integers_are(name, f, dtype):
    args = [array(v, dtype) for v in (X, Y, BY)]
    if name == "replicated":
        args = [a[:2] for a in args]
    got = tc.secure(f, engine=engine(name, every=False))(*args)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(jax.jit(f)(*args)), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_array_equal(g, w)


def test_what_is_public_costs_nothing():
    x, y = array(X, "int32"), array(Y, "int32")

    def sites(f):
        return [s.name for s in tc.secure(f, secret={"y": False}).surface(x, y)]

    assert sites(lambda x, y: [~x, x << 2, x << y, y & 3]) == []
    assert sites(lambda x, y: [x & y, x ^ y, x >> 1]) == ["and/bits"]
    assert [s.name for s in tc.secure(lambda x, y: x | y).surface(x, y)] == ["or/bits", "or/bits#2", "or/or"]


@pytest.mark.parametrize("f", [logic, secret_shifts])
def test_no_error_there_reaches_further_than_is_said(f):
    box = BlackBox(tc.secure(f), tuple(array(v[:2], "int32") for v in (X, Y, BY)), trials=2)
    assert box.sites
    for site in box.sites:
        said = box.surface.exposure[site]
        for output, measured in box.best(site).items():
            assert at_most(measured, said.get(output)), (site, output, str(measured))


@pytest.mark.parametrize("name", ["reals", "ring"])
def test_a_digit_is_flipped(name):
    x, y = array([12, 5], "int32"), array([10, 3], "int32")
    secured = tc.secure(lambda x, y: x & y, engine=engine(name, every=False))
    flip = np.zeros((2, 32), bool)
    flip[0, 1] = flip[1, 31] = True
    np.testing.assert_array_equal(secured(x, y, errors={"and/and": flip}), [10, 1 - 2**31])
