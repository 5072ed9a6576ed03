"""Protocol `spu` and its variant against SPU's formulas, honest and with an error at every site.

The oracles of `spu_oracles.py` are written from SPU's sources. Where its approximations stop to hold is
pinned, and what flips do to its sigmoid.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import turncoat as tc
from conformance.additive_engine import Additive
from conformance.fractions_engine import Fractions
from protocols.spu_oracles import ORACLES, division, honest_tanh
from protocols.tampered import Circuit, circuit, oracle, run
from turncoat.circuits import FUNCTIONS
from turncoat.monitor import monitor
from turncoat.protocols import spu, spu_seg3

INPUTS = {
    "exp": (-300.0, -7.3, -0.8, 0.4, 1.7, 9.6),
    "reciprocal": (-3.1, 1e-6, 0.07, 0.9, 41.3, 262143.0, 262145.0),
    "log": (0.00001, 0.11, 1.0, 2.7, 5000.0),
    "sqrt": (0.0, 0.0007, 0.6, 3.3, 9000.1),
    "rsqrt": (0.0007, 0.6, 0.5, 3.3, 9000.1),
    "tanh": (-5.5, -1.9, -0.4, 0.3, 2.2, 7.0),
    "erf": (-3.5, -2.9, -0.3, 0.2, 1.5, 3.1),
    "sigmoid": (-20.0, -6.1, -2.0, 0.0, 3.2, 9.9),
    "softmax": ((0.5, -1.25, 2.0), (-25.0, 3.0, 0.0)),
}
CASES = [*(("spu", f) for f in INPUTS), ("spu-seg3", "sigmoid")]


def of(protocol, function):
    return circuit(protocol, function, INPUTS[function])


def each_case(cases=CASES):
    return pytest.mark.parametrize(("protocol", "function"), cases, ids=lambda v: v)


# ---- formulas -----------------------------------------------------------------------------------------------


@each_case()
def test_a_function_is_its_formula_and_has_its_sites(protocol, function):
    mine = of(protocol, function)
    expected, met = oracle(ORACLES[protocol], function, mine.x)
    np.testing.assert_allclose(mine(), expected, rtol=1e-9, atol=1e-12)
    assert sorted(met) == sorted((n, s.is_bit) for n, s in mine.sites.items())
    assert {s.kind for s in mine.sites.values()} <= {"product", "bit"}


@each_case()
def test_an_error_at_any_site_does_what_the_formula_says(protocol, function):
    mine = of(protocol, function)
    mine.check_errors_one_by_one(lambda errors: oracle(ORACLES[protocol], function, mine.x, errors)[0])


def test_the_series_of_tanh_is_one_in_chebyshev_polynomials():
    np.testing.assert_allclose(of("spu", "tanh")(), honest_tanh(np.array(INPUTS["tanh"])), rtol=1e-9)


def test_a_division_multiplies_by_the_dividend_before_the_factor():
    x = np.array([0.7, -2.0, 3.0])
    mine = Circuit("spu", lambda x: x / (x - 5), x)
    got, met = oracle({"div": lambda x, at: division(x, x - 5, at)}, "div", x)
    np.testing.assert_allclose(mine(), got, rtol=1e-9)
    np.testing.assert_allclose(got, x / (x - 5), rtol=1e-4)
    assert sorted(n for n, _ in met) == sorted(mine.sites) and "div/dividend" in mine.sites


# ---- accuracy -----------------------------------------------------------------------------------------------

TRUE = {
    "exp": np.exp, "reciprocal": lambda x: 1 / x, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "tanh": np.tanh, "erf": special.erf, "sigmoid": special.expit,
}  # fmt: skip
# (protocol, function): (largest absolute, largest relative error), None: unbounded
ACCURACY = {
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


def spread(low, high):
    """Points of an interval, by ratio where it is positive, and of its middle."""
    if low > 0:
        return np.geomspace(low, high, 4001)[1:-1]
    return np.concatenate(
        [np.linspace(low, high, 2001)[1:-1], np.linspace(max(low, -12), min(high, 12), 4001)[1:-1]]
    )


@each_case(ACCURACY)
def test_a_formula_is_near_its_function_all_over_its_domain(protocol, function):
    x = spread(*tc.protocols.get(protocol).domains[function])
    got, _ = oracle(ORACLES[protocol], function, x)
    true = TRUE[function](x)
    off = np.abs(got - true)
    absolute, relative = ACCURACY[protocol, function]
    assert absolute is None or np.max(off) < absolute < 3 * np.max(off)
    assert relative is None or np.max(off / np.abs(true)) < relative < 3 * np.max(off / np.abs(true))


def test_the_limit_is_an_exponential_near_zero_only():
    """(1 + x/256)^256 is exp(x - x^2/512 + ...): half of it at the end of its domain."""
    for x, relative in ((1.0, 2e-3), (5.0, 0.05), (18.7, 0.5)):
        (y,), _ = oracle(ORACLES["spu"], "exp", [x])
        assert relative / 3 < 1 - y / math.exp(x) < relative
    negative = spread(-500, 0)
    got, _ = oracle(ORACLES["spu"], "exp", negative)
    assert np.max(np.abs(got - np.exp(negative))) < 2e-3


def test_the_softmax_over_its_domain():
    x = np.random.default_rng(0).uniform(-30, 30, (500, 3))
    got, _ = oracle(ORACLES["spu"], "softmax", x)
    np.testing.assert_allclose(got, special.softmax(x, -1), atol=2e-3)


def test_domains_are_intervals_of_functions():
    assert set(spu.domains) == set(spu_seg3.domains) == {*INPUTS, "log1p"} - {"softmax"}
    assert all(low < high for low, high in (*spu.domains.values(), *spu_seg3.domains.values()))
    assert spu.domains["exp"] == (-512, math.log(2.0**27))


def test_single_precision_is_near():
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    got = tc.secure(jax.nn.sigmoid, protocol="spu")(jnp.asarray(x))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, special.expit(x.astype(float)), atol=1e-3)


# ---- numbers of the analysis --------------------------------------------------------------------------------


def test_beyond_its_digits_a_reciprocal_is_zero():
    x = np.array([2.0**17, 2.0**18 - 1, 2.0**18, 1e7, 2.0**-18, 2.0**-19, 0.0])
    got = Circuit("spu", lambda x: 1 / x, x)()
    np.testing.assert_allclose(got, [2.0**-17, 2.0**-18, 0, 0, 2.0**18, 0, 0], rtol=1e-4)


def test_a_large_negative_argument_gives_a_sigmoid_of_zero():
    assert np.all(run(jax.nn.sigmoid, [-13.0, -18.0], protocol="spu") == 0)


FLIPS = {  # value at -6, 0, 6: the cuts stand at +-4
    (): (0, 0.5, 1),
    ("below",): (-0.25, 0, 0),
    ("above",): (0, 1, 1.25),
    ("below", "above"): (1, 0, 0),
}


@pytest.mark.parametrize("flipped", FLIPS)
def test_flips_of_the_three_segment_sigmoid(flipped):
    at = Circuit("spu-seg3", tc.functions.sigmoid, [-6.0, 0.0, 6.0])
    errors = {f"sigmoid/{name}/compare": np.ones(3, bool) for name in flipped}
    np.testing.assert_array_equal(at(errors), FLIPS[flipped])


def test_a_flipped_sign_in_the_sigmoid():
    """1 + exp(-x) is positive: flipped, its negative stands for |divisor|, whose highest digit is the sign's."""
    at = of("spu", "sigmoid")
    flipped = at({"sigmoid/recip/sign": np.ones(len(at.x), bool)})
    np.testing.assert_array_equal(flipped, 0)


