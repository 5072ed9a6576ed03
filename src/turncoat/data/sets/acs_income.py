"""ACSIncome: working adults of some US states, the parties; does the income exceed 50,000 dollars?

Source: US Census Bureau, ACS PUMS 2018, 1-Year, person records; selection and label as in folktables (Ding
et al., "Retiring Adult", 2021).
"""

import csv
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from typing import IO

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.data.formats.archive import read_members
from turncoat.data.formats.npz import read_npz
from turncoat.data.sets.acs_codes import COLUMNS, RANGE, encode, feature_names
from turncoat.data.source import DataFile, FileSource, Layout, Paths
from turncoat.refusal import Refusal

_URL = "https://www2.census.gov/programs-surveys/acs/data/pums/2018/1-Year/"
# FIPS code, as in the name of the file inside the archive, and records after the selection (folktables'
# counts)
_STATES = {
    "CA": ("06", 195_665),
    "IL": ("17", 67_016),
    "OK": ("40", 17_917),
    "OR": ("41", 21_919),
    "WA": ("53", 39_944),
    "WI": ("55", 32_690),
}
_NPZ = DataFile(
    "acs_income_2018.npz", "sha256:1c314d7a2ef4573f57b1896716d0ea21b5a055393ab372ca8280149c0c735065"
)
_NPZ_CALIFORNIA = 32_166  # that file has a sixth of California
_INCOME = 50_000  # dollars
_RESERVED = 7  # one record of so many is kept for tuning: 20,662 of the five states' 144,636
_DIGITS = 18  # of the numbers that int64 holds; the longest in the file, an income, has 9
_SELECTION = ("AGEP", "PINCP", "WKHP", "PWGTP")

PAPER_STATES = ("CA", "OK", "OR", "WA", "WI")  # paper, section 5.5
ILLINOIS_STATES = ("IL", "OK", "OR", "WA", "WI")

Table = tuple[np.ndarray, np.ndarray]  # codes int64 (n, 10) in the order of COLUMNS, labels (n,)


def from_npz(paths: Paths, name: str, states: tuple[str, ...], coarse: bool) -> Dataset:
    """Read `acs_income_2018.npz`: `{ST}_X` (n, 10), `{ST}_y` (n,), `columns`. Raises `Refusal`.

    Its California is a sixth of the state, MAR and RAC1P are collapsed there, and about 445 records (not
    white alone, above 50,000) are missing.
    """
    (path,) = paths.values()
    if "CA" in states and not coarse:
        raise Refusal(f"{path} has California's MAR and RAC1P collapsed: use coarse codes or leave CA out.")
    arrays = read_npz(path, ("columns", *(f"{state}_{part}" for state in states for part in "Xy")))
    if tuple(str(column) for column in arrays["columns"]) != COLUMNS:
        raise Refusal(f"{path}: the columns are not {', '.join(COLUMNS)}: put the published file there.")
    tables = [(arrays[f"{state}_X"].astype(np.int64), arrays[f"{state}_y"]) for state in states]
    note = "; a sixth of California" if "CA" in states else ""
    return _dataset(name, states, coarse, tables, [f"{path}:{state}_X" for state in states], note)


def from_census(paths: Paths, name: str, states: tuple[str, ...], coarse: bool) -> Dataset:
    """Read the Census Bureau's archives `csv_p{st}.zip`, one a state, not unpacked. Raises `Refusal`."""
    tables, wheres = [], []
    for state in states:
        path, member = paths[_archive(state).name], f"psam_p{_STATES[state][0]}.csv"
        wheres.append(f"{path}:{member}")
        tables.append(read_members(path, {member: _person_reader(wheres[-1])})[member])
    return _dataset(name, states, coarse, tables, wheres, "")


def _person_reader(where: str) -> Callable[[IO[bytes]], Table]:
    return lambda stream: read_persons(stream, where)


