from dataclasses import replace

import numpy as np
import pytest

from turncoat.data import load
from turncoat.data.sets import synthetic
from turncoat.data.sets.synthetic import PURCHASE, TEXAS, draw, make


def test_the_stand_ins_have_the_originals_form():
    assert (PURCHASE.features, PURCHASE.classes, PURCHASE.records) == (600, 100, 80_000)
    assert (TEXAS.features, TEXAS.classes, TEXAS.records) == (6169, 100, 67_330)


@pytest.mark.parametrize("recipe", [PURCHASE, TEXAS])
def test_a_stand_in_is_always_labelled(recipe):
    dataset = make(replace(recipe, records=300), 0)
    assert dataset.stand_in
    assert dataset.label == f"{recipe.name} (synthetic stand-in)"
    assert "synthetic" in dataset.source
    assert set(np.unique(dataset.x)) == {0.0, 1.0}


def test_the_seed_decides():
    small = replace(PURCHASE, records=5000)
    (x, y), (x_again, y_again), (x_other, _) = draw(small, 3), draw(small, 3), draw(small, 4)
    np.testing.assert_array_equal(x, x_again)
    np.testing.assert_array_equal(y, y_again)
    assert (x != x_other).any()


def test_records_cluster_by_class():
    """A record is nearer to the mean of its own class than to another's far more often than by chance."""
    x, y = draw(replace(PURCHASE, records=20_000), 0)
    means = np.stack([x[:10_000][y[:10_000] == c].mean(axis=0) for c in range(100)])
    scores = x[10_000:] @ means.T - (means**2).sum(axis=1) / 2
    assert 0.4 < (scores.argmax(axis=1) == y[10_000:]).mean() < 0.8


def test_all_classes_occur():
    dataset = load("purchase100-like")
    assert dataset.x.shape == (80_000, 600)
    assert np.bincount(dataset.y, minlength=100).min() > 100


def test_refuses_a_negative_seed(refusal):
    assert "seed -1" in refusal(load, "purchase100-like", seed=-1)


def test_nothing_is_drawn_on_import():
    assert not any(isinstance(value, np.ndarray) for value in vars(synthetic).values())