def test_errors_at_the_last_steps_are_added():
    at, v = of("spu", "softmax"), np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(at({"softmax/product": v}), at() + v, rtol=1e-12)
    at = of("spu", "sigmoid")
    shift = {"sigmoid/recip/select": np.full(len(at.x), 2.5)}
    np.testing.assert_allclose(at(shift), at() + 2.5, rtol=1e-12)


# ---- names --------------------------------------------------------------------------------------------------

EXP = [f"square{i}" for i in range(1, 9)]
NORM = ["norm/bits", *(f"norm/or{i}" for i in range(1, 7)), "norm/product"]
POSITIVE = [*NORM, "error0", "result1", "error1", "result2", "factor"]
SIGNED = ["sign", "abs", *POSITIVE, "select"]


def under(scope, inner):
    return [f"{scope}/{n}" for n in inner]


NAMES = {
    ("spu", "exp"): EXP,
    ("spu", "reciprocal"): SIGNED,
    ("spu", "log"): [*NORM, *(f"power{i}" for i in range(2, 9))],
    ("spu", "sigmoid"): [*under("exp", EXP), *under("recip", SIGNED)],
    ("spu", "softmax"): [
        *(f"max/{n}{i}" for i in (1, 2) for n in ("compare", "select")),
        *under("exp", EXP), *under("recip", SIGNED), "product",
    ],
    ("spu-seg3", "sigmoid"): ["below/compare", "above/compare", "above/select", "below/select"],
}  # fmt: skip


