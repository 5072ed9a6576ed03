"""Errors inside an exponential's squarings, against the recursion written out in double precision."""

import functools

import numpy as np
import pytest

from turncoat import protocols
from turncoat.adversary.activations import add_at
from turncoat.adversary.reachable import probe
from turncoat.adversary.squarings import reached_inside, squarings
from turncoat.core.errors import Errors


@functools.cache
def probed():
    return probe("exponential", protocols.get("crypten"))


def squared(x, errors):
    """(1 + x / 256)^256 by eight squarings; `errors` maps the number of one to what is added to it."""
    y = 1 + x / 256
    for k in range(1, 9):
        y = y * y + errors.get(k, 0.0)
    return y


@pytest.mark.parametrize(
    "errors",
    [{}, {8: 2.0}, {7: 2.0}, {1: 0.01}, {1: -1.0}, {3: -0.2, 6: 0.5, 8: -1.0}],
    ids=str,
)
def test_the_circuit_is_the_recursion(errors):
    p = probed()
    a, b = (np.asarray(s, np.float64) for s in p.secrets)
    parts = Errors()
    for k, e in errors.items():
        parts = parts.combine(add_at(p.act.surface, squarings(p.act)[k - 1], e))
    np.testing.assert_allclose(p.run(parts), squared(a * b, errors), rtol=1e-4, atol=1e-5)


def test_what_is_reached():
    """Early errors of -1 force 0 for every secret, later ones do not; powers come out of the others."""
    found = {f.ways: f for f in reached_inside(probed())}
    words = {ways: None if f.expression is None else f.words for ways, f in found.items()}
    assert words == {
        **{f"-1 at squaring {k}": "0" for k in (1, 2, 3, 4)},
        **{f"-1 at squaring {k}": None for k in (5, 6, 7)},
        "-1 at squaring 1, +δ at squaring 8": "δ",
        "+δ at squaring 7, -δ² at squaring 8": "f(x) + 2 δ f(x/2)",
        **{f"+δ/{2**m} at squaring {8 - m}": f"(f(x/{2**m}) + δ/{2**m})^{2**m}" for m in range(1, 8)},
    }


def test_a_circuit_without_squarings_has_none():
    p = probe("exponential", protocols.get("mp-spdz-paper"))
    assert squarings(p.act) == () and reached_inside(p) == []
