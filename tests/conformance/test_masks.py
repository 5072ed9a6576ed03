"""Attention with masks: on each engine, under each protocol, with the numbers that people mask with."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from core.black_box import BlackBox, at_most

# masks and indices may be constants of the program
pytestmark = pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")

SIZE = 3
Q, K, V = jax.random.normal(jax.random.key(0), (3, SIZE, 4))
MASK = jnp.tril(jnp.ones((SIZE, SIZE), bool))
LOWEST = float(jnp.finfo(jnp.float32).min)
CAPTURED = np.where(np.tril(np.ones((SIZE, SIZE))) > 0, 0, -1e9).astype(np.float32)


def selected(scores, mask, low):
    return jnp.where(mask, scores, low)


def added(scores, mask, low):
    return scores + jnp.where(mask, 0.0, low)


def scaled(scores, mask, low):
    return scores + (1.0 - mask.astype(scores.dtype)) * low


def captured(scores, mask, low):
    return scores + CAPTURED


def softmax_of_the_library(x, axis):
    assert axis == -1
    return tc.functions.softmax(x)


def attention(q, k, v, mask, low, masked=selected, softmax=jax.nn.softmax):
    return softmax(masked(q @ k.T / 2, mask, low), -1) @ v


def secured(protocol, engine, f):
    return tc.secure(f, protocol=protocol, engine=engine, secret={"mask": False})


def off(protocol, engine, low, **how):
    """How far a masked attention is from the plain one with -inf; the mask is public."""

    def f(q, k, v, mask):
        return attention(q, k, v, mask, low, **how)

    got = secured(protocol, engine, f)(Q, K, V, MASK)
    return float(jnp.max(jnp.abs(got - attention(Q, K, V, MASK, -jnp.inf))))


@pytest.mark.parametrize("low", [-100.0, -1e4, LOWEST, -jnp.inf])
@pytest.mark.parametrize("masked", [selected, added])
@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_exact_takes_any_mask(engine, masked, low):
    assert off("exact", engine, low, masked=masked) < 1e-5


ALL = "crypten", "spu", "secureml", "mp-spdz", "tf-encrypted"
TAKEN = [
    *(("reals", p, -1e4, selected, jax.nn.softmax) for p in ALL),
    *(("ring", p, -jnp.inf, selected, jax.nn.softmax) for p in ("crypten", "mp-spdz")),
    *(("reals", p, -jnp.inf, added, softmax_of_the_library) for p in ("crypten", "spu")),
    *(("ring", p, LOWEST, added, softmax_of_the_library) for p in ("spu", "tf-encrypted")),
    ("reals", "crypten", -jnp.inf, added, jax.nn.softmax),
    ("reals", "spu", -1e4, scaled, jax.nn.softmax),
    ("reals", "spu", -1e4, captured, jax.nn.softmax),
    ("reals", "crypten", -400.0, selected, jax.nn.softmax),
    ("ring", "spu", -100.0, selected, softmax_of_the_library),
    ("replicated", "crypten", -jnp.inf, selected, jax.nn.softmax),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "protocol", "low", "masked", "softmax"), TAKEN)
def test_every_protocol_takes_any_mask(engine, protocol, low, masked, softmax):
    assert off(protocol, engine, low, masked=masked, softmax=softmax) < 3e-3


def sites(protocol, low):
    def f(scores, mask):
        return jnp.exp(selected(scores, mask, low))

    surface = secured(protocol, "reals", f).surface(Q[:, :SIZE], MASK)
    return [s.name for s in surface if "mask" in s.name]


@pytest.mark.parametrize(
    ("protocol", "low", "clamped"),
    [
        ("exact", -jnp.inf, False),
        ("crypten", -511.0, False),
        ("crypten", -513.0, True),
        ("mp-spdz", -513.0, True),
        ("mp-spdz-paper", -513.0, False),
    ],
)
def test_an_exponential_is_clamped_where_a_mask_is_below_its_domain(protocol, low, clamped):
    assert sites(protocol, low) == (["exp/mask/compare", "exp/mask/select"] if clamped else [])


X, SOME = jnp.asarray([3.0, -2.0, 1.0]), jnp.asarray([False, True, True])


@pytest.mark.parametrize(
    ("engine", "low"),
    [*product(["reals", "ring"], [-1e30, LOWEST, -jnp.inf]), ("replicated", -jnp.inf)],
)
def test_a_constant_beyond_the_range_is_the_largest_number(engine, low):
    def f(x, mask):
        kept = jnp.where(mask, x, low)
        filled = x.at[jnp.asarray([1, 3])].get(mode="fill", fill_value=low)
        sums = x + jnp.where(mask, 0.0, low)
        chosen = jnp.where(x > 0, x, low), jnp.where(x > 0, -low, low)
        return (
            kept,
            sums,
            jnp.pad(x, 1, constant_values=low),
            filled,
            *chosen,
            jnp.maximum(x, jnp.asarray([low, 0, 9])),
        )

    got = secured("exact", engine, f)(X, SOME)
    end = np.float32(-(2.0**44))
    want = [
        [end, -2, 1], [end, -2, 1], [end, 3, -2, 1, end], [-2, end], [3, end, 1], [-end, end, -end], [3, 0, 9],
    ]  # fmt: skip
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, np.float32(w))


@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_an_infinity_takes_no_part_in_a_maximum(engine):
    def f(x, mask):
        kept = jnp.max(x, initial=-jnp.inf), jnp.min(x, initial=jnp.inf), jnp.clip(x, -jnp.inf, jnp.inf)
        return *kept, jnp.max(x, where=mask, initial=-jnp.inf), jnp.min(x, where=mask, initial=jnp.inf)

    s = secured("exact", engine, f)
    for got, want in zip(s(X, SOME), f(X, SOME), strict=True):
        np.testing.assert_array_equal(got, want)
    alone = tc.secure(lambda x: jnp.maximum(jnp.minimum(x, jnp.inf), -jnp.inf), engine=engine)
    assert list(alone.surface(X)) == []


def test_a_constant_that_is_no_number_is_refused():
    with pytest.raises(tc.Refusal, match=r"constant nan meets a secret, at .*; secret because of x"):
        tc.secure(lambda x: x + jnp.nan)(X)


@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_a_case_that_is_no_number_counts_as_zero(engine):
    def f(x):
        chosen = jnp.where(x > 0, x, jnp.nan), jnp.where(x > 0, jnp.nan, 1.0)
        return *chosen, jnp.where(x > 0, x, jnp.arange(3.0) / jnp.arange(3.0))

    for got, want in zip(tc.secure(f, engine=engine)(X), f(X), strict=True):
        np.testing.assert_array_equal(got, jnp.nan_to_num(want))


class Loud(BlackBox):
    """Errors of a size that the rounding of numbers near 2^44 does not swallow."""

    def _delta(self, site, error):
        return super()._delta(site, error if error.dtype == bool else error * 2.0**32)


def masked_products(x, y):
    """An error there reaches numbers that stand for infinity."""
    low = jnp.where(x > 0, x, -jnp.inf)
    return low * y, jnp.pad(x * y, 1, constant_values=-jnp.inf), jnp.maximum(low, y * y)


@pytest.mark.parametrize("protocol", ["exact", "crypten"])
def test_no_error_vanishes_in_an_infinity(protocol):
    box = Loud(tc.secure(masked_products, protocol=protocol), (X, X + 1))
    assert {str(r) for r in box.surface.exposure["mul"].values()} == {"shift"}
    for site in box.surface:
        for output, measured in box.measure(site.name).items():
            said = box.surface.exposure[site.name].get(output)
            assert at_most(measured, said), (site.name, output, str(measured), str(said))


def test_no_error_in_a_masked_exponential_reaches_further_than_is_said():
    box = BlackBox(tc.secure(lambda x: jnp.exp(jnp.where(x > 0, x, -1e4)), protocol="crypten"), (X,))
    assert "exp/mask/select" in box.surface.sites
    for site in box.surface:
        for output, measured in box.measure(site.name).items():
            assert at_most(measured, box.surface.exposure[site.name].get(output)), (site.name, str(measured))


@pytest.mark.parametrize("engine", ["reals", "ring"])
def test_a_nan_that_lies_among_secrets_is_not_picked(engine):
    """The scores of a search of which some cases were never run: the best of the others."""

    def best(x):
        none = jnp.nanmean(jnp.zeros(0))
        scores = jnp.array([jnp.mean(x), none, jnp.max(x), none])
        return scores[jnp.nanargmax(scores)]

    x = jnp.asarray([0.25, 0.5, 0.75], jnp.float32)
    np.testing.assert_allclose(tc.secure(best, protocol="exact", engine=engine)(x), 0.75, atol=1e-4)
