"""What a program sends on engine `replicated`, counted by hand."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import turncoat as tc
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.costs import Cost

X = jax.ShapeDtypeStruct((5,), jnp.float32)
LANES = 63 + 63 + 63 + 31 + 15 + 7 + 3 + 1  # full adders, first carries, six levels of a tree over 64 lanes

# What is sent for five entries: 8 bytes from each of three parties at a product, 24 opened and 24 compared.
PRODUCT = Cost(bytes=120, words=120, messages=3, rounds=1)
OPENING = Cost(bytes=120, words=120, messages=6, rounds=1, preprocessing=160, checks=120)
COMPARE = Cost(bytes=3 * LANES * 5 / 8, words=8 * 120, messages=24, rounds=8)
EQUAL = Cost(bytes=3 * 126 * 5 / 8, words=7 * 120, messages=21, rounds=7)
SELECT = PRODUCT.times(3)

CASES = {
    "product": (lambda x, y: x * y, PRODUCT + OPENING, 2),
    "whole factor": (lambda x, y: 2.0 * x - y, Cost(), 0),
    "factor": (lambda x, y: 0.3 * x, OPENING, 1),
    "comparison": (lambda x, y: x < y, COMPARE, 8),
    "equality": (lambda x, y: x == y, EQUAL, 7),
    "bit as a number": (lambda x, y: (x < y).astype(jnp.float32), COMPARE + PRODUCT.times(2), 10),
    "selection": (lambda x, y: jnp.where(x < y, x, y), COMPARE + SELECT, 11),
    "and": (
        lambda x, y: (x < y) & (x == y),
        COMPARE + EQUAL + Cost(bytes=15 / 8, words=120, messages=3, rounds=1),
        9,
    ),
    "side by side": (lambda x, y: x * y + x * x, (PRODUCT + OPENING).times(2), 2),
    "one after the other": (lambda x, y: x * y * x, (PRODUCT + OPENING).times(2), 4),
    "loop": (
        lambda x, y: lax.scan(lambda c, _: (c * x, None), y, length=3)[0],
        (PRODUCT + OPENING).times(3),
        6,
    ),
    "late value": (lambda x, y: jnp.where(x < y, x * y, y), COMPARE + SELECT + PRODUCT + OPENING, 11),
}


@pytest.mark.parametrize(("f", "cost", "critical"), CASES.values(), ids=CASES)
def test_costs_and_rounds(f, cost, critical):
    found = bill(tc.secure(f, engine="replicated"), X, X)
    assert (found.total, found.critical) == (cost, critical)


@pytest.mark.parametrize(
    ("truncation", "cost"),
    [
        ("spu-trunc1", Cost(bytes=40, words=40, messages=1, rounds=1)),
        ("spu-truncpr", Cost(bytes=320, words=320, messages=6, rounds=2)),
    ],
)
def test_other_truncations(truncation, cost):
    secured = tc.secure(lambda x: 0.3 * x, engine=f"replicated:truncation={truncation}")
    assert bill(secured, X).total == cost


def test_a_bill_is_by_site():
    def f(x):
        with jax.named_scope("first"):
            y = x @ x.T
        return jnp.where(y > 1.0, y, 0.0) * 0.1

    found = bill(tc.secure(f, engine="replicated"), jax.ShapeDtypeStruct((2, 3), jnp.float32))
    assert set(found.sites) == set(tc.secure(f, engine="replicated").surface(jnp.ones((2, 3))).sites)
    assert found.sites["first/dot"].bytes == 2 * 24 * 4  # a message per entry of the result
    assert found.elsewhere.bytes == 24 * 4


def test_engines_without_shares_have_no_bill():
    with pytest.raises(tc.Refusal, match="take 'replicated'"):
        bill(tc.secure(lambda x: x * x), X)


@pytest.mark.parametrize(
    ("truncation", "reached"),
    [("pair", "by nobody"), ("spu-trunc1", "by 1"), ("spu-truncpr", "by 0, 1, 2")],
)
def test_the_surface_says_who_reaches_truncations_and_what_is_sent(truncation, reached):
    secured = tc.secure(lambda x: 0.3 * x, engine=f"replicated:corrupt=2,truncation={truncation}")
    surface = secured.surface(X)
    assert surface.notes[0].startswith("party 2 of 0, 1, 2 is corrupt")
    assert f"truncations ({truncation}) {reached}" in surface.notes[0]
    assert [s.kind for s in surface] == (["truncation"] if truncation == "spu-truncpr" else [])
    assert surface.notes[1:] == tuple(bill(secured, X).lines()) and surface.notes[1] in str(surface)
