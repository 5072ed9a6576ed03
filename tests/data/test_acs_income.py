"""ACSIncome from the Census Bureau's archives and from the `.npz` layout, with few records."""

import csv
import io
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from turncoat.data import acs_income
from turncoat.data.acs_codes import COLUMNS, OCCUPATIONS, REGIONS, encode, feature_names
from turncoat.data.catalogue import load_source
from turncoat.data.source import FileSource

HEADER = ("RT", "SERIALNO", "PWGTP", *COLUMNS, "PINCP", "FOD1P")
PERSON = dict(
    zip(COLUMNS, (43, 1, 21, 1, 10, 6, 0, 40, 1, 1), strict=True), RT="P", SERIALNO="2018GQ0000049", PWGTP=75
)
MEMBERS = {
    "CA": "psam_p06.csv",
    "OK": "psam_p40.csv",
    "OR": "psam_p41.csv",
    "WA": "psam_p53.csv",
    "WI": "psam_p55.csv",
}


def person_file(*persons: dict) -> str:
    """A PUMS person file as the Bureau writes it: zeros before codes, blanks where nothing applies."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for person in persons:
        cells = {"PINCP": "000060000", **PERSON, **person}
        writer.writerow([f"{c:04d}" if isinstance(c := cells.get(name, ""), int) else c for name in HEADER])
    return out.getvalue()


def put(folder: Path, texts: dict[str, str]) -> FileSource:
    for state, text in texts.items():
        with zipfile.ZipFile(folder / f"csv_p{state.lower()}.zip", "w") as archive:
            archive.writestr(MEMBERS[state], text)
            archive.writestr("ACS2018_PUMS_README.pdf", "not of interest")
    return acs_income.SOURCE


def column(dataset, name: str, coarse: bool = True) -> np.ndarray:
    return dataset.x[:, feature_names(coarse).index(name)]


def test_reads_the_published_format(data_folder):
    texts = {state: person_file({}, {"PINCP": "000050000"}) for state in MEMBERS}
    texts["WI"] = person_file({"AGEP": 58, "RAC1P": 9, "MAR": 5, "SEX": 2})
    dataset = load_source(put(data_folder, texts))
    assert dataset.x.shape == (9, 70)
    np.testing.assert_array_equal(dataset.y, [1, 0, 1, 0, 1, 0, 1, 0, 1])
    assert dataset.party_names == ("CA", "OK", "OR", "WA", "WI")
    np.testing.assert_array_equal(dataset.party, [0, 0, 1, 1, 2, 2, 3, 3, 4])
    np.testing.assert_array_equal(column(dataset, "AGEP"), [0] * 8 + [1])  # (58 - 43) / 15
    for name in ("RAC1P=2", "MAR=2", "SEX=2"):
        np.testing.assert_array_equal(column(dataset, name), [0] * 8 + [1])


@pytest.mark.parametrize(
    "left_out",
    [
        {"AGEP": 16},
        {"PINCP": "000000100"},
        {"PINCP": "-00008000"},
        {"PINCP": ""},
        {"WKHP": ""},
        {"WKHP": 0},
        {"PWGTP": 0},
        {"AGEP": 3, "OCCP": "", "COW": "", "PINCP": ""},
    ],
)
def test_selects_as_folktables_does(left_out):
    text = person_file(left_out, {"AGEP": 17, "PINCP": "000000101", "WKHP": 1, "PWGTP": 1})
    codes, labels = acs_income.read_persons(io.BytesIO(text.encode()), "here")
    assert codes.shape == (1, 10)
    assert codes[0, 0] == 17
    assert labels.tolist() == [0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (person_file({"OCCP": ""}), "column OCCP holds -1"),
        (person_file({"COW": 12}), "column COW holds 12"),
        (person_file({"POBP": 600}), "column POBP holds 600"),
        (person_file({"SCHL": ""}), "column SCHL holds -1"),
        (person_file({"SEX": "F"}), "Line 2 of"),
        (person_file({}) + "P,short\n", "Line 3 of"),
        (person_file({}).replace("RELP", "RELSHIPP"), "no column RELP"),
        ("", "no column AGEP"),
    ],
)
def test_refuses_a_damaged_file(text, says, data_folder, refusal):
    texts = {state: person_file({}, {"PINCP": "000000200"}) for state in MEMBERS}
    assert says in refusal(load_source, put(data_folder, {**texts, "OR": text}))


def test_refuses_when_nobody_earns_more(data_folder, refusal):
    texts = {state: person_file({"PINCP": "000000200"}) for state in MEMBERS}
    assert "all labels are 0" in refusal(load_source, put(data_folder, texts))


def npz(folder: Path, checksum, source: FileSource, columns=COLUMNS) -> FileSource:
    layout = source.layouts[0]
    path = folder / layout.files[0].name
    arrays = {}
    for i, state in enumerate(("CA", "IL", "OK", "OR", "WA", "WI")):
        arrays[f"{state}_X"] = np.array([[43, 1, 21, 5, 10, 6, 0, 40, 1, 9]] * (i + 2), np.int16)
        arrays[f"{state}_y"] = np.arange(i + 2, dtype=np.uint8) % 2
    np.savez(path, columns=np.array(columns), **arrays)
    known = replace(layout.files[0], checksum=checksum("sha256", path.read_bytes()))
    return replace(source, layouts=(replace(layout, files=(known,)),))


def test_reads_the_npz_layout_coarsely(data_folder, checksum):
    dataset = load_source(npz(data_folder, checksum, acs_income.SOURCE))
    assert dataset.x.shape == (2 + 4 + 5 + 6 + 7, 70)
    np.testing.assert_array_equal(np.bincount(dataset.party), [2, 4, 5, 6, 7])
    assert column(dataset, "RAC1P=2").all()
    assert "a sixth of California" in dataset.source


def test_illinois_keeps_the_full_codes(data_folder, checksum):
    dataset = load_source(npz(data_folder, checksum, acs_income.SOURCE_IL))
    assert dataset.party_names[0] == "IL"
    assert dataset.x.shape == (3 + 4 + 5 + 6 + 7, 80)
    assert column(dataset, "RAC1P=9", coarse=False).all()
    assert "California" not in dataset.source


def test_refuses_full_codes_of_a_coarse_california(data_folder, checksum, refusal):
    full = acs_income.source("full", acs_income.PAPER_STATES, coarse=False)
    assert "California's MAR and RAC1P collapsed" in refusal(load_source, npz(data_folder, checksum, full))


def test_refuses_other_columns(data_folder, checksum, refusal):
    assert "the columns are not" in refusal(
        load_source, npz(data_folder, checksum, acs_income.SOURCE, columns=COLUMNS[::-1])
    )


@pytest.mark.parametrize("coarse", [True, False])
def test_each_record_is_in_one_group_of_every_column(coarse):
    rng = np.random.default_rng(0)
    low = dict(zip(COLUMNS, (17, 1, 1, 1, 10, 1, 0, 1, 1, 1), strict=True))
    high = dict(zip(COLUMNS, (99, 9, 24, 5, 9920, 599, 17, 99, 2, 9), strict=True))
    columns = {name: rng.integers(low[name], high[name], 500, endpoint=True) for name in COLUMNS}
    x = encode(columns, coarse, "here")
    assert x.shape == (500, len(feature_names(coarse)))
    assert x.min() >= -5.0
    assert x.max() <= 4.7
    names = [name.partition("=")[0] for name in feature_names(coarse)]
    for name in set(names) - {"AGEP", "SCHL", "WKHP"}:
        np.testing.assert_array_equal(x[:, [n == name for n in names]].sum(axis=1), 1)


@pytest.mark.parametrize(("name", "firsts"), [("OCCP", OCCUPATIONS), ("POBP", REGIONS)])
def test_a_group_ends_where_the_next_begins(name, firsts):
    columns = {c: np.full(2, PERSON[c]) for c in COLUMNS}
    for first, following in pairwise(firsts):
        x = encode({**columns, name: np.array([first, following - 1])}, True, "here")
        assert x[:, feature_names(True).index(f"{name}={first}")].all()
