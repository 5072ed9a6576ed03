"""The pages: complete, self-contained, escaped and well-formed."""

import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from report import examples
from turncoat.report.html import audit_html, result_html
from turncoat.results.audit import Severity

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps text, links and tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


@pytest.fixture(scope="module")
def audit_page() -> str:
    return audit_html(examples.audit())


def test_an_audit_page_begins_with_the_verdict(audit_page):
    audit, text = examples.audit(), Page(audit_page).text
    order = [
        "Broken: one corrupt party reaches its goal, and a check of accuracy would probably miss it",
        audit.verdict,
        audit.reasons[1],
        audit.next_steps[0],
        "What was done",
        "0.44% → 99.94% 99.91 to 99.97%",
        "0.0121 to 0.0224",
        "dense0/grad_weights",
        "How to run it again",
        audit.command,
        examples.reconstruction().command,
        "Attack success rate (ASR)",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_an_attack_page_tells_the_whole_run():
    result = examples.result()
    text = Page(result_html(result)).text
    for part in (
        result.goal,
        result.command,
        "83.4 to 84.1%",
        "Table 3a",
        "99.96%",
        "strength 0.03",
        "0.10.2",
    ):
        assert part in text
    for part in ("10 trials", "not needed", "2025-03-14 09:26 UTC", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"):
        assert part in text


@pytest.mark.parametrize("kind", ["audit", "result"])
def test_a_page_fetches_and_runs_nothing(kind, audit_page):
    page = audit_page if kind == "audit" else result_html(examples.result())
    parsed = Page(page)
    assert parsed.links
    assert all(link.startswith("data:image/svg+xml;base64,") for link in parsed.links)
    assert not parsed.tags & {"script", "link", "iframe", "object", "form"}
    bare = re.sub(r'src="data:[^"]*"', "", page)
    assert "http" not in bare
    assert "url(" not in bare
    assert "@import" not in bare


def test_what_a_user_wrote_is_escaped():
    evil = "<script>alert('1')</script>"
    result = examples.result(
        attack=evil,
        goal=evil,
        data_label=evil,
        command=evil,
        given={evil: evil},
        threat={evil: evil},
        notes=(evil,),
        success_name=evil,
    )
    row = examples.site(evil, (1,), 1, "forward", {evil: "shift"}, kind=evil, hint=evil)
    audit = examples.audit(
        verdict=evil, reasons=(f"`{evil}`",), results=(result,), surface=(row,), shiftable={evil: (evil,)}
    )
    for page in (result_html(result), audit_html(audit)):
        assert "<script" not in page
        assert evil in Page(page).text


@pytest.mark.parametrize("severity", get_args(Severity))
def test_an_empty_audit(severity):
    audit = examples.audit(
        severity=severity,
        results=(),
        surface=(),
        shiftable={},
        reasons=(),
        next_steps=(),
        versions={},
        command=None,
    )
    text = Page(audit_html(audit)).text
    assert text.count(severity.capitalize()) == 1
    assert "started from Python" in text


def test_a_bare_result_on_stand_in_data():
    result = examples.reconstruction().model_copy(update={"command": None, "given": {}, "threat": {}})
    text = Page(result_html(result)).text
    assert "Purchase-100 (synthetic stand-in)" in text
    assert "do not compare with the paper's" in text
    assert "Paper," not in text
