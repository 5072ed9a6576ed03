"""What docs/data.md says of a file is what is said of that file."""

import re
from pathlib import Path

import pytest

from turncoat.data import load
from turncoat.refusal import Refusal

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
CASES = re.findall(r"```csv(.*)\n((?:.*\n)*?)```\n\n((?:> .*\n)+)", PAGE)


def said(path, choices):
    try:
        return list(load(path, **choices).notes)
    except Refusal as refusal:
        return [str(refusal)]


@pytest.mark.parametrize("case", CASES, ids=[f"{i}" for i in range(len(CASES))])
def test_the_page_shows_what_is_said(case, tmp_path):
    options, text, shown = case
    path = tmp_path / "mine.csv"
    path.write_text(text)
    choices = {"scale": "none"} | dict(one.removeprefix("--").split("=") for one in options.split())
    found = " ".join(said(path, choices)).replace(f"{path}: ", "").replace(f"{path} ", "")
    assert " ".join(shown.replace("\n> ", " ").removeprefix("> ").split()) == found


def test_every_file_of_the_page_is_tried():
    assert len(CASES) == PAGE.count("```csv") == 12
