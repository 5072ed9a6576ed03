from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turncoat.data import Dataset, Sizes, default_sizes, split


def dataset(n: int, test_from: int | None = None, reserve: int = 0) -> Dataset:
    """Records that carry their own number as their only feature; the reserve is some of them, not in order."""
    x = np.arange(n, dtype=np.float32)[:, None]
    y = (np.arange(n) % 2).astype(np.int32)
    party = (np.arange(n) % 3).astype(np.int32)
    return Dataset(
        "made",
        x,
        y,
        2,
        (1,),
        "made here",
        (0.0, float(n)),
        party=party,
        party_names=tuple("abc"),
        test_from=test_from,
        reserve=np.arange(n)[::-1][: 2 * reserve : 2] if reserve else None,
    )


def parts(splits):
    return splits.victim, splits.adversary, splits.test, splits.tuning


@given(n=st.integers(4, 400), seed=st.integers(0, 2**32), data=st.data())
def test_parts_are_disjoint_and_keep_records_whole(n, seed, data):
    test_from = data.draw(st.none() | st.integers(3, n - 1))
    whole = dataset(n, test_from)
    splits = split(whole, seed)
    index = np.concatenate([part.index for part in parts(splits)])
    assert len(np.unique(index)) == len(index) <= n
    for part in parts(splits):
        assert len(part) >= (0 if part is splits.tuning else 1)
        np.testing.assert_array_equal(part.x[:, 0], part.index)
        np.testing.assert_array_equal(part.y, part.index % 2)
        np.testing.assert_array_equal(part.party, part.index % 3)
    if test_from is not None:
        assert sorted(splits.test.index) == list(range(test_from, n))


@given(n=st.integers(40, 400), seed=st.integers(0, 2**32), data=st.data())
def test_a_reserve_goes_into_the_tuning_part_alone(n, seed, data):
    whole = dataset(n, reserve=data.draw(st.integers(1, n // 3)))
    splits = split(whole, seed)
    assert sorted(splits.tuning.index) == sorted(whole.reserve)
    index = np.concatenate([part.index for part in parts(splits)])
    assert len(np.unique(index)) == len(index) == n
    few = split(whole, seed, {"tuning": 0, "test": 1})
    assert len(few.tuning) == 0
    assert not any(np.isin(part.index, whole.reserve).any() for part in parts(few))


@pytest.mark.parametrize(
    ("n", "test_from", "first"),
    [(100, None, ([82, 36, 20], [73, 38, 88])), (100, 80, ([50, 5, 19], [93, 85, 91]))],
)
def test_without_a_reserve_the_parts_are_those_of_earlier_versions(n, test_from, first):
    splits = split(dataset(n, test_from), 0)
    assert (splits.victim.index[:3].tolist(), splits.test.index[:3].tolist()) == first


def test_the_seed_decides():
    whole = dataset(100)
    first, again, other = split(whole, 1), split(whole, 1), split(whole, 2)
    for a, b in zip(parts(first), parts(again), strict=True):
        np.testing.assert_array_equal(a.index, b.index)
    assert not np.array_equal(first.victim.index, other.victim.index)


@pytest.mark.parametrize(
    ("n", "test_from", "sizes"),
    [
        (197_324, None, (20_000, 20_000, 20_000, 20_000)),  # purchase100
        (67_330, None, (20_000, 20_000, 20_000, 7_330)),  # texas100
        (70_000, 60_000, (20_000, 20_000, 10_000, 20_000)),  # fmnist
        (1_797, None, (628, 628, 359, 182)),  # digits
        (5_010, None, (1_753, 1_753, 1_002, 502)),  # location30
        (1_000, 800, (350, 350, 200, 100)),
    ],
)
def test_default_sizes(n, test_from, sizes):
    assert astuple(default_sizes(dataset(n, test_from))) == sizes


@pytest.mark.parametrize(
    ("n", "reserve", "sizes"),
    [
        (144_636, 20_662, (20_000, 20_000, 20_000, 20_000)),  # acs_income
        (1_000, 100, (350, 350, 200, 100)),
    ],
)
def test_default_sizes_with_a_reserve(n, reserve, sizes):
    assert astuple(default_sizes(dataset(n, reserve=reserve))) == sizes


def test_sizes_can_be_given_in_part_or_whole():
    whole = dataset(1_000)
    assert len(split(whole, 0, {"victim": 10}).victim) == 10
    assert len(split(whole, 0, {"victim": 10}).test) == 200
    assert [len(p) for p in parts(split(whole, 0, Sizes(1, 2, 3, 4)))] == [1, 2, 3, 4]
    assert len(split(whole, 0, {"tuning": 0}).tuning) == 0


@pytest.mark.parametrize(
    ("whole", "sizes", "says"),
    [
        (
            dataset(100),
            {"victim": 90},
            "needs 155 records (victim 90, adversary 35, test 20, tuning 10) but made has 100",
        ),
        (dataset(100, 80), {"test": 21}, "made has 80 and 20 (the official ones)"),
        (dataset(100, 80), Sizes(40, 40, 1, 1), "made has 80 and 20 (the official ones)"),
        (dataset(100, reserve=9), {"tuning": 10}, "made has 91 and 9 (its reserve)"),
        (dataset(100, reserve=9), Sizes(40, 40, 12, 1), "made has 91 and 9 (its reserve)"),
        (dataset(3), None, "too few for four parts"),
        (dataset(100), {"viktim": 3}, "no part 'viktim'"),
        (dataset(100), {"victim": 0}, "victim part cannot have 0 records"),
        (dataset(100), {"tuning": -1}, "tuning part cannot have -1 records"),
        (dataset(100), {"victim": 2.5}, "cannot have 2.5 records"),
    ],
)
def test_refuses_sizes_that_cannot_be(whole, sizes, says, refusal):
    assert says in refusal(split, whole, 0, sizes)


def test_refuses_a_negative_seed(refusal):
    assert "seed -1" in refusal(split, dataset(10), -1)
