from pathlib import Path

import numpy as np
import pytest

from turncoat.data import load

X = np.array([[0.5, 1.0], [1.5, 2.0], [-2.5, 3.0]])
Y = np.array([0, 1, 1])


@pytest.fixture
def npz(tmp_path: Path):
    def save(**arrays) -> Path:
        np.savez(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return save


def test_npz(npz):
    dataset = load(npz(x=X, y=Y))
    np.testing.assert_array_equal(dataset.x, X.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, Y)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int32)
    assert (dataset.name, dataset.classes, dataset.range) == ("mine.npz", 2, (-2.5, 3.0))
    assert dataset.source == "the user's file mine.npz"


def test_npz_with_images_parties_and_unused_classes(npz):
    images = np.zeros((3, 4, 5), np.uint8)
    dataset = load(str(npz(x=images, y=Y, classes=7, party=np.array(["b", "a", "b"]))))
    assert (dataset.shape, dataset.x.shape, dataset.classes) == ((4, 5), (3, 20), 7)
    assert dataset.party_names == ("a", "b")
    np.testing.assert_array_equal(dataset.party, [1, 0, 1])


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": X}, "no array 'y' but x"),
        ({"x": X, "y": Y[:2]}, "3 records but 2 labels"),
        ({"x": X, "y": np.array([0, 2, 1]), "classes": 2}, "label 2 of record 1 is out of range"),
        ({"x": X, "y": np.array([0, 0.5, 1])}, "label 0.5 of record 1 is not a whole number"),
        ({"x": X, "y": np.array([0, np.nan, 1])}, "label nan of record 1"),
        ({"x": X, "y": np.array([0, np.inf, 1])}, "label inf of record 1"),
        ({"x": X, "y": np.array([0, 2**40, 1])}, "is not a whole number"),
        ({"x": X, "y": np.array(["a", "b", "a"]), "classes": 2}, "labels are <U1, not numbers"),
        ({"x": X, "y": np.array(["a", "", "a"])}, "column 'y', row 1 holds no label"),
        ({"x": X, "y": np.zeros(3, int)}, "all labels are 0"),
        ({"x": X[:, 0], "y": Y}, "x must be an array"),
        ({"x": X.astype(complex), "y": Y}, "x must be an array"),
        ({"x": X.astype(str), "y": Y}, "x must be an array"),
        ({"x": X[:0], "y": Y[:0]}, "is empty"),
        ({"x": X * np.nan, "y": Y}, "is nan"),
        ({"x": X * 1e300, "y": Y}, "is inf"),
        ({"x": X, "y": Y, "classes": np.array([2, 3])}, "classes must be one whole number"),
        ({"x": X, "y": Y, "party": np.array([1, 2])}, "3 records but 2 parties"),
        ({"x": np.array([None] * 3), "y": Y}, "the array 'x' holds Python objects"),
        ({"x": np.array([["a", "b"]] * 3), "y": Y}, "x must be an array of real numbers"),
        ({"x": np.array([[b"a"]] * 3), "y": Y}, "x must be an array of real numbers"),
        ({"x": X.astype("datetime64[D]"), "y": Y}, "x must be an array of real numbers"),
        ({"x": np.zeros((3, 1), "f4, i4"), "y": Y}, "x must be an array of real numbers"),
        ({"x": np.zeros((3, 1), [("a" * 9999, "f4")]), "y": Y}, "header of the array 'x' is damaged"),
        ({"x": X[0, 0], "y": Y}, "x must be an array of real numbers"),
        ({"x": X, "y": Y[0]}, "x must be an array of real numbers"),
        ({"x": X, "y": np.array([None, 1, 1])}, "the array 'y' holds Python objects"),
        ({"x": X, "y": np.array([0, 2**64 - 1, 1], np.uint64)}, "label 18446744073709551615 of record 1"),
        ({"x": np.ones((21, 1)), "y": np.arange(21) + 1}, "holds 21 different numbers in 21 records"),
        ({"x": X, "y": Y, "classes": 10**9}, "1,000,000,000 classes, more than the 10,000"),
        ({"x": X, "y": Y, "classes": np.uint64(2**64 - 1)}, "more than the 10,000"),
        ({"x": X, "y": Y, "classes": -5}, "classes must be one whole number from 1 up"),
        ({"x": X, "y": Y, "classes": 0}, "classes must be one whole number from 1 up"),
        ({"x": X, "y": Y, "classes": 2.5}, "classes must be one whole number"),
        ({"x": X, "y": Y, "classes": "two"}, "classes must be one whole number"),
        ({"x": X, "y": np.array([0, -1, 1]), "classes": 2}, "label -1 of record 1 is out of range"),
        ({"x": X, "y": Y, "party": 3}, "party must be one number or name for each record"),
        ({"x": X, "y": Y, "party": np.array("a")}, "party must be one number or name for each record"),
        ({"x": X, "y": Y, "party": np.zeros((3, 2))}, "party must be one number or name for each record"),
        ({"x": X, "y": Y, "party": np.array([{}, 1, 2])}, "the array 'party' holds Python objects"),
        ({"x": X, "y": Y, "party": np.zeros(3, complex)}, "party must be one number or name"),
        ({"X": X, "Y": Y}, "no array 'x' but X, Y"),
        ({"\n" * 500: X}, "no array 'x' but "),
        ({}, "no array 'x' but none"),
    ],
)
def test_npz_refusals(arrays, says, npz, refusal):
    assert says in refusal(load, npz(**arrays))


