"""Every bilinear map of numbers of mixed dtypes: floats, integers and bits in every pair, either side public."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import turncoat as tc
from conformance.runs import ENGINES, engine, error

OPERANDS = {
    "float": (jnp.asarray([1.5, 2.0]), jnp.asarray([0.25, -1.0])),
    "int": (jnp.asarray([3, -4]), jnp.asarray([5, 7])),
    "bool": (jnp.asarray([True, True]), jnp.asarray([False, True])),
}
PAIRS = tuple(product(OPERANDS, OPERANDS))
RESULTS = {"float": jnp.float32, "int": jnp.int32, "bool": jnp.bool_}
DOT = (((0,), (0,)), ((), ()))


def maps(xs, ys):
    """Dot products of every pair of dtypes, and what mixes by conversion or in its result."""
    dots = {}
    for x, y in PAIRS:
        result = next(RESULTS[kind] for kind in RESULTS if kind in (x, y))
        dots[f"{x} {y}"] = lax.dot_general(xs[x], ys[y], DOT, preferred_element_type=result)
    row, column = xs["int"].reshape(1, 1, 2), ys["int"].reshape(1, 1, 2)
    return dots | {
        "integers as a float": lax.dot_general(xs["int"], ys["int"], DOT, preferred_element_type=jnp.float32),
        "bits as a float": lax.dot_general(xs["bool"], ys["bool"], DOT, preferred_element_type=jnp.float32),
        "convolution": lax.conv_general_dilated(
            row, column, (1,), "VALID", preferred_element_type=jnp.float32
        ),
        "product of a float and an integer": xs["float"] * ys["int"].astype(jnp.float32),
        "product of a float and a bit": xs["float"] * ys["bool"].astype(jnp.float32),
        "outer": lax.dot_general(xs["float"], ys["int"], (((), ()), ((), ())), preferred_element_type=float),
    }


XS, YS = ({kind: pair[side] for kind, pair in OPERANDS.items()} for side in (0, 1))
PLAIN = maps(XS, YS)
PRODUCTS = {"product of a float and an integer", "product of a float and a bit"}
ALONE = {"float float", "bool bool", *PRODUCTS}
"""What an error shifts if one side is public: truncations of two fixed-point numbers, and a comparison."""


@pytest.mark.parametrize("secret", [None, (True, False), (False, True)], ids=["both", "x", "y"])
@pytest.mark.parametrize("name", ENGINES)
def test_mixed_dtypes_in_every_bilinear_map(name, secret):
    secured = tc.secure(maps, engine=engine(name), secret=secret)
    surface = secured.surface(XS, YS)
    reached = {s.name: surface.exposure[s.name] for s in surface}
    shifted = {
        site: next(iter(outputs))
        for site, outputs in reached.items()
        if [r.kind for r in outputs.values()] == ["shift"]
    }
    assert set(shifted.values()) == (set(PLAIN) if secret is None else ALONE)
    errors = {site: error_of(surface[site]) for site in shifted}
    honest = secured(XS, YS, errors=jax.tree.map(np.zeros_like, errors))  # compiled once for both
    for key, plain in PLAIN.items():
        assert honest[key].dtype == plain.dtype
        np.testing.assert_array_equal(honest[key], plain, key)
    tampered = secured(XS, YS, errors=errors)
    for site, key in shifted.items():
        land = np.logical_xor if surface[site].is_bit else np.add
        np.testing.assert_array_equal(tampered[key], land(PLAIN[key], errors[site]), f"{site}: {key}")


def error_of(site):
    """An error of the suite, as a multiple of one where the site is an integer's."""
    return (error(site) * 1024).astype(site.dtype) if site.dtype == np.int32 else error(site)


@pytest.mark.parametrize("name", ["ring", "replicated"])
def test_an_integer_factor_costs_no_truncation(name):
    def f(x, n, c):
        return jnp.dot(x, n), jnp.dot(x, c), jnp.dot(n, c)

    secured = tc.secure(f, engine=engine(name), secret={"c": False})
    x, n = jnp.asarray([1.5, 2.0]), jnp.asarray([3, 4])
    with jax.numpy_dtype_promotion("standard"):
        sites = secured.surface(x, n, n)
        np.testing.assert_array_equal(secured(x, n, n), [12.5, 12.5, 25])
    assert [(s.name, s.kind) for s in sites] == [("dot", "product")]
