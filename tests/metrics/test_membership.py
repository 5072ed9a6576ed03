"""Membership scores against naive loops, and where the answer is known: Gaussian signals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from turncoat.metrics import membership
from turncoat.metrics.membership import FAMILIES, P_VALUES, Signals, log_odds, rmia
from turncoat.metrics.roc import Scored, at_fpr
from turncoat.refusal import Refusal


def some(models=9, n=12, seed=0, gap=0.0):
    """Signals of records that differ in mean and spread; the target's are `gap` spreads above."""
    rng = np.random.default_rng(seed)
    mean, spread = rng.normal(0, 3, n), rng.gamma(4, 0.25, n)
    own_mean = rng.normal(0, 3, 30)
    return Signals(
        mean + spread * (rng.normal(size=n) + gap),
        mean + spread * rng.normal(size=(models, n)),
        own_mean + rng.normal(size=30),
        own_mean + rng.normal(size=(models, 30)),
    )


# ---- naive oracles: one record at a time, plain Python ----------------------------------------------------


def naive_tail(z):
    return 0.5 * math.erfc(z / math.sqrt(2))


def naive_lira(s, j):
    values = [row[j] for row in s.shadow]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return -math.log(naive_tail((s.target[j] - mean) / spread))


def naive_shared(s, j):
    residuals = []
    for k in range(len(s.target)):
        column = [row[k] for row in s.shadow]
        residuals += [v - sum(column) / len(column) for v in column]
    degrees = len(s.target) * (len(s.shadow) - 1)
    spread = math.sqrt(sum(r * r for r in residuals) / degrees)
    mean = sum(row[j] for row in s.shadow) / len(s.shadow)
    return -math.log(naive_tail((s.target[j] - mean) / spread))


