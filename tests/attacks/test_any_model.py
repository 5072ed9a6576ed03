"""Attacks know a job by its surface and its anatomy: none asks what it is, or what its parameters are called."""

import io
import re
import tokenize
from pathlib import Path

import pytest

import turncoat

ROOMS = ("attacks", "adversary", "goals")
PENDING = {
    "adversary/budget.py",
    "adversary/neuron_path.py",
    "adversary/places.py",
    "adversary/search.py",
    "adversary/view.py",
    "attacks/neuron_override.py",
    "attacks/sparse_backdoor.py",
    "attacks/targeted_override.py",
}
"""Files that still do."""
ROOT = Path(turncoat.__file__).parent
FILES = sorted(str(f.relative_to(ROOT)) for room in ROOMS for f in (ROOT / room).glob("*.py"))
BUILT_IN = re.compile(r"\b[wb][0-9]\b|\b[wb]\{|\bmodel\.|\.model\b|\bmodels\.|\.training\b|\blearning_rate\b")
NAME = re.compile(r"""f?["'][wb](\d|\{)""")
"""A string that is a parameter's name; other strings are for readers."""


def said(path):
    """What a file says outside of comments and docstrings, by lines."""
    source = (ROOT / path).read_text()
    left = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type != tokenize.COMMENT
        and not (token.type == tokenize.STRING and not NAME.match(token.string))
    ]
    lines: dict[int, list[str]] = {}
    for number, string in left:
        lines.setdefault(number, []).append(string)
    return {number: "".join(strings) for number, strings in lines.items()}


@pytest.mark.parametrize("path", FILES)
def test_no_attack_names_the_parts_of_a_built_in_model(path):
    found = {number: line for number, line in said(path).items() if BUILT_IN.search(line)}
    if path in PENDING:
        assert found, f"{path} names none any more: it is not pending"
    else:
        assert not found
