"""A result with a contributor's records alone between the honest and the attacked run, in every report."""

import io

import pytest
from rich.console import Console

from report import examples
from turncoat.report import words
from turncoat.report.figure import attack_image
from turncoat.report.html import result_html
from turncoat.report.terminal import attack_table
from turncoat.results.json import from_json, to_json
from turncoat.results.result import Paper


@pytest.fixture(scope="module")
def result():
    plain = examples.result()
    poisoned = plain.honest.model_copy(
        update={"success": plain.honest.success.model_copy(update={"mean": 0.36, "low": 0.31, "high": 0.41})}
    )
    paper = Paper(
        table="Table 7",
        honest_success=0.0,
        poisoned_success=0.37,
        attacked_accuracy=0.75,
        attacked_success=0.52,
    )
    trials = {"poisoned_accuracy": plain.per_trial["honest_accuracy"], "poisoned_success": (0.36,) * 10}
    return examples.result(poisoned=poisoned, paper=paper, per_trial={**plain.per_trial, **trials})


def terminal(result):
    screen = Console(file=io.StringIO(), width=120)
    screen.print(attack_table(result))
    return screen.file.getvalue()


def test_the_terminal_has_a_column_more_of_ours_and_of_the_papers(result):
    said = terminal(result)
    assert "Poisoned" in said and "36.0%" in said and "37.0%" in said
    assert "Poisoned" not in terminal(examples.result())


def test_the_page_has_them_too(result):
    page = result_html(result)
    assert "36.0%" in page and "37.0%" in page and "three times from one seed" in page
    assert 'class="number poisoned"' in page
    assert 'class="number poisoned"' not in result_html(examples.result())


def test_the_picture_shows_three_runs(result):
    drawn = attack_image(result, "svg")
    assert drawn != attack_image(examples.result(), "svg")
    assert drawn == attack_image(result, "svg")


def test_runs_stand_in_the_order_of_the_trial(result):
    assert list(words.runs(result)) == ["honest", "poisoned", "attacked"]
    assert list(words.runs(examples.result())) == ["honest", "attacked"]
    assert from_json(to_json(result)) == result
