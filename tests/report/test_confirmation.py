"""A confirmation's table and page say how the attack ended under active security, and who ran here."""

import io
import re

import pytest
from rich.console import Console

from report import examples
from report.parsed import Page
from turncoat.report.confirmation import confirmation_table, endings, headline
from turncoat.report.files import files_of
from turncoat.report.saved import Saved
from turncoat.results.confirmation import Ending


def ending(**changes):
    fields = {"protocol": "malicious", "corrupt": 0, "aborted": True, "honest": True, "said": "hash mismatch"}
    return Ending(**fields | changes)


ENDS = {
    "aborted": (ending(), ("active: malicious", "0", "revealed", "aborted", "hash mismatch"), True),
    "not aborted": (
        ending(aborted=False, said=""),
        ("active: malicious", "0", "revealed", "NOT aborted", ""),
        False,
    ),
    "honest too": (
        ending(honest=False),
        ("active: malicious", "0", "FAILED", "aborted", "hash mismatch"),
        False,
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_passive_and_active_stand_side_by_side(case):
    one, row, ends = ENDS[case]
    found = examples.confirmation(active=(one,))
    assert one.ends == ends
    assert endings(found) == [("passive: MPyC 0.11", "2", "revealed", "revealed, unseen", ""), row]
    assert row[3] in Page(files_of(Saved(found))["report.html"]).text


def test_nothing_is_said_of_what_was_not_run():
    assert endings(examples.confirmation(active=())) == []
    assert (
        "products are checked"
        not in Page(files_of(Saved(examples.confirmation(active=())))["report.html"]).text
    )


@pytest.mark.parametrize(
    ("here", "says"),
    [
        ((0, 1, 2), "among 3 processes of MPyC 0.11: party 2 alone deviated, and no honest party saw"),
        ((1,), "by party 1 of 3 on as many machines, MPyC 0.11: party 2 alone deviated, and no honest"),
        ((2,), "by party 2 of 3 on as many machines, MPyC 0.11: .* the honest ones say what they saw"),
    ],
)
def test_a_machine_speaks_for_the_parties_that_it_ran(here, says):
    whole = examples.confirmation()
    some = whole.honest.model_copy(update={"seen": tuple(whole.honest.of(i) for i in here)})
    found = whole.model_copy(update={"honest": some, "attacked": some})
    assert found.here == here and found.honest_parties == tuple(i for i in here if i != 2)
    assert re.search(says, headline(found))
    console = Console(width=200, file=io.StringIO())
    with console.capture() as printed:
        console.print(confirmation_table(found))
    for text in (Page(files_of(Saved(found))["report.html"]).text, printed.get()):
        assert ("sent a step, by this party" in text) == (len(here) < 3)
        assert (re.search("n honest party saw", text) is not None) == (here != (2,))


def test_errors_that_all_agreed_to_are_never_said_to_go_unnoticed():
    found = examples.confirmation(evidence="B", active=())
    assert found.confirmed and not found.unseen
    said = headline(found)
    assert (
        said.startswith("Computed as predicted among 3 processes") and "nothing is shown of whether" in said
    )
    text = Page(files_of(Saved(found))["report.html"]).text
    assert "Evidence B: the errors are private inputs" in text and "no honest party saw" not in text
    assert "party 2 gave errors at 2" in text and "It edits" not in text


@pytest.mark.parametrize(("off", "confirmed"), [(None, True), (1e-5, True), (0.1, False)])
def test_a_program_in_parts_has_to_agree_with_it_in_one(off, confirmed):
    found = examples.confirmation(uncut=off)
    assert found.confirmed == confirmed
    if not confirmed:
        assert "is 0.1 from that of the program in one part" in headline(found)
