"""How reports write numbers."""

import pytest

from report import examples
from turncoat.report import numbers, words
from turncoat.results import sentences
from turncoat.results.values import Measured


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.8312, "83.1%"),
        (0.004, "0.40%"),
        (0.9996, "99.96%"),
        (0.99999, ">99.99%"),
        (0.00001, "<0.01%"),
        (-0.0312, "\u22123.1%"),
        (-0.00001, "\u2212<0.01%"),
        (1.25, "125.0%"),
    ],
)
def test_percent(fraction, text):
    assert numbers.percent(fraction) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under 0.01 s"),
        (0.42, "0.42 s"),
        (7.52, "7.5 s"),
        (9.97, "10 s"),
        (41.6, "42 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (4321, "1 h 12 min"),
    ],
)
def test_duration(seconds, text):
    assert numbers.duration(seconds) == text


def test_intervals():
    measured = Measured(mean=0.831, low=0.829, high=0.833, count=10)
    assert numbers.span(measured) == "82.9 to 83.3%"
    assert numbers.span(Measured(mean=0.8, low=0.8, high=0.8, count=1)) == "one trial: no interval"
    assert numbers.span(Measured(mean=0.8, low=0, high=1, count=1)) == "0 to 100%"
    assert numbers.plain_span(Measured(mean=2, low=-1.2345, high=3, count=2)) == "\u22121.23 to 3"
    change = Measured(mean=-0.0082, low=-0.009, high=0.001, count=10)
    assert sentences.points(change) == "\u22120.82 points (\u22120.90 to +0.10)"


def test_counts_and_shapes():
    assert numbers.counted(1, "trial") == "1 trial"
    assert numbers.counted(12000, "product") == "12,000 products"
    assert [numbers.products(row) for row in examples.sites()[:3]] == ["7,840,000", "10,000", "100 \u00d7 10"]
    assert [numbers.shape(examples.sites()[i]) for i in (0, -1)] == ["100 \u00d7 100", "one number"]


def test_the_headline_says_what_happened():
    assert words.headline(examples.reconstruction()) == (
        "With 1 tampered product per training run, the share of records reconstructed moved by +90.00 points "
        "(+67.38 to +100.00), from 0.0% on the honest model to 90.0%; test accuracy was 83.8% on the honest model, "
        "9.8% under attack."
    )
    assert words.headline(examples.result(errors=0)).startswith("With no product tampered")


def test_exposure_is_said_in_words():
    said = [words.exposure(row) for row in examples.sites()]
    assert said[0] == ["scales w0 by x", "bends b0"]
    assert said[1] == ["bends w0, b0"]
    assert said[3] == ["shifts b0", "scales w0 by x"]
    assert said[-1] == ["reaches no output"]
    tied = examples.site("s", (), 1, "forward", {"w": "tied"})
    assert words.exposure(tied) == ["shifts w jointly"]
    once = tied.model_copy(update={"exposure": {"w": "shift", "b": "shift"}, "passes": {"w": "last pass"}})
    assert words.exposure(once) == ["shifts w (last pass)", "shifts b"]


def test_commands_stand_between_backticks():
    assert words.pieces("run `a b` now") == [("run ", False), ("a b", True), (" now", False)]
    assert words.pieces("a lone ` stays") == [("a lone ` stays", False)]
    assert words.pieces("") == []


def test_settings_are_written_as_on_the_command_line():
    assert [words.setting(v) for v in (True, None, [1, 2], 0.5, "x")] == ["yes", "none", "1,2", "0.5", "x"]
