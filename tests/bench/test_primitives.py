"""docs/primitives.md: every rule has its row, and the rows are what the surfaces say today."""

import functools

import pytest
from bench.primitive_programs import ELSEWHERE, PRIMITIVES, program
from bench.primitives import ENGINES, PAGE, circuit, functions_of

from turncoat import protocols
from turncoat.core.program import trace
from turncoat.core.rules import RULES

pytestmark = pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")

EXAMPLES = {name: example for examples in PRIMITIVES.values() for name, example in examples.items()}
ASKED = ("exact", "secureml", "spu")
"""Of those that ask their protocol for functions, the page is held to these; a new one shows in its columns."""


@functools.cache
def rows():
    """The cells of each row by primitive and protocol; a refusal's number is its sentence."""
    text = PAGE.read_text()
    listed = text.split("## The sentences")[1].split("##")[0].strip().splitlines()
    sentences = {f"refused ({i})": f"refused: {s.partition('. ')[2]}" for i, s in enumerate(listed, 1)}
    found, name = {}, ""
    for line in text.splitlines():
        if line.startswith(("| `", "|  |")):
            first, who, *cells = (c.strip() for c in line.strip("|").split("|"))
            name = first.replace("`", "") or name
            for protocol in who.replace("`", "").split(", "):
                found[name, protocol] = [sentences.get(c, c) for c in cells]
    return found


def test_every_rule_has_its_row():
    shown = {name.partition(", ")[0] for name in EXAMPLES}
    assert shown | ELSEWHERE.keys() >= RULES.keys()
    assert shown >= set(ELSEWHERE.values()) and not shown & ELSEWHERE.keys()
    assert {name for name, _ in rows()} == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_row_is_what_the_surface_says(name):
    example = EXAMPLES[name]
    f, args = program(*example)
    assert name.partition(", ")[0] in {op.name for op in trace(f, *args).sub_ops()}
    asked = functions_of(example, protocols.exact)
    for protocol in ASKED if asked else ("every protocol",):
        used = protocols.get(protocol) if asked else protocols.exact
        on = ("reals",) if asked and protocol != "exact" else ENGINES
        assert [circuit(example, used, e) for e in on] == rows()[name, protocol][: len(on)]


def test_a_program_that_asks_for_no_function_is_the_same_under_all_protocols():
    assert functions_of(EXAMPLES["sort"], protocols.exact) == []
    assert functions_of(EXAMPLES["div"], protocols.exact) == ["divide"]
    assert len({circuit(EXAMPLES["sort"], p, "ring") for p in protocols.CATALOGUE.values()}) == 1
