"""The picture of a design: each attack before and after, beside the prices."""

import pytest

from report.examples import design, measured
from turncoat.report import before_after
from turncoat.report.before_after import Pair, design_image, pairs
from turncoat.report.html import design_html
from turncoat.results.design import Cost, Unmade


def test_an_attack_stands_once_with_the_most_that_it_reached():
    found = design()
    (way,), (held,) = found.ways, found.held
    more = way.model_copy(update={"success": measured(1.0)})
    less = held.model_copy(update={"attack": "backdoor", "success": measured(0.2)})
    drawn = pairs(found.model_copy(update={"ways": (way, more), "held": (held, less)}))
    assert drawn == (
        Pair("backdoor", way.honest, more.success, less.success, False),
        Pair("search", held.honest, None, held.success, False),
    )


def test_no_way_in_is_told_from_what_is_not_known():
    closed = Unmade(attack="backdoor", harm="backdoor", why="no site.", closed=True)
    assert [one.closed for one in pairs(design(unmade=(closed,)))] == [True, False]
    assert [one.closed for one in pairs(design(unmade=()))] == [False, False]


@pytest.mark.parametrize("narrow", [False, True])
def test_equal_designs_have_equal_pictures(narrow):
    image = design_image(design(), "png", narrow)
    assert image.startswith(b"\x89PNG") and image == design_image(design(), "png", narrow)


def drawn(**changes):
    above, below = before_after._draw(design(**changes), 7.4).axes
    names = [[label.get_text() for label in axes.get_yticklabels()] for axes in (above, below)]
    return names, [[text.get_text() for text in axes.texts] for axes in (above, below)], below.get_xlabel()


def test_the_picture_says_attacks_and_prices():
    names, said, label = drawn()
    assert names == [["backdoor", "search"], ["passive", "this set", "everything"]]
    assert said == [["not known"], [" 1.00 \u00d7", " 1.12 \u00d7", " 2.99 \u00d7"]]
    assert label == "Bytes a step, by the prices of sy-rep-ring"


def test_prices_that_are_no_bytes_are_drawn_as_they_are():
    amounts = {"design": 640, "everything": 2_000, "least": 640}
    names, said, label = drawn(costs=(Cost(framework="messages", about="", unit="messages", **amounts),))
    assert names[1] == ["this set", "everything"] and said[1] == [" 640", " 2,000"]
    assert label == "Messages a step, added, by the prices of messages"


def test_the_page_shows_it_unless_nothing_was_run():
    assert design_html(design()).count("<picture>") == 1
    assert "<picture>" not in design_html(design(ways=(), held=(), lone={}, checked=()))
