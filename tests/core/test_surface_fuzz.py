"""Random programs: no derived class is more optimistic than an interpreter that knows of nothing but errors."""

import pytest
from bench.surface_fuzz import Found, check, differs_from_engine

from turncoat.core.passes import Keys, Loop
from turncoat.core.reach import Exposed

pytestmark = pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")

CHUNK = 30


@pytest.mark.parametrize("first", range(0, 300, CHUNK))
def test_the_surface_of_no_random_program_says_too_much(first):
    found = Found()
    for seed in range(first, first + CHUNK):
        check(seed, found)
    assert found.wrong == []
    assert found.programs == CHUNK and found.claims["shift"] and found.single


@pytest.mark.parametrize("seed", [0, 1, 5, 16, 78])
def test_the_oracle_is_what_the_engine_computes(seed):
    assert differs_from_engine(seed) < 1e-12


def overwritten(loop, wire):
    """The fault of old: an error of an earlier iteration is replaced by the site's own next one."""
    now = loop.keys.at(loop.depth, "now")
    return Exposed({r: e & ~now for r, e in wire.reach.items() if e & ~now}, wire.origin)


@pytest.mark.parametrize(
    ("owner", "name", "fault", "seed"),
    [
        (Loop, "rerun", overwritten, 1),
        (Keys, "shared", lambda keys, x, y: x & y, 78),
        (Keys, "shared", lambda keys, x, y: 0, 5),
    ],
    ids=["iterations overwrite", "earlier and later errors do not meet", "errors never meet"],
)
def test_a_planted_fault_is_found(monkeypatch, owner, name, fault, seed):
    monkeypatch.setattr(owner, name, fault)
    check(seed, found := Found())
    assert found.wrong
