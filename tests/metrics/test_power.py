"""The power of the two checks of accuracy, against what enumeration and simulation say."""

import numpy as np
import pytest
from scipy import stats

from turncoat.metrics import Interval
from turncoat.metrics.power import ALARMS, Victim, noticed, paired, unpaired
from turncoat.refusal import Refusal


def enumerated_unpaired(expected, accuracy, n):
    """The same test over every pair of counts."""
    k = np.arange(n + 1)
    likely = np.outer(stats.binom.pmf(k, n, expected), stats.binom.pmf(k, n, accuracy))
    both = (k[:, None] + k) / (2 * n)
    error = np.sqrt(np.maximum(2 * both * (1 - both) / n, 1e-300))
    return likely[(k[:, None] - k) / n > stats.norm.isf(ALARMS) * error].sum()


def enumerated_paired(fall, discordant, n):
    """The exact test over every number of discordant records, and of losses among them."""
    total = 0.0
    for found in range(n + 1):
        lost = np.arange(found + 1)
        alarm = stats.binom.sf(lost - 1, found, 0.5) <= ALARMS
        share = (discordant + fall) / (2 * discordant)
        total += stats.binom.pmf(found, n, discordant) * stats.binom.pmf(lost, found, share)[alarm].sum()
    return total


@pytest.mark.parametrize(
    ("expected", "accuracy", "n"),
    [(0.9, 0.9, 360), (0.95, 0.9, 360), (0.95, 0.94, 360), (0.6, 0.5, 100), (0.8, 0.83, 500)],
)
def test_the_unpaired_power_is_that_of_enumeration(expected, accuracy, n):
    assert unpaired(expected, accuracy, n) == pytest.approx(
        enumerated_unpaired(expected, accuracy, n), abs=0.02
    )


@pytest.mark.parametrize(
    ("fall", "discordant", "n"),
    [(0, 0.1, 100), (0.05, 0.1, 100), (0.05, 0.05, 60), (-0.05, 0.1, 80), (0.02, 0.02, 50), (1, 1, 20)],
)
def test_the_paired_power_is_that_of_enumeration(fall, discordant, n):
    assert paired(fall, discordant, n) == pytest.approx(enumerated_paired(fall, discordant, n), abs=1e-9)


@pytest.mark.parametrize("accuracy", [0.3, 0.9])
def test_no_change_is_noticed_as_often_as_there_are_false_alarms(accuracy):
    assert unpaired(accuracy, accuracy, 500) == pytest.approx(ALARMS)
    assert 0.03 < paired(0, 0.2, 2000) <= ALARMS


def test_models_that_agree_on_every_record_sound_no_alarm():
    assert paired(0.0, 0.0, 100) == 0
    assert unpaired(1.0, 1.0, 100) == 0
    assert unpaired(1.0, 0.0, 10) == paired(1.0, 1.0, 10) == 1


def test_more_test_records_notice_more():
    powers = [unpaired(0.9, 0.88, n) for n in (100, 1000, 10_000)]
    assert powers == sorted(powers) and powers[-1] > 0.99
    powers = [paired(0.02, 0.04, n) for n in (100, 1000, 100_000)]
    assert powers == sorted(powers) and powers[-1] == pytest.approx(1)


def test_the_interval_is_that_of_the_change():
    rng = np.random.default_rng(0)
    honest = [rng.random(400) < 0.9 for _ in range(4)]
    attacked = [h & (rng.random(400) < 0.95) for h in honest]
    expected, lost = np.mean(honest), np.mean(honest) - np.mean(attacked)
    found = noticed(honest, attacked, Interval(-lost, -0.08, -0.01, 4, 0.9))
    mean, low, high = (unpaired(expected, expected - fall, 400) for fall in (lost, 0.01, 0.08))
    assert found.unpaired[:5] == pytest.approx((mean, low, high, 4, 0.9))
    assert low < mean < high < 1
    assert found.paired.mean == pytest.approx(paired(lost, lost, 400))  # every discordant record was lost
    assert found.paired.mean > found.unpaired.mean


def test_a_victim_tests_as_it_says():
    honest, attacked = np.arange(400) < 360, np.arange(400) < 340
    change = Interval(-0.05, -0.05, -0.05, 1)
    found = noticed([honest], [attacked], change, Victim(records=50, alarms=0.01))
    assert found.unpaired.mean == pytest.approx(unpaired(0.9, 0.85, 50, 0.01))
    assert found.paired.mean == pytest.approx(paired(0.05, 0.05, 50, 0.01))
    assert found.unpaired.mean < noticed([honest], [attacked], change).unpaired.mean


@pytest.mark.parametrize(
    "wrong", [{"records": 0}, {"alarms": 0.0}, {"alarms": 1.0}, {"test": "exact"}, {"power": 0.0}]
)
def test_a_test_that_nobody_can_make_is_refused(wrong):
    with pytest.raises(Refusal, match=next(iter(wrong))):
        Victim(**wrong)


def test_one_trial_says_nothing_of_the_power():
    flags = np.arange(100) < 80
    found = noticed([flags], [flags], Interval(0.0, -1.0, 1.0, 1))
    assert found.unpaired[1] < 0.01 and found.unpaired[2] == 1
