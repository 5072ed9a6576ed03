"""A confirmation's table and page say how the attack ended under active security, and who ran here."""

import re

import pytest

from report import examples
from report.parsed import Page
from turncoat.report.confirmation import endings, headline
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
