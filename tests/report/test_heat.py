"""The heat map of attacks against defences: its colours can be read, and the adaptive column is marked."""

import numpy as np
import pytest
from rich.console import Console

from report.examples import matrix
from turncoat.report.heat import blended, contrast, heat_image, heat_lines, warm
from turncoat.report.html import matrix_html
from turncoat.report.matrix import NOT_AGAIN, PLANNED_AGAIN, matrix_table, price_table, so_far
from turncoat.results.values import Measured


def of(mean):
    return Measured(mean=mean, low=mean, high=mean, count=9)


def test_contrast_is_as_the_standard_has_it():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("share", np.linspace(0, 1, 21))
def test_numbers_can_be_read_on_every_colour(share):
    tile = warm(of(float(share)), True, "loss")
    assert contrast(tile.ink, tile.ground) >= 4.5 and tile.text == f"{100 * share:.0f}"


def test_more_success_is_darker():
    light = [contrast(blended(share), "#000000") for share in np.linspace(0, 1, 11)]
    assert all(np.diff(light) < 0)


def test_each_defence_has_a_tile_for_attacks_that_know_it():
    first, second = heat_lines(matrix())
    assert [tile.again for tile in first.tiles] == [False, True, False, True]
    assert [tile.text for tile in first.tiles] == ["0", "\u2013", "\u2013", "98"]
    assert [tile.text for tile in second.tiles] == ["0", "\u2013", "0", "98"]
    assert [tile.again for tile in heat_lines(matrix(adaptive=False))[0].tiles] == [False, False]


def test_pictures_of_equal_matrices_are_equal():
    assert heat_image(matrix()) == heat_image(matrix()) != heat_image(matrix(adaptive=False))


def test_the_page_marks_what_was_planned_again_and_calls_nothing_sufficient_without_it():
    known, unknown = matrix_html(matrix()), matrix_html(matrix(adaptive=False))
    assert known.count('class="again"') == 4 and "planned again: 98" in known
    assert "not sufficient: backdoor, deposit" in known and PLANNED_AGAIN in known
    assert 'class="again"' not in unknown and NOT_AGAIN in unknown
    assert unknown.count("not attacked in its knowledge") == 2


def test_what_may_be_said_of_a_defence():
    assert so_far(matrix(), "loss") == "not sufficient: backdoor, deposit"
    assert so_far(matrix(), "matrices") == "nothing was tried: none of 2 attacks had a way in"
    assert so_far(matrix(adaptive=False), "loss") == "not attacked in its knowledge"


def test_a_defence_is_not_unbroken_while_an_attack_is_in_doubt():
    found = matrix()
    again = found.rows[0].adaptive["loss"].model_copy(update={"reached": False, "in_doubt": True})
    rows = tuple(row.model_copy(update={"adaptive": {"loss": again}}) for row in found.rows)
    assert so_far(found.model_copy(update={"rows": rows}), "loss").startswith(
        "in doubt, in too few trials: backdoor"
    )


def test_the_strongest_attack_is_the_better_of_both_ways_of_planning():
    found = matrix()
    assert found.strongest("loss").how == "all in the last step, the 2 largest errors"
    assert found.strongest("loss").gain == pytest.approx(0.98)
    assert "without the defence in mind" in found.strongest("matrices").how


def test_what_defences_cost_stands_in_the_terminal_and_on_the_page():
    """Times only where some were measured; no number where the job does not run in shares."""
    found = matrix()
    (*head, last), *lines = price_table(found)
    assert head[2:5] == ["Bytes", "Rounds", "Time"] and last == "Points"
    assert [line[2:5] for line in lines] == [("1.40x", "1.20x", "3.50x")] * 2
    page = matrix_html(found)
    assert "What each defence costs" in page and '<td class="number">3.50x</td>' in page
    known = {"time": None, "rounds": None, "factor": None}
    plain = matrix(defences=tuple(one.model_copy(update=known) for one in found.defences))
    head, *lines = price_table(plain)
    assert "Time" not in head and [line[2:4] for line in lines] == [("", "")] * 2


def test_the_terminal_has_how_it_was_got():
    console = Console(width=200)
    with console.capture() as said:
        console.print(matrix_table(matrix()))
    assert "all in the last step, the 2 largest errors; 2 messages" in said.get()
