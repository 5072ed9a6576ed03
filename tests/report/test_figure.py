"""The picture of a result."""

from pathlib import Path

import matplotlib
import pytest

from report import examples
from turncoat.report import figure
from turncoat.report.figure import attack_image

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def published(drawn):
    return [line for line in drawn.axes[0].lines if line.get_marker() == "D"]


@pytest.mark.parametrize("kind", MAGIC)
def test_a_picture_in_every_format(kind):
    drawn = attack_image(examples.result(), kind)
    assert drawn.startswith(MAGIC[kind])
    assert drawn == attack_image(examples.result(), kind)


def test_the_picture_says_what_it_shows():
    drawn = figure._draw(examples.result())
    left, right = drawn.axes
    assert "Fashion-MNIST" in drawn.texts[0].get_text()
    assert (left.get_ylabel(), right.get_ylabel()) == ("Test accuracy", "Attack success rate")
    assert left.get_xlabel() == "Training run"
    labels = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert labels[-1] == "the paper, Table 3a"
    assert {text.get_text() for axes in drawn.axes for text in axes.texts} == {
        "83.8%",
        "83.0%",
        "0.44%",
        "99.94%",
    }


def test_every_trial_and_the_published_values_are_drawn():
    drawn = figure._draw(examples.result(trials=4))
    diamonds = published(drawn)
    pairs = [line for line in drawn.axes[0].lines if list(line.get_xdata()) == [0, 1]]
    assert [line.get_ydata()[0] for line in diamonds] == [0.84, 0.83]
    assert len(pairs) == 4
    assert not published(figure._draw(examples.reconstruction()))


def test_accuracy_is_never_shown_on_a_range_under_10_points():
    low, high = figure._draw(examples.result()).axes[0].get_ylim()
    assert high - low >= 0.0999
    assert figure._draw(examples.result()).axes[1].get_ylim() == pytest.approx((-0.04, 1.04))


@pytest.mark.parametrize("trials", [1, 2, 200])
def test_few_and_many_trials(trials):
    assert attack_image(examples.result(trials=trials)).startswith(MAGIC["png"])


def test_a_dollar_sign_is_no_formula():
    assert attack_image(examples.result(model="$x_{", attack="a$b"), "svg").startswith(MAGIC["svg"])


def test_no_global_state_is_touched():
    before = dict(matplotlib.rcParams)
    attack_image(examples.result())
    assert dict(matplotlib.rcParams) == before
    assert "pyplot" not in Path(figure.__file__).read_text()