def read_persons(stream: IO[bytes], where: str) -> Table:
    """The selected persons of one PUMS person file (CSV, with a header; blank cells are -1).

    Selection (folktables, `adult_filter`): AGEP > 16, PINCP > 100, WKHP > 0, PWGTP >= 1.
    Label: PINCP > 50,000.
    Raises `Refusal` for a file without these columns or with a cell that is not a whole number.
    """
    rows = csv.reader(TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=""))
    header = [cell.strip() for cell in next(rows, [])]
    missing = [column for column in (*COLUMNS, *_SELECTION) if column not in header]
    if missing:
        raise Refusal(
            f"{where} has no column {missing[0]}: it is not the 2018 1-Year person file; fetch it again."
        )
    chosen, codes = [header.index(c) for c in _SELECTION], [header.index(c) for c in COLUMNS]
    persons, labels = [], []
    try:
        for row in rows:
            age, income, hours, weight = (_number(row[i]) for i in chosen)
            if age > 16 and income > 100 and hours > 0 and weight >= 1:
                persons.append([_number(row[i]) for i in codes])
                labels.append(income > _INCOME)
    except (ValueError, IndexError, csv.Error) as error:
        raise Refusal(
            f"Line {rows.line_num} of {where} is damaged ({error}): delete the file and fetch it again."
        ) from error
    return np.array(persons, np.int64).reshape(-1, len(COLUMNS)), np.array(labels, np.int32)


def _number(cell: str) -> int:
    if len(cell) > _DIGITS:
        raise ValueError(f"a cell of {len(cell):,} characters")
    return int(cell) if cell.strip() else -1


def _dataset(
    name: str, states: tuple[str, ...], coarse: bool, tables: list[Table], wheres: list[str], note: str
) -> Dataset:
    """The encoded records of all states, in order; `wheres` names the states' files in refusals."""
    x = np.concatenate(
        [
            encode(dict(zip(COLUMNS, codes.T, strict=True)), coarse, where)
            for (codes, _), where in zip(tables, wheres, strict=True)
        ]
    )
    labels = np.concatenate([t[1] for t in tables])
    party = np.repeat(np.arange(len(states), dtype=np.int32), [len(t[1]) for t in tables])
    return Dataset(
        name,
        x,
        labels.astype(np.int32),
        2,
        (x.shape[1],),
        _origin(states, coarse) + note,
        RANGE,
        party=party,
        party_names=states,
        reserve=_reserve(states, [len(t[1]) for t in tables]),
    )


def _reserve(states: tuple[str, ...], counts: list[int]) -> np.ndarray:
    """Which records are kept for tuning: of each state the same ones, whichever states stand beside it."""
    starts = np.cumsum([0, *counts[:-1]])
    drawn = [
        np.random.default_rng(int(_STATES[s][0])).permutation(n) for s, n in zip(states, counts, strict=True)
    ]
    return np.concatenate([start + d[: len(d) // _RESERVED] for start, d in zip(starts, drawn, strict=True)])


def _origin(states: tuple[str, ...], coarse: bool) -> str:
    coding = "marital status and race collapsed to two values each" if coarse else "fully coded"
    return f"US Census ACS PUMS 2018 1-Year, ACSIncome, {' '.join(states)}, {coding}"


def _archive(state: str) -> DataFile:
    name = f"csv_p{state.lower()}.zip"
    return DataFile(name, None, _URL + name)


def source(name: str, about: str, states: tuple[str, ...], coarse: bool) -> FileSource:
    """The source called `name`, with these states as parties; `coarse` collapses MAR and RAC1P in all."""
    npz = partial(from_npz, name=name, states=states, coarse=coarse)
    census = partial(from_census, name=name, states=states, coarse=coarse)
    counts = {state: _STATES[state][1] for state in states}
    partly = counts | ({"CA": _NPZ_CALIFORNIA} if "CA" in counts else {})
    return FileSource(
        name,
        about,
        features=len(feature_names(coarse)),
        classes=2,
        origin=_origin(states, coarse),
        layouts=(
            Layout((_NPZ,), sum(partly.values()), npz),
            Layout(tuple(_archive(state) for state in states), sum(counts.values()), census),
        ),
    )


SOURCE = source("acs_income", "workers, 5 US states", PAPER_STATES, coarse=True)
SOURCE_IL = source("acs_income-il", "workers, IL for CA", ILLINOIS_STATES, coarse=False)
