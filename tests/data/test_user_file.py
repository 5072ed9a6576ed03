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


@pytest.fixture
def csv(tmp_path: Path):
    def save(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "mine.csv"
        path.write_bytes(text.encode(encoding))
        return path

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
        ({"x": X, "y": Y + 1}, "labels out of range: 2 different ones run from 1 to 2"),
        ({"x": X, "y": np.array([0, 5, 1])}, "labels out of range"),
        ({"x": X, "y": np.array([0, 2, 1]), "classes": 2}, "label 2 of record 1 is out of range"),
        ({"x": X, "y": np.array([0, -1, 1])}, "labels out of range"),
        ({"x": X, "y": np.array([0, 0.5, 1])}, "label 0.5 of record 1 is not a whole number"),
        ({"x": X, "y": np.array([0, np.nan, 1])}, "label nan of record 1"),
        ({"x": X, "y": np.array([0, np.inf, 1])}, "label inf of record 1"),
        ({"x": X, "y": np.array([0, 2**40, 1])}, "is not a whole number"),
        ({"x": X, "y": np.array(["a", "b", "a"])}, "labels are <U1, not numbers"),
        ({"x": X, "y": np.zeros(3, int)}, "all labels are 0"),
        ({"x": X[:, 0], "y": Y}, "x must be an array"),
        ({"x": X.astype(complex), "y": Y}, "x must be an array"),
        ({"x": X.astype(str), "y": Y}, "x must be an array"),
        ({"x": X[:0], "y": Y[:0]}, "is empty"),
        ({"x": X * np.nan, "y": Y}, "is nan"),
        ({"x": X * 1e300, "y": Y}, "is inf"),
        ({"x": X, "y": Y, "classes": np.array([2, 3])}, "classes must be one whole number"),
        ({"x": X, "y": Y, "party": np.array([1, 2])}, "3 records but 2 parties"),
        ({"x": np.array([None] * 3), "y": Y}, "not a readable .npz file of plain arrays"),
    ],
)
def test_npz_refusals(arrays, says, npz, refusal):
    assert says in refusal(load, npz(**arrays))


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 but no more"])
def test_a_file_that_is_no_npz(content, tmp_path, refusal):
    (tmp_path / "mine.npz").write_bytes(content)
    assert "not a readable .npz" in refusal(load, tmp_path / "mine.npz")


def test_one_bare_array_is_no_npz(tmp_path, refusal):
    with (tmp_path / "mine.npz").open("wb") as stream:
        np.save(stream, X)
    assert "one bare array" in refusal(load, tmp_path / "mine.npz")


@pytest.mark.parametrize("name", ["nowhere.npz", "nowhere.csv"])
def test_a_missing_file(name, tmp_path, refusal):
    assert name in refusal(load, tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "0.5,1,0\n1.5,2,1\n-2.5,3,1\n",
        "a,b,c\n0.5,1,0\n1.5,2,1\n-2.5,3,1\n",
        "Label,a,b\n0,0.5,1\n1,1.5,2\n1,-2.5,3\n",
        "\ufeffa,y,b\r\n0.5,0,1\r\n1.5,1,2\r\n-2.5,1,3",
        '"a","#b","y"\n0.5,"1",0\n1.5,2,1\n-2.5,3,1\n',
    ],
)
def test_csv(text, csv):
    dataset = load(csv(text))
    np.testing.assert_array_equal(dataset.x, X.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, Y)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no records"),
        ("a,b,y\n", "no records"),
        ("a,y\n1,0\nred,1\n", "something other than numbers"),
        ("a,y\n1,0\n,1\n", "something other than numbers"),
        ("1,0\n1,2,1\n", "something other than numbers"),
        ("1,0\nnan,1\n", "feature 0 of record 1 is nan"),
        ("1,0\ninf,1\n", "feature 0 of record 1 is inf"),
        ("1,0\n1e39,1\n", "feature 0 of record 1 is inf"),
        ("1,0\n2,0\n", "all labels are 0"),
        ("1,1\n2,2\n", "labels out of range"),
        ("1,0.5\n2,1\n", "without a header that names it"),
        ("1\n2\n", "at least one feature and a label"),
        ("1;0\n2;1\n", "something other than numbers"),
    ],
)
def test_csv_refusals(text, says, csv, refusal):
    assert says in refusal(load, csv(text))


def test_a_csv_that_is_not_text(csv, refusal):
    assert "cannot be read as a .csv file" in refusal(load, csv("a,y\n1,0\n2,1\n", "utf-16"))
