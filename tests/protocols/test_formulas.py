"""Every function of these protocols against its framework's formula: honest, with errors, in fixed point."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.circuits import FUNCTIONS
from scipy import special

import turncoat as tc
from conformance.fractions_engine import Fractions
from protocols.cases import CASES, INPUTS, ORACLES, each_case, of, spread
from protocols.tampered import oracle


@each_case(CASES)
def test_a_function_is_its_formula_and_has_its_sites(protocol, function):
    mine = of(protocol, function)
    expected, met = oracle(ORACLES[protocol], function, mine.x)
    np.testing.assert_allclose(mine(), expected, rtol=1e-9, atol=1e-12)
    assert sorted(met) == sorted((n, s.is_bit) for n, s in mine.sites.items())
    assert {s.kind for s in mine.sites.values()} <= {"product", "bit"}


@each_case(CASES)
def test_an_error_at_any_site_does_what_the_formula_says(protocol, function):
    mine = of(protocol, function)
    mine.check_errors_one_by_one(lambda errors: oracle(ORACLES[protocol], function, mine.x, errors)[0])


TRUE = {
    "exp": np.exp, "reciprocal": lambda x: 1 / x, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "tanh": np.tanh, "erf": special.erf, "sigmoid": special.expit,
}  # fmt: skip
# measured on the points of `spread`: the largest absolute and the largest relative error; None: unbounded
ACCURACY = {
    ("mp-spdz", "exp"): (None, 1.1e-5),
    ("mp-spdz", "reciprocal"): (1e-11, 1e-14),
    ("mp-spdz", "log"): (4e-9, None),
    ("mp-spdz", "log1p"): (4e-9, None),
    ("mp-spdz", "sqrt"): (1e-9, 1e-10),
    ("mp-spdz", "rsqrt"): (None, 4e-3),
    ("mp-spdz", "tanh"): (2.5e-4, None),
    ("mp-spdz", "erf"): (4e-4, None),
    ("mp-spdz", "sigmoid"): (7e-5, None),
    ("mp-spdz-approx", "sigmoid"): (0.378, None),
    ("mp-spdz-approx5", "sigmoid"): (0.08, None),
    ("mp-spdz-paper", "exp"): (0.18, None),
    ("spu", "reciprocal"): (None, 6e-5),
    ("spu", "log"): (6e-8, None),
    ("spu", "log1p"): (6e-8, None),
    ("spu", "sqrt"): (None, 2e-8),
    ("spu", "rsqrt"): (None, 9e-5),
    ("spu", "tanh"): (5e-3, None),
    ("spu", "erf"): (6e-4, None),
    ("spu", "sigmoid"): (1e-3, None),
    ("spu-seg3", "sigmoid"): (0.14, None),
}


@each_case(ACCURACY)
def test_a_formula_is_near_its_function_all_over_its_domain(protocol, function):
    x = spread(*tc.protocols.get(protocol).domains[function])
    got, _ = oracle(ORACLES[protocol], function, x)
    true = TRUE[function](x)
    off = np.abs(got - true)
    absolute, relative = ACCURACY[protocol, function]
    assert absolute is None or np.max(off) < absolute < 3 * np.max(off) + 1e-9
    assert relative is None or np.max(off / np.abs(true)) < relative


FAMILIES = [(family, function) for family, inputs in INPUTS.items() for function in inputs]
RELATIVE = {"mp-spdz": 2e-4, "spu": 1e-3}


@each_case(FAMILIES)
def test_fixed_point_computes_the_same(protocol, function):
    x = np.array([[0.3, 1.5, 2.9]])
    step = tc.secure(FUNCTIONS[function].f, protocol=protocol, engine=Fractions(18))
    expected, _ = oracle(ORACLES[protocol], function, x)
    got = step(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(got, expected, rtol=RELATIVE[protocol], atol=2e-4)


@pytest.mark.parametrize(("protocol", "near"), [("mp-spdz", 2e-5), ("spu", 1e-3)])
def test_single_precision_is_near(protocol, near):
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    got = tc.secure(jax.nn.sigmoid, protocol=protocol)(jnp.asarray(x))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, special.expit(x.astype(float)), atol=near)


@pytest.mark.parametrize("protocol", INPUTS)
def test_a_program_of_jax_alone(protocol):
    """Primitive by primitive, as users write them: GELU, softplus, log_softmax."""

    def scores(w, x):
        h = x @ w
        return jax.nn.log_softmax(jax.nn.gelu(h, approximate=False) + jax.nn.softplus(h))

    w, x = jnp.array([[0.5, -0.3], [0.2, 0.7]]), jnp.array([[0.4, 1.0]])
    with jax.numpy_dtype_promotion("standard"):
        got = tc.secure(scores, protocol=protocol, engine=Fractions(40))(w, x)
        np.testing.assert_allclose(got, scores(w, x), atol=5e-3)
