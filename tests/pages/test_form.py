"""Pages are written so that every reader of Markdown makes the same of them."""

from __future__ import annotations

import re

import pytest

from pages.written import PAGES, named, prose

ITEM = re.compile(r"\s*([-*]|\d+\.) ")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_list_begins_after_a_blank_line(page):
    """Else some take it for a part of the paragraph."""
    for paragraph in re.split(r"\n\s*\n", prose(page)):
        first, *rest = paragraph.splitlines() or [""]
        begins = [line for line in rest if ITEM.match(line)]
        assert ITEM.match(first) or re.match(r"#+ ", first) or not begins, begins[0]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_table_begins_after_a_blank_line_and_has_as_many_cells_in_each_row(page):
    for paragraph in re.split(r"\n\s*\n", prose(page)):
        lines = paragraph.strip("\n").splitlines()
        if not any(re.match(r"\s*\|[ :-]+-\|", line) or re.match(r"\s*\|-", line) for line in lines):
            continue
        lines = [line for line in lines if not line.startswith("<!--")]
        assert all(line.strip().startswith("|") for line in lines), lines[0]
        counts = {len(re.split(r"(?<!\\)\|", line.strip())) for line in lines}
        assert len(counts) == 1, lines[0]
