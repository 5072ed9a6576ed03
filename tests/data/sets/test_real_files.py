"""The real files, where `$TURNCOAT_DATA` holds them."""

import numpy as np
import pytest

from turncoat.data import catalogue, load, split, verify

FILES = {
    "fmnist": "fashion_mnist.npz",
    "acs_income": "acs_income_2018.npz",
    "acs_income-il": "acs_income_2018.npz",
    "location30": "location30.npz",
}


@pytest.mark.parametrize("name", FILES)
def test_is_as_listed_and_fills_its_splits(name, real_file):
    real_file(FILES[name])
    assert verify(name).status == "verified"
    row = next(row for row in catalogue() if row.name == name)
    dataset = load(name)
    assert (len(dataset), dataset.x.shape[1], dataset.classes) == (row.records, row.features, row.classes)
    low, high = dataset.range
    assert low <= dataset.x.min() <= dataset.x.max() <= high
    assert len(np.unique(dataset.y)) == dataset.classes
    splits = split(dataset, 0)
    assert len(splits.victim) == len(splits.adversary) == (1_753 if name == "location30" else 20_000)


def test_fashion_mnist_is_balanced_and_its_test_part_official(real_file):
    real_file(FILES["fmnist"])
    dataset = load("fmnist")
    assert dataset.test_from == 60_000
    np.testing.assert_array_equal(np.bincount(dataset.y[:60_000]), 6_000)
    np.testing.assert_array_equal(np.bincount(dataset.y[60_000:]), 1_000)
    assert split(dataset, 0).test.index.min() == 60_000


def test_states_have_the_published_shares_of_high_incomes(real_file):
    real_file(FILES["acs_income"])
    dataset = load("acs_income")
    shares = [dataset.y[dataset.party == i].mean() for i in range(5)]
    np.testing.assert_allclose(shares, [0.403, 0.282, 0.364, 0.428, 0.341], atol=5e-4)
    np.testing.assert_array_equal(np.bincount(dataset.party), [32_166, 17_917, 21_919, 39_944, 32_690])


def test_features_of_census_are_about_standardised(real_file):
    """By constants, so not exactly; a code as rare as one record in a thousand stands out less than others."""
    real_file(FILES["acs_income"])
    x = load("acs_income").x
    assert np.abs(x.mean(axis=0)).max() <= 0.2
    assert np.median(x.std(axis=0)) == pytest.approx(1, abs=0.1) and x.std(axis=0).max() <= 1.3
