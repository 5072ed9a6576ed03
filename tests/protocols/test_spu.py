"""What is special in protocol `spu` and its variant; their formulas stand in `test_formulas.py`.

Where its approximations stop to hold is
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
from protocols.cases import INPUTS, each_case, of, spread, under
from protocols.oracles import SCOPES
from protocols.spu_oracles import ORACLES, division, honest_tanh
from protocols.tampered import Circuit, oracle, run
from turncoat.monitor import violations
from turncoat.protocols import spu, spu_seg3

# ---- formulas -----------------------------------------------------------------------------------------------


def test_the_series_of_tanh_is_one_in_chebyshev_polynomials():
    np.testing.assert_allclose(of("spu", "tanh")(), honest_tanh(np.array(INPUTS["spu"]["tanh"])), rtol=1e-9)


def test_a_division_multiplies_by_the_dividend_before_the_factor():
    x = np.array([0.7, -2.0, 3.0])
    mine = Circuit("spu", lambda x: x / (x - 5), x)
    got, met = oracle({"div": lambda x, at: division(x, x - 5, at)}, "div", x)
    np.testing.assert_allclose(mine(), got, rtol=1e-9)
    np.testing.assert_allclose(got, x / (x - 5), rtol=1e-4)
    assert sorted(n for n, _ in met) == sorted(mine.sites) and "div/dividend" in mine.sites


# ---- accuracy -----------------------------------------------------------------------------------------------


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
    assert set(spu.domains) == set(spu_seg3.domains) == {*INPUTS["spu"], "log1p"} - {"softmax"}
    assert all(low < high for low, high in (*spu.domains.values(), *spu_seg3.domains.values()))
    assert spu.domains["exp"] == (-512, math.log(2.0**27))


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
    assert list(of(protocol, function).sites) == under(
        SCOPES.get(function, function), NAMES[protocol, function]
    )


def test_shapes_of_the_sites():
    sites = of("spu", "softmax").sites
    assert sites["softmax/recip/norm/bits"].shape == sites["softmax/recip/norm/or6"].shape == (2, 1, 64)
    assert sites["softmax/recip/select"].shape == (2, 1)
    assert sites["softmax/product"].shape == (2, 3)


# ---- other engines, other programs --------------------------------------------------------------------------


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


def test_a_monitor_hears_of_arguments_out_of_range():
    def said(f, x):
        return [str(v).split(" is")[0] for v in violations(tc.secure(f, protocol="spu"), jnp.asarray(x))]

    assert said(tc.functions.softmax, [-514.0, 1.0])[0] == "exp argument -515"
    assert said(lambda x: 1 / x, [-3.0, 1e-6]) == ["reciprocal argument 1e-06"]
