"""A record with a contributor's records alone between the honest and the attacked run, in every report."""

import io

import pytest
from rich.console import Console

from report import examples
from turncoat.record import Paper, from_json, to_json
from turncoat.report import words
from turncoat.report.figure import attack_image
from turncoat.report.html import record_html
from turncoat.report.terminal import attack_table


@pytest.fixture(scope="module")
def record():
    plain = examples.record()
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
    return examples.record(poisoned=poisoned, paper=paper, per_trial={**plain.per_trial, **trials})


def terminal(record):
    screen = Console(file=io.StringIO(), width=120)
    screen.print(attack_table(record))
    return screen.file.getvalue()


def test_the_terminal_has_a_column_more_of_ours_and_of_the_papers(record):
    said = terminal(record)
    assert "Poisoned" in said and "36.0%" in said and "37.0%" in said
    assert "Poisoned" not in terminal(examples.record())


def test_the_page_has_them_too(record):
    page = record_html(record)
    assert "36.0%" in page and "37.0%" in page and "three times from one seed" in page
    assert 'class="number poisoned"' in page
    assert 'class="number poisoned"' not in record_html(examples.record())


def test_the_picture_shows_three_runs(record):
    drawn = attack_image(record, "svg")
    assert drawn != attack_image(examples.record(), "svg")
    assert drawn == attack_image(record, "svg")


def test_runs_stand_in_the_order_of_the_trial(record):
    assert list(words.runs(record)) == ["honest", "poisoned", "attacked"]
    assert list(words.runs(examples.record())) == ["honest", "attacked"]
    assert from_json(to_json(record)) == record
