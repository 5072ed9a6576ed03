"""The picture of a result's curves."""

import pytest

from report import examples
from report.examples import CURVES
from turncoat.report import curves
from turncoat.report.curves import curves_image, is_wide, panels
from turncoat.report.html import result_html
from turncoat.report.kinds import pictures


def test_curves_with_the_same_axes_share_a_panel():
    assert {k: list(v) for k, v in panels(CURVES).items()} == {
        ("number of errors", "success"): ["success by errors"],
        ("false positives", "true positives"): ["ROC (honest)", "ROC (attacked)"],
    }


def test_every_curve_is_drawn_where_it_belongs():
    first, second = curves._draw(examples.result(curves=CURVES)).axes
    assert (first.get_xlabel(), first.get_ylabel()) == ("Number of errors", "Success")
    assert list(first.lines[0].get_ydata()) == [0, 0.5, 1, 1]
    assert (first.get_xscale(), first.get_yscale()) == ("log", "linear")
    assert [t.get_text() for t in second.get_legend().get_texts()] == ["ROC (honest)", "ROC (attacked)"]


@pytest.mark.parametrize(
    ("values", "wide"),
    [((1, 200), True), ((1, 50), False), ((0, 1e-3, 1), True), ((-1, 1, 1e4), False), ((0, 0), False)],
)
def test_axes_are_logarithmic_where_values_span_much(values, wide):
    assert is_wide(values) is wide


@pytest.mark.parametrize(("kind", "number"), [("png", 1), ("svg", 2), ("pdf", 3)])
def test_a_picture_in_every_format(kind, number):
    result = examples.result(curves=dict(list(CURVES.items())[:number]))
    assert curves_image(result, kind) == curves_image(result, kind)


def test_the_curves_are_in_the_folder_and_on_the_page():
    result = examples.result(curves=CURVES)
    assert "backdoor-curves.png" in pictures(result)
    assert "backdoor-curves.png" not in pictures(examples.result())
    assert result_html(result).count("<img") == result_html(examples.result()).count("<img") + 1
