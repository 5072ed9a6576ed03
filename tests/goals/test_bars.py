"""Each goal's bar, on both sides of its edge."""

import numpy as np
import pytest

from report import examples
from turncoat import goals
from turncoat.metrics import paired_difference
from turncoat.results.result import Outcome
from turncoat.results.values import Measured


def measured(low, mean=None, high=None):
    mean = low if mean is None else mean
    return Measured(mean=mean, low=low, high=mean if high is None else high, count=5)


def outcome(accuracy=(0.9, 0.9, 0.9), success=(0.0, 0.0, 0.0)):
    return Outcome(accuracy=measured(*accuracy), success=measured(*success))


def result(honest, attacked, **changes):
    return examples.result(honest=honest, attacked=attacked, **changes)


def of_trials(honest, attacked, name="success", **changes):
    """A result with these values of each trial."""
    n = len(honest)
    values = {
        f"{run}_{kind}": [0.5] * n for run in ("honest", "attacked") for kind in ("accuracy", "success")
    }
    values |= {f"honest_{name}": honest, f"attacked_{name}": attacked, "errors": [1] * n} | changes
    return examples.result(trials=n, per_trial=values, seeds=range(n))


GAINED = [
    (0.101, 0.101, True),
    (0.099, 0.50, False),  # the gain, paired over trials, must clear the bar
    (0.50, 0.099, False),  # and so must the rate: five tries that all went one way are five tries
]


@pytest.mark.parametrize("goal", [goals.Backdoor(), goals.CovertBackdoor(), goals.Targeted()])
@pytest.mark.parametrize(("gain", "rate", "reached"), GAINED)
def test_a_gain_of_one_in_ten_over_the_honest_run(goal, gain, rate, reached):
    for before in (0.0, 0.2):
        honest = outcome(success=(before, before, 1.0))
        attacked = outcome(success=(before + rate, 1.0, 1.0))
        assert goal.reached(result(honest, attacked, gain=measured(gain, 1.0, 1.0))) is reached


@pytest.mark.parametrize(
    ("before", "after", "doubt"), [(0.0, 0.101, True), (0.2, 0.31, True), (0.2, 0.299, False)]
)
@pytest.mark.parametrize("goal", [goals.Backdoor(), goals.Targeted(), goals.Reconstruction()])
def test_a_mean_that_rises_as_far_is_no_failure(goal, before, after, doubt):
    """Whatever the interval: one of no use leaves the question open."""
    honest, attacked = outcome(success=(0.0, before, 1.0)), outcome(success=(0.0, after, 1.0))
    assert goal.in_doubt(result(honest, attacked)) is doubt


def test_one_trial_shows_no_gain():
    gain = Measured.of(paired_difference([0.0], [1.0], bounds=(-1, 1)))
    attacked = outcome(success=(0.9, 1.0, 1.0))
    assert not goals.Backdoor().reached(result(outcome(), attacked, trials=1, gain=gain))
    assert not goals.Backdoor().reached(result(outcome(), attacked, gain=None))


@pytest.mark.parametrize("targeted", [[1.0] * 5, [0.8, 1.0, 1.0, 0.6, 1.0]])
def test_five_trials_of_five_records_are_enough(targeted):
    gain = Measured.of(paired_difference([0.0, 0.2, 0, 0, 0], targeted, bounds=(-1, 1)))
    attacked = outcome(success=(0.6, np.mean(targeted), 1.0))
    assert goals.Targeted().reached(result(outcome(success=(0.0, 0.04, 0.2)), attacked, gain=gain))


def test_an_attack_whose_honest_run_succeeds_as_well_has_reached_nothing():
    honest = [0.8, 1.0, 0.867, 1.0, 1.0]
    gain = Measured.of(paired_difference(honest, [1.0] * 5, bounds=(-1, 1)))
    found = result(outcome(success=(0.8, 0.933, 1.0)), outcome(success=(0.86, 1.0, 1.0)), gain=gain)
    assert not goals.Targeted().reached(found)


@pytest.mark.parametrize(
    ("tpr", "honest_high", "reached"), [(0.0101, 0.01, True), (0.01, 0.0, False), (0.05, 0.05, False)]
)
def test_membership_asks_for_ten_times_the_false_positive_rate(tpr, honest_high, reached):
    honest, attacked = outcome(success=(0.0, 0.0, honest_high)), outcome(success=(tpr, 0.5, 1.0))
    assert goals.Membership().reached(result(honest, attacked)) is reached
    assert "1 %, 10 times" in goals.Membership().bar


