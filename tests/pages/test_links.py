"""Links between pages lead somewhere: to a file that is there, and to a heading of it."""

from __future__ import annotations

import re

import pytest

from pages.written import PAGES, ROOT, named, prose

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MADE = {"api.md"}
"""Pages whose anchors are made from docstrings; the built site is held to them (`test_site.py`)."""


def headings(page):
    """The anchors of a page's headings, as the site and code hosts make them."""
    titles = re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in titles)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        assert not re.match(r"\w+:|/", link), f"{link} leaves the project"
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_file() or target.is_dir(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leaves the project"
        if anchor and target.name not in MADE:
            assert anchor in headings(target), f"{link} has no such heading"


def test_links_are_found():
    assert sum(len(LINK.findall(prose(page))) for page in PAGES) > 100
