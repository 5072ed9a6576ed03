"""What is special in protocol `mp-spdz` and its variants; their formulas stand in `test_formulas.py`.

What attacks rest on is pinned: nested selections under flips, the threshold bit of equation (2), what an
exponent out of range becomes.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.circuits import FUNCTIONS
from scipy import special

import turncoat as tc
from protocols.cases import INPUTS, each_case, of, under
from protocols.mp_spdz_oracles import LIMIT, ORACLES
from protocols.oracles import SCOPES
from protocols.tampered import Circuit, oracle, run
from turncoat.monitor import violations
from turncoat.protocols import mp_spdz, mp_spdz_approx, mp_spdz_approx5, mp_spdz_paper

# ---- variants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ORACLES)
def test_variants_share_what_they_do_not_replace(protocol):
    changed = {
        "mp-spdz": set(), "mp-spdz-paper": {"exp"}, "mp-spdz-approx": {"sigmoid", "softmax"},
        "mp-spdz-approx5": {"sigmoid", "softmax"},
    }[protocol]  # fmt: skip
    value = tc.protocols.get(protocol)
    for name in FUNCTIONS:
        mine, base = (getattr(p, name) for p in (value, mp_spdz))
        same = getattr(mine, "__wrapped__", mine) is getattr(base, "__wrapped__", base)
        assert same == (name not in changed), name


# ---- accuracy -----------------------------------------------------------------------------------------------


def test_softmaxes_over_their_domain():
    x = np.random.default_rng(0).uniform(-30, 30, (500, 3))
    got, _ = oracle(ORACLES["mp-spdz"], "softmax", x)
    np.testing.assert_allclose(got, special.softmax(x, -1), atol=1e-5)
    relus, _ = oracle(ORACLES["mp-spdz-approx"], "softmax", x)
    positive = np.maximum(x, 0)
    some = positive.sum(-1) > 0
    np.testing.assert_allclose(relus[some], positive[some] / positive[some].sum(-1, keepdims=True), atol=1e-9)
    assert np.all(relus[~some] == 0) and not np.all(some)


def test_domains_are_intervals_of_functions():
    for protocol in (mp_spdz, mp_spdz_approx, mp_spdz_approx5, mp_spdz_paper):
        assert set(protocol.domains) == {*INPUTS["mp-spdz"], "log1p"}
        assert all(low < high for low, high in protocol.domains.values())
    assert mp_spdz.domains["exp"] == (-16 * math.log(2), 14 * math.log(2))


# ---- numbers of the analysis --------------------------------------------------------------------------------


def test_an_exponent_out_of_range_is_read_modulo_16():
    out = Circuit("mp-spdz", jnp.exp, [-12.0, -20.0])()
    np.testing.assert_allclose(out, np.exp([-12 + 16 * math.log(2), -20 + 16 * math.log(2)]), rtol=2e-5)
    assert np.all(run(jnp.exp, [-12.0, -20.0], protocol="mp-spdz-paper") == 0)


FLIPS = {  # value at -2, 0, 2: the nested selections, unlike the paper's formula
    (): (0, 0.5, 1),
    ("below",): (-1.5, 0, 0),
    ("above",): (0, 1, 2.5),
    ("below", "above"): (1, 0, 0),
}


@pytest.mark.parametrize("flipped", FLIPS)
def test_flips_of_the_three_piece_sigmoid(flipped):
    at = Circuit("mp-spdz-approx", tc.functions.sigmoid, [-2.0, 0.0, 2.0])
    errors = {f"sigmoid/{name}/compare": np.ones(3, bool) for name in flipped}
    np.testing.assert_array_equal(at(errors), FLIPS[flipped])


def test_flips_of_the_exact_sigmoid_choose_zero_or_one():
    at = of("mp-spdz", "sigmoid")
    flip = np.ones(len(at.x), bool)
    inside = np.abs(at.x) < LIMIT
    np.testing.assert_array_equal(at({"sigmoid/below/compare": flip})[inside], 0)
    np.testing.assert_array_equal(at({"sigmoid/above/compare": flip})[inside], 1)
    shifted = at({"sigmoid/below/select": 2.5 * flip})
    np.testing.assert_allclose(shifted, at() + 2.5, rtol=1e-12)


def test_a_flipped_cut_of_five_pieces_adds_the_difference_of_its_two_lines():
    at, lines = Circuit("mp-spdz-approx5", tc.functions.sigmoid, [0.0]), (1e-4, 0.145, 0.5, 0.85498, 1 - 1e-4)
    for cut, becomes in ((1, 1), (2, 1), (3, -1), (4, -1)):
        got = at({f"sigmoid/compare{cut}": np.ones(1, bool)})
        assert got[0] == pytest.approx(0.5 + becomes * (lines[cut - 1] - lines[cut]), abs=1e-12)


def test_the_threshold_bit_of_equation_2_forces_any_constant():
    at = of("mp-spdz-paper", "exp")
    flip, above = np.ones(len(at.x), bool), at.x > -LIMIT
    flipped = {"exp/threshold/compare": flip}
    np.testing.assert_array_equal(at(flipped) == 0, above)
    np.testing.assert_array_equal(at(flipped | {"exp/threshold/select": 7.25 * flip})[above], 7.25)


def test_the_threshold_bit_zeroes_an_entry_of_the_softmax():
    at, x = of("mp-spdz", "softmax"), np.array(INPUTS["mp-spdz"]["softmax"])
    flip = np.zeros((2, 3), bool)
    flip[:, 2] = True
    got = at({"softmax/exp/threshold/compare": flip})
    rest = np.where(flip, 0, np.exp(x))
    np.testing.assert_allclose(got, rest / rest.sum(-1, keepdims=True), rtol=2e-5, atol=1e-9)
    assert np.all(got[:, 2] == 0)


def test_an_error_at_the_last_step_of_the_softmax_is_added_to_it():
    at, v = of("mp-spdz", "softmax"), np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(at({"softmax/div/quotient4": v}), at() + v, rtol=1e-12)


# ---- names --------------------------------------------------------------------------------------------------

EXP = ["bits", "whole1", "whole2", "whole", *(f"power{i}" for i in range(2, 11)), "product", "select"]
NORM = [
    "norm/sign",
    "norm/abs",
    "norm/bits",
    *(f"norm/or{i}" for i in range(1, 6)),
    "norm/product",
    "norm/signed",
]
STEPS = [name for i in (1, 2, 3) for name in (f"quotient{i}", f"error{i}")]
OVER_ONE = [*NORM, "initial", "error0", *STEPS, "quotient4"]
DIVISION = [*NORM, "initial", "error0", "quotient0", *STEPS, "quotient4"]
CLAMPS = ["below/compare", "above/compare", "above/select", "below/select"]


MAX = [f"max/{n}{i}" for i in (1, 2) for n in ("compare", "select")]
Z = ["threshold/compare", "threshold/select"]
NAMES = {
    ("mp-spdz", "exp"): EXP,
    ("mp-spdz", "reciprocal"): OVER_ONE,
    ("mp-spdz", "sigmoid"): [*under("exp", EXP), *under("div", OVER_ONE), *CLAMPS],
    ("mp-spdz", "tanh"): [*under("exp", EXP), *under("div", DIVISION), *CLAMPS],
    ("mp-spdz", "softmax"): [*MAX, *under("exp", [*EXP, *Z]), *under("div", DIVISION)],
    ("mp-spdz-approx", "sigmoid"): CLAMPS,
    ("mp-spdz-approx", "softmax"): ["relu/compare", "relu/select", *under("recip", OVER_ONE), "product"],
    ("mp-spdz-approx5", "sigmoid"): [
        "compare1",
        "compare2",
        "compare3",
        "compare4",
        "piece2",
        "piece3",
        "piece4",
    ],
    ("mp-spdz-paper", "exp"): [*EXP, *Z],
}


@each_case(NAMES)
def test_names_of_the_sites(protocol, function):
    assert list(of(protocol, function).sites) == under(
        SCOPES.get(function, function), NAMES[protocol, function]
    )


def test_shapes_of_the_sites():
    sites = of("mp-spdz", "softmax").sites
    assert sites["softmax/exp/bits"].shape == (2, 3, 31)
    assert sites["softmax/div/norm/bits"].shape == (2, 1, 31)
    assert sites["softmax/div/error1"].shape == (2, 1)
    assert sites["softmax/div/quotient4"].shape == (2, 3)


def test_the_relu_mask_is_reused_by_the_gradient():
    def step(x):
        return jax.grad(lambda x: jnp.sum(tc.functions.relu(x)))(x), tc.functions.relu(x)

    names = list(tc.secure(step, protocol="mp-spdz").surface(jnp.ones(3)).sites)
    assert [n for n in names if n.endswith("compare")] == ["compare"]


# ---- other engines, other programs --------------------------------------------------------------------------


def test_other_axes_and_ranks():
    x = np.linspace(-2, 2, 24).reshape(2, 3, 4)
    got = run(lambda x: tc.functions.softmax(x, 0), x, protocol="mp-spdz")
    np.testing.assert_allclose(got, special.softmax(x, 0), atol=1e-5)
    assert run(jnp.exp, 1.25, protocol="mp-spdz") == pytest.approx(math.exp(1.25), rel=2e-5)


def test_a_monitor_hears_of_arguments_out_of_range():
    def said(f, x):
        return [str(v).split(" is")[0] for v in violations(tc.secure(f, protocol="mp-spdz"), jnp.asarray(x))]

    assert said(jnp.exp, [-12.0, 1.0]) == ["exp argument -12"]
    assert said(lambda x: 1 / x, [-3.0, 1e-6]) == ["reciprocal argument 1e-06"]
    assert said(jax.nn.sigmoid, [-50.0, 50.0]) == []  # clamped
