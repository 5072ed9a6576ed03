"""Every kind of result has a page, a table, a line in a list, and comes back from its file."""

import io

import pytest
from rich.console import Console

from report import examples
from report.parsed import Page
from turncoat.report import kinds
from turncoat.report.files import files_of
from turncoat.report.folder import KINDS, save
from turncoat.report.index import rows
from turncoat.report.saved import MAIN, Saved, load

MADE = {
    "result.json": (examples.result(), "Backdoor"),
    "audit.json": (examples.audit(), "Broken"),
    "reproduction.json": (examples.reproduction(), "1 reach them"),
    "reproductions.json": (examples.reproductions(), "Where the time went"),
    "comparison.json": (examples.comparison(), "The verdict went from broken to exposed"),
    "confirmation.json": (examples.confirmation(), "no honest party saw a difference"),
    "defences.json": (examples.matrix(), "the data have no contributors"),
    "design.json": (examples.design(), "Check 1 of 3 sites"),
    "detection.json": (examples.detection(), "probability that one is found"),
}


def test_every_kind_is_listed_once():
    assert set(kinds.CATALOGUE) == set(MAIN) and set(MAIN.values()) <= set(KINDS)
    assert set(MADE) == set(MAIN.values())


@pytest.mark.parametrize("name", MADE)
def test_a_kind_comes_back_from_its_file_with_a_page_of_its_own(name, tmp_path):
    found, says = MADE[name]
    files = files_of(Saved(found))
    again = load(save(tmp_path / "run", files))
    assert again.found == found and files_of(again) == files
    page = Page(files["report.html"])
    assert says in page.text
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert all(link.startswith(("#", "data:image/")) for link in page.links)
    assert not page.tags & {"script", "link", "iframe", "object", "form"}


@pytest.mark.parametrize("name", MADE)
def test_a_kind_fits_a_terminal_and_a_list(name, tmp_path):
    found, _ = MADE[name]
    console = Console(width=100, file=io.StringIO())
    console.print(kinds.of(found).table(found, 3))
    assert max(map(len, console.file.getvalue().splitlines())) in range(40, 101)
    save(tmp_path / "run", files_of(Saved(found)))
    (row,) = rows(tmp_path)
    assert row.title and row.outcome and not row.fault and row.when == "2025-03-14 09:26"