def test_arrays_that_are_not_asked_for_may_be_anything(npz):
    assert len(load(npz(x=X, y=Y, note=np.array([{"a": 1}])))) == 3


def test_any_numbers_and_any_order_in_memory_are_read(npz):
    for kind in ("?", "i1", "u8", ">i4", "f2", ">f8", "g"):
        np.testing.assert_array_equal(load(npz(x=X > 1, y=Y)).x, X > 1)
        x = np.asfortranarray(X.astype(kind))
        np.testing.assert_array_equal(load(npz(x=x, y=Y)).x, x.astype(np.float32))


@pytest.mark.parametrize(
    ("labels", "numbers", "note"),
    [
        ([0, 1, 1], [0, 1, 1], ()),
        ([1, 2, 2], [0, 1, 1], ("labels are column 'y', numbered 1 = 0, 2 = 1",)),
        ([0, -1, 1], [1, 0, 2], ("labels are column 'y', numbered -1 = 0, 0 = 1, 1 = 2",)),
        ([0, 2**31 - 1, 1], [0, 2, 1], ("labels are column 'y', numbered 0 = 0, 1 = 1, 2147483647 = 2",)),
        (["b", "a", "b"], [1, 0, 1], ("labels are column 'y', numbered a = 0, b = 1",)),
    ],
)
def test_npz_labels_are_numbered(labels, numbers, note, npz):
    dataset = load(npz(x=X, y=np.array(labels)))
    assert (dataset.y.tolist(), dataset.classes, dataset.notes) == (numbers, max(numbers) + 1, note)


def test_npz_features_are_scaled_if_that_is_asked_for(npz):
    x = np.array([[0, 5, 7], [1, 5, 9], [1, 5, 11]])
    scaled = load(npz(x=x, y=Y), scale="range")
    np.testing.assert_array_equal(scaled.x, [[0, 0, 0], [1, 0, 0.5], [1, 0, 1]])
    assert "moved to 0 to 1" in scaled.notes[0]
    (note,) = load(npz(x=x, y=Y)).notes
    assert note.startswith("features from 0 to 11 are used as they are")
    assert load(npz(x=x, y=Y), scale="none").notes == () == load(npz(x=X, y=Y)).notes


def test_npz_features_are_finite_before_they_are_scaled(npz, refusal):
    x = np.where(X == 3, np.nan, X)
    assert "feature 1 of record 2 is nan" in refusal(load, npz(x=x, y=Y), scale="standard")


@pytest.mark.parametrize("choice", [{"label": "y"}, {"contributor": "party"}, {"drop": ("x",)}])
def test_columns_are_not_chosen_in_an_npz(choice, npz, refusal):
    (name,) = choice
    assert f"--{name} has no effect on" in refusal(load, npz(x=X, y=Y), **choice)
