"""What a tape's numbers and places are to MP-SPDZ, and who may run it; its parties run in `test_other_engines`."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.parties import backends, mp_spdz
from turncoat.parties.programs.tape import Op
from turncoat.refusal import Refusal

sys.path.append(str(backends.PROGRAMS))
import mp_spdz_numbers as numbers

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)


@given(SHAPES, st.data())
def test_an_index_of_one_list_for_each_axis_is_taken_apart(shape, data):
    lists = [np.array(data.draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))) for n in shape]
    index = np.zeros(shape, np.int64)
    for axis, offsets in enumerate(lists):
        index = index + offsets.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    found = numbers.separated(index)
    for offsets, wanted in zip(found, lists, strict=True):
        np.testing.assert_array_equal(offsets, wanted - wanted[0])


@pytest.mark.parametrize("index", [[[0, 1], [2, 4]], [[0, 1], [-1, 2]]])
def test_other_indices_are_not(index):
    assert numbers.separated(np.array(index)) is None


@given(st.floats(-100, 100), st.booleans())
def test_an_error_is_encoded_at_the_scale_of_the_product(error, truncates):
    op = Op("multiply", 7, shape=(1,), detail="truncates" if truncates else "")
    found = numbers.summand(op, np.array([error]))
    scale = 2.0 ** (36 if truncates else 18)
    assert abs(int(found[0]) - error * scale) <= 0.5
    assert numbers.timer(op) == 10_007


@pytest.mark.parametrize(
    ("factor", "whole", "bits"), [(3.0, 3, 0), (0.5, 1, 1), (-0.25, -1, 2), (1 / 3, round(2**18 / 3), 18)]
)
def test_a_public_factor_has_as_few_bits_as_it_needs(factor, whole, bits):
    found, needed = numbers.factor_of(np.array([factor]))
    assert (found.tolist(), needed) == ([whole], bits)


def test_a_small_factor_has_more_bits():
    found, bits = numbers.factor_of(np.array([1e-3]))
    assert bits == 22 and found.tolist() == [round(1e-3 * 2**22)]


def tree(folder, *built):
    for name in ("Compiler/compilerLib.py", *built):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_what_is_not_built_is_refused_with_what_builds_it(tmp_path):
    mine = tree(tmp_path / "MP-SPDZ")
    with pytest.raises(Refusal, match=r"not built in .*: make -j8 replicated-ring-party\.x"):
        mp_spdz.options(str(mine))
    tree(mine, mp_spdz.PASSIVE)
    with pytest.raises(Refusal, match=r"corrupt party .* not built; build it by: sh .*\.sh .*MP-SPDZ"):
        mp_spdz.options(str(mine))
    tree(tmp_path / "MP-SPDZ-corrupt", mp_spdz.PASSIVE)
    found = mp_spdz.options(str(mine))
    assert found == {"tree": str(mine), "corrupt": f"{mine}-corrupt"}
    with pytest.raises(Refusal, match=r"make -j8 malicious-rep-ring-party\.x"):
        mp_spdz.options(str(mine), malicious=True)


def test_the_patch_changes_one_summand_and_one_timer():
    patch = Path(mp_spdz.BUILD).with_name("corrupt_party.patch").read_text()
    files = patch.split("--- a/")[1:]
    assert [part.splitlines()[0] for part in files] == [
        "Processor/Instruction.hpp",
        "Protocols/Replicated.hpp",
        "Tools/CorruptParty.h",
    ]
    lines = [line for part in files[:2] for line in part.splitlines()[2:]]
    assert not [line for line in lines if line.startswith("-")]
    assert len([line for line in lines if line.startswith("+")]) == 5
