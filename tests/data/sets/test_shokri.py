"""purchase100, texas100 and location30 in their published formats, with few records."""

import numpy as np
import pytest

from data.sets.tiny import location, location_packed, npz_of, purchase, tar_of, texas
from turncoat.data.catalogue import load_source
from turncoat.data.sets import location30, purchase100, texas100
from turncoat.data.source import FileSource

N = 9
RNG = np.random.default_rng(0)


CASES = [
    (purchase100.SOURCE, 600, 100, purchase),
    (texas100.SOURCE, 6169, 100, texas),
    (location30.SOURCE, 446, 30, location),
]


@pytest.fixture
def put_archive(put):
    """Write the members as the source's canonical archive; the source, expecting that archive."""

    def write(source: FileSource, members: dict[str, str]) -> FileSource:
        return put(source, {source.canonical.files[0].name: tar_of(members)})

    return write


def drawn(features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    y = RNG.integers(1, classes + 1, N)
    y[:2] = 1, classes
    return RNG.integers(0, 2, (N, features)), y


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
def test_reads_the_published_format(source, features, classes, form, put_archive):
    x, y = drawn(features, classes)
    dataset = load_source(put_archive(source, form(x, y)))
    np.testing.assert_array_equal(dataset.x, x)
    np.testing.assert_array_equal(dataset.y, y - 1)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int32)
    assert (dataset.classes, dataset.shape, dataset.range) == (classes, (features,), (0.0, 1.0))
    assert not dataset.stand_in


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
def test_reads_windows_line_ends(source, features, classes, form, put_archive):
    x, y = drawn(features, classes)
    members = {name: text.replace("\n", "\r\n") for name, text in form(x, y).items()}
    np.testing.assert_array_equal(load_source(put_archive(source, members)).x, x)


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
@pytest.mark.parametrize("label", [0, 101])
def test_refuses_labels_out_of_range(label, source, features, classes, form, put_archive, refusal):
    x, y = drawn(features, classes)
    y[3] = label
    assert "labels out of range, from" in refusal(load_source, put_archive(source, form(x, y)))


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES)
@pytest.mark.parametrize("wrong", ["2", "x", " ", "", "10", "nan"])
def test_says_which_line_is_malformed(wrong, source, features, classes, form, put_archive, refusal):
    members = form(*drawn(features, classes))
    name = next(iter(members))
    lines = members[name].splitlines()
    lines[4] = lines[4][:-1] + wrong
    members[name] = "\n".join(lines)
    message = refusal(load_source, put_archive(source, members))
    assert message.startswith("Line 5 of")
    assert f"{features:,} binary features" in message


@pytest.mark.parametrize(("source", "features", "classes", "form"), CASES[:1] + CASES[2:])
def test_refuses_a_label_that_is_no_number(source, features, classes, form, put_archive, refusal):
    (name, text), *_ = form(*drawn(features, classes)).items()
    assert "Line 1 of" in refusal(load_source, put_archive(source, {name: "one" + text[text.index(",") :]}))


def test_texas_needs_a_label_for_each_record(put_archive, refusal):
    x, y = drawn(6169, 100)
    assert "9 records but 8 labels" in refusal(load_source, put_archive(texas100.SOURCE, texas(x, y[:-1])))


def test_an_empty_archive_member_is_refused(put_archive, refusal):
    assert "is empty" in refusal(load_source, put_archive(purchase100.SOURCE, {"dataset_purchase": ""}))


def test_another_archive_is_refused(put_archive, refusal):
    expecting = purchase100.SOURCE
    put_archive(expecting, purchase(*drawn(600, 100)))
    assert "wrong checksum (git" in refusal(load_source, expecting)


def test_location_as_packed_bits(put, refusal):
    x, y = drawn(446, 30)
    packed, labels = np.packbits(x.astype(np.uint8), axis=1), (y - 1).astype(np.uint8)

    def saved(**arrays) -> FileSource:
        return put(location30.SOURCE, {"location30.npz": npz_of(**arrays)}, 0)

    dataset = load_source(put(location30.SOURCE, location_packed(x, y), 0))
    np.testing.assert_array_equal(dataset.x, x)
    np.testing.assert_array_equal(dataset.y, y - 1)
    assert "no array 'labels'" in refusal(load_source, saved(features_packed=packed, n_features=446))
    for n_features in (449, 0):
        source = saved(features_packed=packed, n_features=n_features, labels=labels)
        assert "cannot be unpacked" in refusal(load_source, source)
