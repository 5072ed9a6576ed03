"""purchase100, texas100 and location30 in their published formats, with few records."""

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from turncoat.data import location30, purchase100, texas100
from turncoat.data.catalogue import load_source
from turncoat.data.source import FileSource

N = 9
RNG = np.random.default_rng(0)


def row(values: np.ndarray) -> str:
    return ",".join(str(int(v)) for v in values)


def purchase(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    return {"dataset_purchase": "".join(f"{label},{row(r)}\n" for label, r in zip(y, x, strict=True))}


def texas(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    return {
        "texas/100/feats": "".join(f"{row(r)}\n" for r in x),
        "texas/100/labels": "".join(f"{label}\n" for label in y),
    }


def location(x: np.ndarray, y: np.ndarray) -> dict[str, str]:
    return {"bangkok": "".join(f'"{label}",{row(r)}\n' for label, r in zip(y, x, strict=True))}


CASES = [
    (purchase100.SOURCE, 600, 100, purchase),
    (texas100.SOURCE, 6169, 100, texas),
    (location30.SOURCE, 446, 30, location),
]
Put = Callable[[FileSource, dict[str, str]], FileSource]


@pytest.fixture
def put(data_folder: Path, checksum) -> Put:
    """Write the members as the source's canonical archive; the source, expecting that archive."""

    def write(source: FileSource, members: dict[str, str]) -> FileSource:
        (file,) = source.canonical.files
        path = data_folder / file.name
        with tarfile.open(path, "w:gz") as archive:
            for name, text in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
        known = replace(file, checksum=checksum("git", path.read_bytes()))
        return replace(source, layouts=(replace(source.canonical, files=(known,)),))

    return write


def drawn(features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    y = RNG.integers(1, classes + 1, N)
    y[:2] = 1, classes
    return RNG.integers(0, 2, (N, features)), y


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
def test_reads_the_published_format(source, features, classes, form, put):
    x, y = drawn(features, classes)
    dataset = load_source(put(source, form(x, y)))
    np.testing.assert_array_equal(dataset.x, x)
    np.testing.assert_array_equal(dataset.y, y - 1)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int32)
    assert (dataset.classes, dataset.shape, dataset.range) == (classes, (features,), (0.0, 1.0))
    assert not dataset.stand_in


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
def test_reads_windows_line_ends(source, features, classes, form, put):
    x, y = drawn(features, classes)
    members = {name: text.replace("\n", "\r\n") for name, text in form(x, y).items()}
    np.testing.assert_array_equal(load_source(put(source, members)).x, x)


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
@pytest.mark.parametrize("label", [0, 101])
def test_refuses_labels_out_of_range(label, source, features, classes, form, put, refusal):
    x, y = drawn(features, classes)
    y[3] = label
    assert "labels out of range, from" in refusal(load_source, put(source, form(x, y)))


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
@pytest.mark.parametrize("wrong", ["2", "x", " ", "", "10", "nan"])
def test_says_which_line_is_malformed(wrong, source, features, classes, form, put, refusal):
    members = form(*drawn(features, classes))
    name = next(iter(members))
    lines = members[name].splitlines()
    lines[4] = lines[4][:-1] + wrong
    members[name] = "\n".join(lines)
    message = refusal(load_source, put(source, members))
    assert message.startswith("Line 5 of")
    assert f"{features:,} binary features" in message


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES[:1] + CASES[2:])
def test_refuses_a_label_that_is_no_number(source, features, classes, form, put, refusal):
    (name, text), *_ = form(*drawn(features, classes)).items()
    assert "Line 1 of" in refusal(load_source, put(source, {name: "one" + text[text.index(",") :]}))


def test_texas_needs_a_label_for_each_record(put, refusal):
    x, y = drawn(6169, 100)
    assert "9 records but 8 labels" in refusal(load_source, put(texas100.SOURCE, texas(x, y[:-1])))


def test_an_empty_archive_member_is_refused(put, refusal):
    assert "is empty" in refusal(load_source, put(purchase100.SOURCE, {"dataset_purchase": ""}))


def test_another_archive_is_refused(put, refusal):
    expecting = purchase100.SOURCE
    put(expecting, purchase(*drawn(600, 100)))
    assert "wrong checksum (git" in refusal(load_source, expecting)


def test_location_as_packed_bits(data_folder, checksum, refusal):
    x, y = drawn(446, 30)
    layout = location30.SOURCE.layouts[0]
    path = data_folder / layout.files[0].name

    def saved(**arrays) -> FileSource:
        np.savez(path, **arrays)
        known = replace(layout.files[0], checksum=checksum("sha256", path.read_bytes()))
        return replace(location30.SOURCE, layouts=(replace(layout, files=(known,)),))

    packed, labels = np.packbits(x.astype(np.uint8), axis=1), (y - 1).astype(np.uint8)
    dataset = load_source(saved(features_packed=packed, n_features=446, labels=labels))
    np.testing.assert_array_equal(dataset.x, x)
    np.testing.assert_array_equal(dataset.y, y - 1)
    assert "no array 'labels'" in refusal(load_source, saved(features_packed=packed, n_features=446))
    assert "cannot be unpacked" in refusal(
        load_source, saved(features_packed=packed, n_features=449, labels=labels)
    )
