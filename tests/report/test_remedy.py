"""What would have stopped an audit's attacks: in a terminal, on the page and in Markdown."""

import io

import pytest
from rich.console import Console

from report import examples
from report.parsed import Page
from turncoat.report import remedy
from turncoat.report.files import files_of
from turncoat.report.saved import Saved
from turncoat.report.terminal import audit_table
from turncoat.results.json import from_json, to_json
from turncoat.results.threats import threats

SAID = (
    "1 of 47 sites: ",
    "dense1/grad_weights",
    "1.12 \u00d7 passive bytes (all sites: 2.99)",
    "one of 2, found in",
)


def shown(audit):
    """The text of each format."""
    files = files_of(Saved(audit), ["markdown"])
    console = Console(width=200, file=io.StringIO())
    console.print(audit_table(audit))
    return console.file.getvalue(), Page(files["report.html"]).text, files["report.md"].replace("\\", "")


@pytest.mark.parametrize(
    "said", [*SAID, "turncoat design-defence", "CrypTen has no actively secure protocol"]
)
def test_each_format_says_what_would_have_stopped_it(said):
    for text in shown(examples.audit()):
        assert said in text


def test_nothing_is_said_where_nothing_came_true():
    audit = examples.audit(remedies=())
    assert remedy.rows(audit) == [] and remedy.remarks(audit) == []
    assert all(remedy.TITLE not in text for text in shown(audit))


def test_a_threat_has_its_remedy():
    found = {threat.harm: threat.remedy for threat in threats(examples.audit())}
    assert found["backdoor"].sites == ("dense1/grad_weights",) and found["reconstruction"] is None


def test_an_audit_of_the_format_before_is_still_read():
    audit = examples.audit(remedies=())
    old = (
        to_json(audit)
        .replace("turncoat.audit/5", "turncoat.audit/3")
        .replace("turncoat.result/5", "turncoat.result/3")
    )
    old = (
        old.replace('  "remedies": [],\n', "")
        .replace('      "sites": [],\n', "")
        .replace('      "in_doubt": false,\n', "")
    )
    assert "remedies" not in old and '"sites"' not in old
    again = from_json(old)
    assert again.format == "turncoat.audit/3" and again.results[0].attacked == audit.results[0].attacked


def test_a_price_without_bytes_is_a_share():
    (one,) = (threat.remedy for threat in threats(examples.audit()) if threat.remedy)
    assert remedy.price(one.model_copy(update={"factor": None})) == "5.8% of what all sites cost"
    assert remedy.named(one.model_copy(update={"suspects": 0})) == "nobody"
