"""ACSIncome from the Census Bureau's archives and from the `.npz` layout, with few records."""

import io
from itertools import pairwise

import numpy as np
import pytest

from data.sets.tiny import PERSON, census, census_npz, person_file
from turncoat.data.catalogue import load_source
from turncoat.data.sets import acs_income
from turncoat.data.sets.acs_codes import COLUMNS, OCCUPATIONS, REGIONS, SHARES, encode, feature_names
from turncoat.data.source import FileSource


def put_census(put, texts: dict[str, str]) -> FileSource:
    return put(acs_income.SOURCE, census(texts))


def put_npz(put, source: FileSource, **columns) -> FileSource:
    return put(source, census_npz(**columns), 0)


def column(dataset, name: str, coarse: bool = True) -> np.ndarray:
    return dataset.x[:, feature_names(coarse).index(name)]


def test_reads_the_published_format(put):
    texts = {state: person_file({}, {"PINCP": "000050000"}) for state in acs_income.PAPER_STATES}
    texts["WI"] = person_file({"AGEP": 58, "RAC1P": 9, "MAR": 5, "SEX": 2})
    dataset = load_source(put_census(put, texts))
    assert dataset.x.shape == (9, 70)
    np.testing.assert_array_equal(dataset.y, [1, 0, 1, 0, 1, 0, 1, 0, 1])
    assert dataset.party_names == ("CA", "OK", "OR", "WA", "WI")
    np.testing.assert_array_equal(dataset.party, [0, 0, 1, 1, 2, 2, 3, 3, 4])
    np.testing.assert_array_equal(column(dataset, "AGEP"), [0] * 8 + [1])  # (58 - 43) / 15
    for name in ("RAC1P=2", "MAR=2", "SEX=2"):
        np.testing.assert_array_equal(column(dataset, name) > 0, [False] * 8 + [True])
    has_not, has = (0 - 0.48) / np.sqrt(0.48 * 0.52), (1 - 0.48) / np.sqrt(0.48 * 0.52)
    np.testing.assert_allclose(column(dataset, "SEX=2"), [has_not] * 8 + [has], rtol=1e-6)
    np.testing.assert_allclose(column(dataset, "RAC1P=2")[8], 0.81 / np.sqrt(0.81 * 0.19), rtol=1e-6)


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
        (person_file({"SEX": "9" * 20}), "damaged (a cell of 20 characters)"),
        (person_file({"PINCP": "9" * 5000}), "damaged (a cell of 5,000 characters)"),
        (person_file({}) + "P,short\n", "Line 3 of"),
        (person_file({}).replace("RELP", "RELSHIPP"), "no column RELP"),
        ("", "no column AGEP"),
    ],
)
def test_refuses_a_damaged_file(text, says, put, refusal):
    texts = {state: person_file({}, {"PINCP": "000000200"}) for state in acs_income.PAPER_STATES}
    assert says in refusal(load_source, put_census(put, {**texts, "OR": text}))


def test_refuses_when_nobody_earns_more(put, refusal):
    texts = {state: person_file({"PINCP": "000000200"}) for state in acs_income.PAPER_STATES}
    assert "all labels are 0" in refusal(load_source, put_census(put, texts))


def test_reads_the_npz_layout_coarsely(put):
    dataset = load_source(put_npz(put, acs_income.SOURCE))
    assert dataset.x.shape == (2 + 4 + 5 + 6 + 7, 70)
    np.testing.assert_array_equal(np.bincount(dataset.party), [2, 4, 5, 6, 7])
    assert (column(dataset, "RAC1P=2") > 0).all()
    assert "a sixth of California" in dataset.source


def test_illinois_keeps_the_full_codes(put):
    dataset = load_source(put_npz(put, acs_income.SOURCE_IL))
    assert dataset.party_names[0] == "IL"
    assert dataset.x.shape == (3 + 4 + 5 + 6 + 7, 80)
    np.testing.assert_allclose(column(dataset, "RAC1P=9", coarse=False), 7.0)  # (1 - .02) / .14
    assert "California" not in dataset.source


def test_refuses_full_codes_of_a_coarse_california(put, refusal):
    full = acs_income.source("full", "all codes", acs_income.PAPER_STATES, coarse=False)
    assert "California's MAR and RAC1P collapsed" in refusal(load_source, put_npz(put, full))


def test_refuses_other_columns(put, refusal):
    assert "the columns are not" in refusal(
        load_source, put_npz(put, acs_income.SOURCE, columns=COLUMNS[::-1])
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
    assert x.max() <= 7.0
    names = [name.partition("=")[0] for name in feature_names(coarse)]
    for name in set(names) - {"AGEP", "SCHL", "WKHP"}:
        np.testing.assert_array_equal((x[:, [n == name for n in names]] > 0).sum(axis=1), 1)


@pytest.mark.parametrize(("name", "firsts"), [("OCCP", OCCUPATIONS), ("POBP", REGIONS)])
def test_a_group_ends_where_the_next_begins(name, firsts):
    columns = {c: np.full(2, PERSON[c]) for c in COLUMNS}
    for first, following in pairwise(firsts):
        x = encode({**columns, name: np.array([first, following - 1])}, True, "here")
        assert (x[:, feature_names(True).index(f"{name}={first}")] > 0).all()


def test_one_record_of_seven_of_each_state_is_kept_for_tuning_whichever_states_stand_beside_it(put):
    """Of the states here only Wisconsin has seven: its records come last, in both data sets."""
    kept = []
    for source in (acs_income.SOURCE, acs_income.SOURCE_IL):
        dataset = load_source(put_npz(put, source))
        assert dataset.party_names[dataset.party[dataset.reserve[0]]] == "WI"
        kept.append((len(dataset) - dataset.reserve).tolist())
    assert kept[0] == kept[1] and len(kept[0]) == 1


def test_every_code_has_a_share():
    """As many shares as features, none so small that a feature leaves the range, about a whole in each column."""
    for column, shares in SHARES.items():
        assert len(shares) == sum(n.startswith(f"{column}=") for n in feature_names(coarse=False))
        assert min(shares) >= 2 and 98 <= sum(shares) <= 125
