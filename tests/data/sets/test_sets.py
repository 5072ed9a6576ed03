"""What every data set that is kept in files must do. A new one needs a row in `CASES` for each of its layouts."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from data.sets import tiny
from turncoat.data.catalogue import SOURCES, load_source, verify_source
from turncoat.data.sets import acs_income, fashion_mnist, location30, purchase100, texas100
from turncoat.data.source import ABOUT, FileSource

N = 4
RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 1, 0])
CLOTHES = {
    "x_train": RNG.integers(0, 256, (2, 28, 28), np.uint8),
    "y_train": LABELS[:2].astype(np.uint8),
    "x_test": RNG.integers(0, 256, (2, 28, 28), np.uint8),
    "y_test": LABELS[2:].astype(np.uint8),
}
STATES = dict.fromkeys(tiny.MEMBERS, tiny.person_file({}, {"PINCP": "000050000"}))


def bits(features: int) -> np.ndarray:
    return RNG.integers(0, 2, (N, features))


def alternating(*records: int) -> list[int]:
    """The labels of states with so many records each: 0, 1, 0, 1 ... in each."""
    return [i % 2 for n in records for i in range(n)]


@dataclass(frozen=True)
class Case:
    """A data set in one of its layouts: the content of small files by name, and the labels to be read."""

    source: FileSource
    layout: int
    files: dict[str, bytes]
    labels: object

    def __str__(self) -> str:
        return f"{self.source.name}-{self.layout}"


CASES = (
    Case(fashion_mnist.SOURCE, 0, tiny.clothes(0, CLOTHES), LABELS),
    Case(fashion_mnist.SOURCE, 1, tiny.clothes(1, CLOTHES), LABELS),
    Case(fashion_mnist.SOURCE, 2, tiny.clothes(2, CLOTHES), LABELS),
    Case(acs_income.SOURCE, 0, tiny.census_npz(), alternating(2, 4, 5, 6, 7)),
    Case(acs_income.SOURCE, 1, tiny.census(STATES), [1, 0] * 5),
    Case(acs_income.SOURCE_IL, 0, tiny.census_npz(), alternating(3, 4, 5, 6, 7)),
    Case(acs_income.SOURCE_IL, 1, tiny.census(STATES), [1, 0] * 5),
    Case(location30.SOURCE, 0, tiny.location_packed(bits(446), LABELS + 1), LABELS),
    Case(location30.SOURCE, 1, {"dataset_location.tgz": tiny.tar_of(tiny.location(bits(446), LABELS + 1))}, LABELS),
    Case(purchase100.SOURCE, 0, {"dataset_purchase.tgz": tiny.tar_of(tiny.purchase(bits(600), LABELS + 1))}, LABELS),
    Case(texas100.SOURCE, 0, {"dataset_texas.tgz": tiny.tar_of(tiny.texas(bits(6169), LABELS + 1))}, LABELS),
)  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_layout_has_its_row():
    listed = {
        (source.name, i)
        for source in SOURCES
        if isinstance(source, FileSource)
        for i in range(len(source.layouts))
    }
    assert {(case.source.name, case.layout) for case in CASES} == listed


@each_case
def test_its_files_become_records_as_listed(case, put):
    source = put(case.source, case.files, case.layout)
    dataset = load_source(source)
    np.testing.assert_array_equal(dataset.y, case.labels)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int32)
    assert dataset.x.shape == (len(dataset.y), source.features)
    assert (dataset.name, dataset.classes, np.prod(dataset.shape)) == (
        source.name,
        source.classes,
        source.features,
    )
    low, high = dataset.range
    assert low <= dataset.x.min() <= dataset.x.max() <= high
    assert not dataset.stand_in
    known = all(file.checksum for file in source.canonical.files)
    assert verify_source(source).status == ("verified" if known else "unverified")


@each_case
@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>\n" * 50, bytes(1000), bytes(range(256)) * 9]
)
def test_another_file_under_its_name_is_refused(case, content, put, refusal):
    for name in case.files:
        if name in {file.name for file in case.source.layouts[case.layout].files}:
            source = put(case.source, {**case.files, name: content}, case.layout)
            assert name in refusal(load_source, source)


@each_case
def test_files_that_are_not_the_published_ones_are_refused(case, put, refusal):
    put(case.source, case.files, case.layout)
    source = replace(case.source, layouts=(case.source.layouts[case.layout],))
    if all(file.checksum for file in source.canonical.files):
        assert "wrong checksum" in refusal(load_source, source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_its_descriptions_are_short_lines(source):
    assert 0 < len(source.about) <= ABOUT
    assert source.origin
    for text in (source.name, source.about, source.origin):
        assert text.isprintable() and text == text.strip()
