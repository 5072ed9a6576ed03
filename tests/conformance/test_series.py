"""Functions by series, under every protocol, against SciPy: as far off as what they are built from makes them."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special as sp
from jax import lax

import turncoat as tc
from core.black_box import BlackBox, at_most

ANGLES = [-7.5, -3.0, -1.0, -0.3, 0.2, 0.9, 2.0, 4.0, 9.0]
INSIDE = [-0.95, -0.5, -0.1, 0.1, 0.3, 0.8, 0.97]
ABOVE_ONE = [1.1, 1.5, 3.0, 8.0]
BOTH = ([1.0, -0.5, 0.3, -2.0, 0.01, -0.9, 3.0, 4.0, -0.1], ANGLES)  # every octant
GAMMA = [-1.3, -0.4, 0.1, 0.4, 0.7, 1.0, 1.7, 4.0, 20.0]


@dataclass(frozen=True, eq=False)
class Row:
    """A function, SciPy's, its arguments; and how far it may be off, by protocol."""

    f: Callable
    true: Callable
    args: tuple
    off: float = 2e-4
    crypten: float = 2e-2
    tf_encrypted: float | None = 2e-4  # None: its polynomial for the logarithm is no use there


ROWS = {
    "sin": Row(lax.sin, np.sin, (ANGLES,), crypten=5e-2),
    "cos": Row(lax.cos, np.cos, (ANGLES,), crypten=5e-2),
    "tan": Row(lax.tan, np.tan, (ANGLES,), off=4e-4, tf_encrypted=4e-4),
    "atan": Row(lax.atan, np.arctan, (ANGLES,)),
    "atan2": Row(lax.atan2, np.arctan2, BOTH),
    "asin": Row(lax.asin, np.arcsin, (INSIDE,)),
    "acos": Row(lax.acos, np.arccos, (INSIDE,)),
    "asinh": Row(lax.asinh, np.arcsinh, (ANGLES,), tf_encrypted=None),
    "acosh": Row(lax.acosh, np.arccosh, (ABOVE_ONE,), tf_encrypted=None),
    "atanh": Row(lax.atanh, np.arctanh, (INSIDE,), tf_encrypted=None),
    "cbrt": Row(lax.cbrt, np.cbrt, (ANGLES,), off=3e-3, tf_encrypted=None),
    "erf_inv": Row(lax.erf_inv, sp.erfinv, (INSIDE,), tf_encrypted=5e-2),
    "lgamma": Row(lax.lgamma, sp.gammaln, (GAMMA,), off=2e-3, crypten=0.5, tf_encrypted=None),
    "digamma": Row(lax.digamma, sp.digamma, (GAMMA,), off=2e-3, crypten=8e-2, tf_encrypted=None),
    "a public coordinate": Row(lambda y: lax.atan2(y, -2 * jnp.ones_like(y)), lambda y: np.arctan2(y, -2), (ANGLES,)),
}  # fmt: skip


def allowed(row, protocol):
    return {
        "exact": 2e-4,
        "crypten": row.crypten,
        "secureml": row.crypten,
        "tf-encrypted": row.tf_encrypted,
    }.get(protocol, row.off)


def all_of(args):
    return {n: row.f(*args[n]) for n, row in ROWS.items() if n in args}


ON_RING = {"exact": list(ROWS), "spu": ["sin", "atan2", "erf_inv", "digamma"], "mp-spdz": ["tan", "atan"]}
"""What is run there, since compiling it takes seconds."""


@pytest.mark.parametrize(
    ("engine", "protocol"),
    [
        *(("reals", p) for p in ("exact", "crypten", "spu", "mp-spdz", "tf-encrypted")),
        *(("ring", p) for p in ON_RING),
    ],
)
def test_each_function_is_what_scipy_says(engine, protocol):
    names = ROWS if engine == "reals" else ON_RING[protocol]
    rows = {n: ROWS[n] for n in names if allowed(ROWS[n], protocol) is not None}
    args = {n: tuple(map(jnp.asarray, row.args)) for n, row in rows.items()}
    got = tc.secure(all_of, protocol=protocol, engine=engine)(args)
    for n, row in rows.items():
        want = row.true(*map(np.asarray, row.args))
        np.testing.assert_allclose(got[n], want, rtol=0, atol=allowed(row, protocol), err_msg=n)


@pytest.mark.parametrize(("protocol", "what"), [("spu", "atan2"), ("mp-spdz", "sin"), ("crypten", "cos")])
def test_on_shares(protocol, what):
    row = ROWS[what]
    args = tuple(jnp.asarray(a[:3]) for a in row.args)
    got = tc.secure(row.f, protocol=protocol, engine="replicated")(*args)
    np.testing.assert_allclose(got, row.true(*map(np.asarray, args)), rtol=0, atol=allowed(row, protocol))


def test_frameworks_have_sines_of_their_own():
    def names(protocol):
        return {s.name.split("/")[1] for s in tc.secure(lax.sin, protocol=protocol).surface(jnp.ones(2))}

    assert "squared" in names("crypten") and names("crypten") == names("secureml")
    assert "reduced" in names("mp-spdz")
    assert names("spu") == names("tf-encrypted") == {"floor", "mul", "mul#2", "mul#3", "mul#4", "mul#5"}
    assert [s.name for s in tc.secure(lax.sin).surface(jnp.ones(2))] == ["sin"]


@pytest.mark.parametrize(
    ("protocol", "what"),
    [("spu", "sin"), ("crypten", "cos"), ("mp-spdz", "tan"), ("mp-spdz", "atan"), ("tf-encrypted", "atan2")],
)
def test_no_error_there_reaches_further_than_is_said(protocol, what):
    row = ROWS[what]
    box = BlackBox(tc.secure(row.f, protocol=protocol), tuple(jnp.asarray(a[:2]) for a in row.args))
    assert box.sites
    for site in box.sites:
        for output, measured in box.measure(site).items():
            assert at_most(measured, box.surface.exposure[site].get(output)), (site, str(measured))


def test_gradients_are_those_of_the_true_functions():
    def slopes(f):
        return lambda x: jax.grad(lambda x: jnp.sum(f(x)))(x)

    x = jnp.asarray(INSIDE)
    for f, slope in ((lax.sin, np.cos), (lax.atan, lambda x: 1 / (1 + x * x)), (lax.lgamma, sp.digamma)):
        np.testing.assert_allclose(tc.secure(slopes(f), protocol="spu")(x), slope(np.asarray(x)), atol=4e-3)