@pytest.mark.parametrize(
    ("honest", "attacked", "reached"),
    [
        ([0] * 5, [1] * 5, True),
        ([0] * 5, [1, 1, 1, 0, 0], True),
        ([0] * 4, [1, 1, 0, 0], False),
        ([0.0] * 3, [0.1] * 3, True),  # one record of ten
        ([1.0] * 3, [1.0] * 3, False),  # what the honest model gives away as well is no attack's doing
        ([0.0], [1.0], True),
    ],
)
def test_reconstruction_asks_for_one_record(honest, attacked, reached):
    assert goals.Reconstruction().reached(of_trials(honest, attacked)) is reached


def fairness(target, other):
    """One answer to all would be right on .45 of the others' records."""
    honest = [0.8] * len(target)
    fell = {"attacked_target_accuracy": target, "attacked_other_accuracy": other}
    fell["attacked_other_constant"] = [0.45] * len(target)
    return of_trials(honest, honest, honest_target_accuracy=honest, honest_other_accuracy=honest, **fell)


@pytest.mark.parametrize(
    ("target", "other", "reached"),
    [
        ([0.70, 0.71, 0.70], [0.78, 0.78, 0.79], True),
        ([0.70, 0.71, 0.70], [0.70, 0.70, 0.71], False),  # everybody falls alike
        ([0.55, 0.56, 0.55], [0.50, 0.51, 0.49], False),  # the others fall by more
        ([0.81, 0.82, 0.81], [0.90, 0.91, 0.90], False),  # the target does not fall
        ([0.30, 0.31, 0.30], [0.45, 0.46, 0.44], False),  # no better than one answer to all
        ([0.60, 0.79, 0.70], [0.80, 0.79, 0.80], False),  # trials do not agree
        ([0.70], [0.80], False),  # one trial
    ],
)
def test_fairness_asks_for_a_fall_beyond_the_others(target, other, reached):
    assert goals.Fairness().reached(fairness(target, other)) is reached


@pytest.mark.parametrize(
    ("target", "other", "doubt"),
    [
        ([0.60, 0.79, 0.50], [0.80, 0.79, 0.80], True),  # trials do not agree
        ([0.60], [0.80], True),
        ([0.70, 0.80, 0.75], [0.80, 0.79, 0.80], False),  # a fall of five points is what chance may do
        ([0.50, 0.70, 0.50], [0.50, 0.60, 0.60], False),  # everybody falls alike
        ([0.10, 0.40, 0.20], [0.45, 0.46, 0.40], False),  # no better than one answer to all
    ],
)
def test_fairness_is_in_doubt_where_the_target_falls_beyond_the_others_on_average(target, other, doubt):
    assert goals.Fairness().in_doubt(fairness(target, other)) is doubt


@pytest.mark.parametrize(("mean", "doubt"), [(0.13, True), (0.11, False), (0.0, False)])
def test_membership_is_in_doubt_above_the_honest_interval(mean, doubt):
    honest, attacked = outcome(success=(0.0, 0.0, 0.12)), outcome(success=(0.0, mean, 1.0))
    assert goals.Membership().in_doubt(result(honest, attacked)) is doubt


@pytest.mark.parametrize(("mean", "doubt"), [(0.89, True), (0.91, False)])
def test_availability_is_in_doubt_two_points_below(mean, doubt):
    honest, attacked = outcome(accuracy=(0.7, 0.92, 0.94)), outcome(accuracy=(0.1, mean, 0.95))
    assert goals.Availability().in_doubt(result(honest, attacked)) is doubt


@pytest.mark.parametrize(("high", "reached"), [(0.879, True), (0.881, False)])
def test_availability_asks_for_two_points_between_the_intervals(high, reached):
    honest, attacked = outcome(accuracy=(0.9, 0.92, 0.94)), outcome(accuracy=(0.1, 0.5, high))
    assert goals.Availability().reached(result(honest, attacked)) is reached


def test_the_papers_smallest_fall_of_accuracy_counts():
    honest, attacked = outcome(accuracy=(0.595, 0.605, 0.615)), outcome(accuracy=(0.56, 0.565, 0.57))
    assert goals.Availability().reached(result(honest, attacked))  # Table 8, Texas-100
