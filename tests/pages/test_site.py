"""The site builds without a warning, and its pages ask for nothing elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import turncoat
from pages.written import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


class Loaded(HTMLParser):
    """What a browser fetches of a page by itself; links that a reader follows are none of it."""

    def __init__(self, text):
        super().__init__()
        self.found, self.policy = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self.found += [v for k, v in attrs if k in ("src", "srcset", "data", "poster", "action") and v]
        if tag in ("link", "use", "image"):
            self.found += [given[k] for k in ("href", "xlink:href") if given.get(k)]


def pages(site):
    return sorted(site.rglob("*.html"))


def test_every_page_is_built(site):
    assert len(pages(site)) == len(list(DOCS.rglob("*.md"))) + 1  # and the one for what is not found


def test_pages_load_nothing_from_elsewhere(site):
    for page in pages(site):
        loaded = Loaded(page.read_text())
        away = [address for address in loaded.found if re.match(r"(\w+:)?//", address)]
        assert not away, f"{page.name} loads {away}"
        assert loaded.policy.startswith("default-src 'self' "), page.name
        assert "http" not in loaded.policy
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text()), sheet.name


def test_what_the_reader_sees_of_a_script_is_seen(site):
    assert Loaded("<script src='https://a.b/c.js'></script><a href='https://d.e'>f</a>").found == [
        "https://a.b/c.js"
    ]


def test_the_reference_has_every_public_name(site):
    shown = set(re.findall(r'id="turncoat\.(\w+)"', (site / "api.html").read_text()))
    assert shown == set(turncoat.__all__)
    assert "Raises Refusal" in (site / "api.html").read_text()


def test_the_folder_holds_no_path_of_the_machine(site):
    for page in pages(site):
        assert str(Path.home()) + "/" not in page.read_text() and str(ROOT) not in page.read_text(), page.name
