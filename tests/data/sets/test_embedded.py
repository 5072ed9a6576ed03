"""The data sets that ship with Turncoat are those that scikit-learn ships, bit for bit."""

import hashlib
import sys
from importlib import resources

import numpy as np
import pytest

from turncoat.data import catalogue, fetch, load, verify

SHA256 = {  # of x and y as loaded through scikit-learn 1.9.1
    "digits": (
        "9f578524b6cec1fc800cc52dfc87ebe56264983d490aa72a4bd928ba2570ec77",
        "3a0e68456f9a3c609b399717dd9ca55bb9153be1bccf72e38e3319cb740c75cd",
    ),
    "breast_cancer": (
        "59b2668bb4bcf212284d064794a30f307255756c165e82a583a08ed1e722a23a",
        "87c312fd4d24bc09c1ae4226107ad639989de53817109dd83465b2af8125f92b",
    ),
}
each_name = pytest.mark.parametrize("name", SHA256)


@each_name
def test_the_arrays_are_the_published_ones(name):
    dataset = load(name)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int32)
    assert tuple(hashlib.sha256(a.tobytes()).hexdigest() for a in (dataset.x, dataset.y)) == SHA256[name]


@each_name
def test_are_as_listed(name):
    dataset = load(name)
    row = next(row for row in catalogue() if row.name == name)
    assert (len(dataset), dataset.x.shape[1], dataset.classes) == (row.records, row.features, row.classes)
    assert (dataset.x.min(), dataset.x.max()) == pytest.approx(dataset.range)
    assert not dataset.stand_in
    assert verify(name) == fetch(name) == row


def test_are_scaled():
    assert load("digits").range == (0.0, 1.0)
    x = load("breast_cancer").x
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-5)


@each_name
def test_each_load_is_a_copy_of_its_own(name):
    load(name).x[:] = 7
    assert load(name).x.max() != 7


def test_need_no_other_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)  # an import of it would fail
    for name in SHA256:
        load(name)


def test_source_and_licence_stand_beside_the_file():
    text = (resources.files("turncoat.data.sets") / "embedded.md").read_text(encoding="utf-8")
    assert text.count("https://doi.org/10.24432/") == text.count("[CC BY 4.0]") == 2
