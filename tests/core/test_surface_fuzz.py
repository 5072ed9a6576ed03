"""Random programs: no derived class is more optimistic than an interpreter that knows of nothing but errors."""

import pytest
from bench.surface_fuzz import Found, check, differs_from_engine
from bench.surface_maker import draw
from bench.surface_programs import BLOCKS, FAMILIES, LEAVES

from turncoat.core import exposure
from turncoat.core.exposure import Exposure
from turncoat.core.passes import Keys, Loop
from turncoat.core.reach import Exposed

pytestmark = pytest.mark.filterwarnings("ignore:.*uses arrays that are not its arguments")

CHUNK, PROGRAMS = 30, 300


@pytest.mark.parametrize("first", range(0, PROGRAMS, CHUNK))
def test_the_surface_of_no_random_program_says_too_much(first):
    found = Found()
    for seed in range(first, first + CHUNK):
        check(seed, found)
    assert found.wrong == []
    assert found.programs == CHUNK and found.claims["shift"] and found.single


def test_the_programs_have_every_operation_and_each_family_many_times():
    kinds = [draw(seed).kinds for seed in range(PROGRAMS)]
    assert set().union(*kinds) == {*LEAVES, *BLOCKS}
    for family in FAMILIES.values():
        assert sum(bool(family.keys() & k) for k in kinds) >= PROGRAMS / 6


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_the_oracle_is_what_the_engine_computes(first):
    for seed in range(first, first + 10):
        assert differs_from_engine(seed) < 1e-9, seed


def overwritten(loop, wire):
    """The fault of old: an error of an earlier iteration is replaced by the site's own next one."""
    now = loop.keys.at(loop.depth, "now")
    return Exposed({r: e & ~now for r, e in wire.reach.items() if e & ~now}, wire.origin)


@pytest.mark.parametrize(
    ("owner", "name", "fault", "seed"),
    [
        (Loop, "rerun", overwritten, 4),
        (Keys, "shared", lambda keys, x, y: x & y, 300),
        (Keys, "shared", lambda keys, x, y: 0, 3),
        (Exposure, "_by_learned", lambda self, public, x, aval: x, 34),
        (exposure, "kept_whole", lambda fn, avals: [True] * len(avals), 8),
    ],
    ids=[
        "iterations overwrite",
        "earlier and later errors do not meet",
        "errors never meet",
        "what was opened decides nothing",
        "every rearrangement can be chosen",
    ],
)
def test_a_planted_fault_is_found(monkeypatch, owner, name, fault, seed):
    monkeypatch.setattr(owner, name, fault)
    check(seed, found := Found())
    assert found.wrong