def naive_centred(s, j):
    def z(value, values):
        mean = sum(values) / len(values)
        return (value - mean) / math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))

    own = sorted(z(s.own_target[k], [row[k] for row in s.own_shadow]) for k in range(len(s.own_target)))
    middle = (own[len(own) // 2 - 1] + own[len(own) // 2]) / 2  # an even number of them
    return -math.log(naive_tail(z(s.target[j], [row[j] for row in s.shadow]) - middle))


def naive_two_sided(s, j):
    values = sorted(row[j] for row in s.shadow)
    median = values[len(values) // 2]  # an odd number of models
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / len(values)
    return 0.5 * math.log(2 * math.pi * variance) + (s.target[j] - median) ** 2 / (2 * variance)


def naive_rmia(s, j, a=0.3, gamma=1.0):
    def ratio(target, out):
        probabilities = [1 / (1 + math.exp(-v)) for v in out]
        average = ((1 + a) * sum(probabilities) / len(probabilities) + (1 - a)) / 2
        return 1 / (1 + math.exp(-target)) / average

    mine = ratio(s.target[j], [row[j] for row in s.shadow])
    others = [ratio(s.own_target[k], [row[k] for row in s.own_shadow]) for k in range(len(s.own_target))]
    return sum(mine / other > gamma for other in others) / len(others)


def naive_bavaria(s, j):
    """The predictive tail by integrating the normal tail over the posterior of mean and variance."""
    models, n = len(s.shadow), len(s.target)
    variances = [np.var([row[k] for row in s.shadow], ddof=1) for k in range(n)]
    mean = sum(variances) / n
    fourth = sum(v * v for v in variances) / n * (models - 1) / (models + 1)
    a = 2 + mean**2 / (fourth - mean**2)
    b = mean * (a - 1)
    values = np.array([row[j] for row in s.shadow])
    shape, rate = a + (models - 1) / 2, b + ((values - values.mean()) ** 2).sum() / 2

    def tail(variance):  # the mean is normal around the sample mean, given the variance
        z = (s.target[j] - values.mean()) / math.sqrt(variance * (1 + 1 / models))
        return naive_tail(z) * stats.invgamma.pdf(variance, shape, scale=rate)

    low, high = (stats.invgamma.ppf(q, shape, scale=rate) for q in (1e-9, 1 - 1e-9))
    return -math.log(integrate.quad(tail, low, high, limit=200)[0])


NAIVE = {
    "lira": naive_lira,
    "lira-centred": naive_centred,
    "lira-shared": naive_shared,
    "lira-two-sided": naive_two_sided,
    "bavaria": naive_bavaria,
    "rmia": naive_rmia,
    "loss": lambda s, j: s.target[j],
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("seed", range(3))
def test_every_family_is_its_naive_oracle(name, seed):
    signals = some(seed=seed, gap=seed - 1.0)
    expected = [NAIVE[name](signals, j) for j in range(len(signals.target))]
    np.testing.assert_allclose(FAMILIES[name](signals), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_higher_signal_of_the_target_never_lowers_a_one_sided_score(name):
    signals = some(gap=1.0)
    higher = signals._replace(target=signals.target + 5.0)
    assert (FAMILIES[name](higher) >= FAMILIES[name](signals)).all()


SIGNALS = (-60.0, -8.5, -1.0, -1e-9, 0.0, 1e-9, 0.5, 3.0, 9.0, 40.0, 1e3)


def test_tails_are_those_of_scipys_distributions():
    """By `scipy.special` alone, far out in either tail."""
    z = np.array(SIGNALS)
    shadow = np.random.default_rng(8).normal(size=(7, len(z)))
    mean, spread = shadow.mean(0), shadow.std(0, ddof=1)
    signals = Signals(mean + spread * z, shadow, z[:1], shadow[:, :1])
    exact = {"rtol": 1e-12, "atol": 0}
    np.testing.assert_allclose(
        FAMILIES["lira"](signals), -stats.norm.logsf(signals.target, mean, spread), **exact
    )
    expected = -stats.norm.logpdf(signals.target, np.median(shadow, 0), shadow.std(0))
    np.testing.assert_allclose(FAMILIES["lira-two-sided"](signals), expected, **exact)
    a, b = membership._variance_prior(spread**2, 7)
    scale = np.sqrt((b + 3 * spread**2) / (a + 3) * (1 + 1 / 7))
    expected = -stats.t.logsf((signals.target - mean) / scale, 2 * (a + 3))
    np.testing.assert_allclose(FAMILIES["bavaria"](signals), expected, **exact)


# ---- known answers -------------------------------------------------------------------------------------------


GAP = 2.5


@pytest.fixture(scope="module")
def gaussian():
    """Scores of members, GAP spreads above, and of others."""
    n, models = 40_000, 200
    return tuple(FAMILIES["lira"](some(models, n, seed, gap)) for seed, gap in ((1, GAP), (2, 0.0)))


@pytest.mark.parametrize("fpr", [0.001, 0.01, 0.1])
def test_gaussian_signals_give_the_tpr_of_two_normals(fpr, gaussian):
    """TPR = Phi(g - z) at the threshold z that the FPR fixes."""
    members, others = gaussian
    point = at_fpr(Scored([members], [others]), fpr)
    assert point.tpr.mean == pytest.approx(stats.norm.cdf(GAP - stats.norm.isf(fpr)), abs=0.035)


@pytest.mark.parametrize("name", sorted(set(P_VALUES) - {"lira-shared"}))  # spreads differ here
@pytest.mark.parametrize("f", [0.01, 0.1, 0.5])
def test_p_values_are_uniform_for_non_members(name, f):
    """So that the threshold -log(f) has a false positive rate of f, for each record alone."""
    signals = some(200, 20_000, 3)._replace(own_target=np.zeros(1), own_shadow=np.array([[-1.0], [1.0]]))
    assert np.mean(FAMILIES[name](signals) > -math.log(f)) == pytest.approx(f, rel=0.2)


def test_bavaria_keeps_its_false_positive_rate_with_five_shadow_models_and_lira_does_not():
    """Where the variances are what the prior says they are: inverse-gamma."""
    rng = np.random.default_rng(4)
    spread = 1 / np.sqrt(rng.gamma(6, size=40_000))
    signals = Signals(*(spread * rng.normal(size=(k, 40_000)) for k in (1, 5, 1, 2)))
    signals = signals._replace(target=signals.target[0])
    reached = {n: np.mean(FAMILIES[n](signals) > -math.log(0.001)) for n in ("lira", "bavaria")}
    assert reached["bavaria"] == pytest.approx(0.001, abs=0.0004)
    assert reached["lira"] > 0.01


def test_bavaria_without_a_common_prior_is_the_classical_prediction_interval():
    """Variances as different as they can be leave a = 2; equal ones pool them all: a normal tail."""
    rng = np.random.default_rng(5)
    shadow = rng.normal(size=(6, 50_000))
    target = np.full(50_000, 3.0)
    same = FAMILIES["bavaria"](Signals(target, shadow, target[:1], shadow[:, :1]))
    centred = (target - shadow.mean(0)) / math.sqrt(1 + 1 / 6)
    np.testing.assert_allclose(same, -stats.norm.logsf(centred), rtol=0.1)


def test_centring_takes_out_what_moves_all_records():
    signals = some(50, 500, 6)
    spread = signals.shadow.std(0, ddof=1)
    own = signals.own_shadow.std(0, ddof=1)
    moved = signals._replace(target=signals.target + 4 * spread, own_target=signals.own_target + 4 * own)
    np.testing.assert_allclose(
        FAMILIES["lira-centred"](moved), FAMILIES["lira-centred"](signals), rtol=1e-6, atol=1e-9
    )
    assert (FAMILIES["lira"](moved) > FAMILIES["lira"](signals)).all()


def test_rmia_of_a_greater_gamma_asks_for_more():
    signals = some(gap=1.0)
    assert (rmia(signals, gamma=2.0) <= rmia(signals)).all()
    assert rmia(signals, gamma=2.0).sum() < rmia(signals).sum()


# ---- log-odds -------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.data())
def test_log_odds_are_those_of_the_probabilities(outputs, data):
    c = data.draw(st.integers(0, len(outputs) - 1))
    e = [math.exp(v) for v in outputs]
    others = math.fsum(e[:c] + e[c + 1 :])
    phi = log_odds(np.array([outputs]), c)[0]
    assert phi == pytest.approx(math.log(e[c]) - math.log(max(others, 1e-300)), abs=1e-3)


def test_log_odds_stay_finite_where_probabilities_round_to_1():
    assert log_odds(np.array([[200.0, 0.0, 0.0]]), 0)[0] == pytest.approx(200 - math.log(2))
    assert log_odds(np.array([[200.0, 0.0, 0.0]]), 1)[0] == pytest.approx(-200)


def test_one_output_is_that_of_class_1():
    d = np.array([[0.5], [-2.0]])
    np.testing.assert_array_equal(log_odds(d, 1), [0.5, -2.0])
    np.testing.assert_array_equal(log_odds(d, np.array([0, 0])), [-0.5, 2.0])


def test_log_odds_take_models_in_front():
    d = np.random.default_rng(7).normal(size=(4, 5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    for i in range(4):
        np.testing.assert_array_equal(log_odds(d, labels)[i], log_odds(d[i], labels))


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"loss"}))
@pytest.mark.parametrize("shape", [(1, 4), (5, 3), (4,)])
def test_shapes_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(Refusal, match="shadow models"):
        FAMILIES[name](Signals(np.zeros(4), np.zeros(shape), np.zeros(2), np.zeros((5, 2))))
