"""Fashion-MNIST in the three forms in which it may lie on disk, with few and small images."""

import numpy as np
import pytest

from data.sets.tiny import clothes
from turncoat.data import split
from turncoat.data.catalogue import load_source
from turncoat.data.sets import fashion_mnist

RNG = np.random.default_rng(0)
ARRAYS = {
    "x_train": RNG.integers(0, 256, (12, 4, 5), np.uint8),
    "y_train": RNG.integers(0, 10, 12, np.uint8),
    "x_test": RNG.integers(0, 256, (6, 4, 5), np.uint8),
    "y_test": RNG.integers(0, 10, 6, np.uint8),
}


@pytest.mark.parametrize("which", [0, 1, 2])
def test_reads_each_layout(which, put):
    dataset = load_source(put(fashion_mnist.SOURCE, clothes(which, ARRAYS), which))
    x = np.concatenate([ARRAYS["x_train"], ARRAYS["x_test"]]).reshape(18, 20) / 255
    np.testing.assert_allclose(dataset.x, x, rtol=1e-6)
    np.testing.assert_array_equal(dataset.y, np.concatenate([ARRAYS["y_train"], ARRAYS["y_test"]]))
    assert (dataset.shape, dataset.test_from, dataset.range) == ((4, 5), 12, (0.0, 1.0))
    assert sorted(split(dataset, 0).test.index) == list(range(12, 18))


def test_refuses_images_that_do_not_fit(put, refusal):
    arrays = {**ARRAYS, "x_test": ARRAYS["x_test"][:, :3]}
    source = put(fashion_mnist.SOURCE, clothes(1, arrays), 1)
    assert "do not fit" in refusal(load_source, source)


def test_refuses_a_label_too_many(put, refusal):
    arrays = {**ARRAYS, "y_test": np.append(ARRAYS["y_test"], np.uint8(1))}
    source = put(fashion_mnist.SOURCE, clothes(1, arrays), 1)
    assert "18 records but 19 labels" in refusal(load_source, source)
