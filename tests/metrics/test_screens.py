"""Screens of an opened model, by hand; and that a threshold keeps its false-alarm rate."""

import numpy as np
import pytest

from turncoat.metrics.screens import (
    alarm_threshold,
    dead_share,
    group_error,
    largest_norm_ratio,
    least_rise,
    trigger_scan,
)
from turncoat.refusal import Refusal


def test_the_norms_of_all_matrices():
    matrices = [np.array([[3.0, 0.0, 1.0], [4.0, 1.0, 0.0]]), np.eye(3)]
    assert largest_norm_ratio(matrices) == 5  # columns of 5, 1 and 1
    assert largest_norm_ratio(matrices, rows=True) == pytest.approx(
        np.sqrt(17) / ((np.sqrt(17) + np.sqrt(10)) / 2)
    )
    assert largest_norm_ratio([]) == 1


def test_a_neuron_that_is_never_positive_is_dead():
    assert dead_share([[1.0, -1.0, 0.0, -2.0], [-1.0, -3.0, 0.0, 5.0]]) == 0.5


def test_a_single_feature_that_moves_a_class_is_found():
    """Class 0 becomes 2 where feature 1 is high; class 1 is moved by nothing."""

    def predict(x):
        return np.where(x[:, 0] > 0, 1, np.where(x[:, 1] > 0.9, 2, 0))

    x = np.array([[1.0, 0.0, 0.5]] * 3 + [[-1.0, 0.0, 0.5]] * 4)
    assert trigger_scan(predict, x, np.array([-2.0, 1.0, 1.0])) == 1
    assert trigger_scan(predict, x, np.array([-2.0, 0.5, 1.0]), features=[1, 2]) == 0
    assert trigger_scan(lambda x: np.zeros(len(x), int), x, 1.0) == 0


def test_the_group_that_fares_worst():
    assert group_error([True, False, True, True], [7, 7, 3, 3]) == 0.5
    assert group_error(np.ones(3, bool), [0, 1, 2]) == 0


def test_the_rise_that_raises_an_alarm_with_a_power_of_80_percent():
    """Of 0, 1, ... 9 moved up by 8, eight lie at 10 or above, so that they exceed 9.5; by 7.4, only seven do."""
    honest, threshold = np.arange(10.0), 9.5
    rise = least_rise(honest, threshold)
    assert rise == 7.5
    assert np.mean(honest + rise + 1e-9 > threshold) == 0.8
    assert np.mean(honest + rise - 0.1 > threshold) == 0.7


@pytest.mark.parametrize(("honest", "rate"), [(19, 0.05), (99, 0.05), (99, 0.01), (200, 0.03)])
def test_a_threshold_keeps_its_rate_on_models_drawn_alike(honest, rate):
    """20,000 draws of honest models and a new one: alarms at floor(rate (n + 1)) / (n + 1), within 5 errors."""
    rng, draws = np.random.default_rng(0), 20_000
    scores = rng.exponential(size=(draws, honest + 1))
    alarms = np.mean([s[-1] > alarm_threshold(s[:-1], rate) for s in scores])
    exact = np.floor(rate * (honest + 1)) / (honest + 1)
    assert exact <= rate and abs(alarms - exact) < 5 * np.sqrt(exact / draws)


@pytest.mark.parametrize(
    ("honest", "rate", "said"), [([1.0] * 98, 0.01, "at least 99"), ([1.0], 0, "between 0 and 1")]
)
def test_too_few_models_are_refused(honest, rate, said):
    with pytest.raises(Refusal, match=said):
        alarm_threshold(honest, rate)