@each_case(NAMES)
def test_names_of_the_sites(protocol, function):
    scope = {"reciprocal": "pow/recip"}.get(function, function)
    assert list(of(protocol, function).sites) == under(scope, NAMES[protocol, function])


def test_shapes_of_the_sites():
    sites = of("spu", "softmax").sites
    assert sites["softmax/recip/norm/bits"].shape == sites["softmax/recip/norm/or6"].shape == (2, 1, 64)
    assert sites["softmax/recip/select"].shape == (2, 1)
    assert sites["softmax/product"].shape == (2, 3)


# ---- other engines, other programs --------------------------------------------------------------------------


@pytest.mark.parametrize("function", INPUTS)
def test_fixed_point_computes_the_same(function):
    x = np.array([[0.3, 1.5, 2.9]])
    got = tc.secure(FUNCTIONS[function].f, protocol="spu", engine=Fractions(18))(jnp.asarray(x, jnp.float32))
    expected, _ = oracle(ORACLES["spu"], function, x)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4)


def test_shares_compute_the_same_and_their_digits_are_flipped():
    x = jnp.array([[0.3, -1.5, 2.9]], jnp.float32)
    digits = np.zeros((1, 3, 64), bool)
    digits[..., 17] = True  # 1/2 is not the highest digit of a number from 1 to 5.5: nothing changes ...
    digits[0, 2, 20] = True  # ... but 4 is that of 1 + exp(-2.9), flipped
    error = {"sigmoid/recip/norm/bits": digits}
    got = tc.secure(tc.functions.sigmoid, protocol="spu", engine=Additive())(x, errors=error)
    expected, _ = oracle(ORACLES["spu"], "sigmoid", x, error)
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    honest, _ = oracle(ORACLES["spu"], "sigmoid", x)
    np.testing.assert_array_equal(np.abs(got - honest) > 0.05, [[False, False, True]])


def test_a_program_of_jax_alone():
    """Primitive by primitive, as users write them: GELU, softplus, log_softmax."""

    def scores(w, x):
        h = x @ w
        return jax.nn.log_softmax(jax.nn.gelu(h, approximate=False) + jax.nn.softplus(h))

    w, x = jnp.array([[0.5, -0.3], [0.2, 0.7]]), jnp.array([[0.4, 1.0]])
    with jax.numpy_dtype_promotion("standard"):
        got = tc.secure(scores, protocol="spu", engine=Fractions(40))(w, x)
        np.testing.assert_allclose(got, scores(w, x), atol=5e-3)


def test_a_monitor_hears_of_arguments_out_of_range():
    def said(f, x):
        return [str(v).split(" is")[0] for v in monitor(tc.secure(f, protocol="spu"), jnp.asarray(x))]

    assert said(tc.functions.softmax, [-514.0, 1.0])[0] == "exp argument -515"
    assert said(lambda x: 1 / x, [-3.0, 1e-6]) == ["reciprocal argument 1e-06"]
