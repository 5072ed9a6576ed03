"""How the ten ACSIncome columns become features: three numbers and one-hot codes of seven, all standardised.

Every feature has mean 0 and variance 1, about: gradient descent learns a rare code as fast as a common one.
Centres and scales are constants, so no record, least of all a test record, has any influence on another's
features. Codes: ACS PUMS 2018 data dictionary, US Census Bureau.
"""

from collections.abc import Mapping

import numpy as np

from turncoat.refusal import Refusal

COLUMNS = ("AGEP", "COW", "SCHL", "MAR", "OCCP", "POBP", "RELP", "WKHP", "SEX", "RAC1P")
# (centre, scale) in years of age, steps of schooling (1 .. 24), hours a week: round figures near the US
# average and standard deviation of working adults
SCALES = {"AGEP": (43.0, 15.0), "SCHL": (18.5, 3.5), "WKHP": (38.0, 13.0)}
RANGE = (-5.0, 7.0)  # SCHL 1, and a code of the smallest share
LIMITS = {  # lowest and highest code of each column, after the selection
    "AGEP": (17, 99),
    "COW": (1, 9),
    "SCHL": (1, 24),
    "MAR": (1, 5),
    "OCCP": (10, 9920),
    "POBP": (1, 599),
    "RELP": (0, 17),
    "WKHP": (1, 99),
    "SEX": (1, 2),
    "RAC1P": (1, 9),
}
ONE_HOT = ("COW", "MAR", "RELP", "SEX", "RAC1P")  # a feature for each code
COLLAPSED = ("MAR", "RAC1P")  # to 1 (married; white alone) and 2 (anything else), where a source has no more
# first code of each major occupation group, in the order of the dictionary's prefixes: MGR BUS FIN CMM ENG
# SCI CMS LGL EDU ENT MED HLS PRT EAT CLN PRS SAL OFF FFF CON EXT RPR PRD TRN MIL, unemployed
OCCUPATIONS = (
    *(10, 500, 800, 1005, 1305, 1600, 2001, 2100, 2205, 2600, 3000, 3601, 3700),
    *(4000, 4200, 4330, 4700, 5000, 6005, 6200, 6800, 7000, 7700, 9005, 9800, 9920),
)
# first code of each region of birth: US states, US territories, Europe (with the Caucasus), Asia, Northern
# America, Latin America, Africa, Oceania
REGIONS = (1, 60, 100, 200, 300, 303, 400, 500)
# Of each code, how many of 100 workers of Illinois have it, which is none of the paper's states; 2 stands for
# fewer, so that the rarest codes, too, stay in range
SHARES = {
    "COW": (69, 9, 7, 4, 2, 5, 4, 2, 2),
    "MAR": (55, 2, 10, 2, 32),
    "RELP": (51, 25, 11, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 2, 2, 2),
    "SEX": (52, 48),
    "RAC1P": (81, 8, 2, 2, 2, 5, 2, 3, 2),
    "OCCP": (10, 4, 3, 3, 2, 2, 2, 2, 7, 2, 6, 3, 2, 5, 4, 3, 10, 12, 2, 4, 2, 3, 6, 8, 2, 2),
    "POBP": (85, 2, 3, 5, 2, 6, 2, 2),
}


def feature_names(coarse: bool) -> tuple[str, ...]:
    """The name of each feature, in order: `AGEP`, `SCHL`, `WKHP`, then `COW=1` and so on."""
    names = [*SCALES]
    for column, codes in _groups(coarse).items():
        names += [f"{column}={code}" for code in codes]
    return tuple(names)


def encode(columns: Mapping[str, np.ndarray], coarse: bool, where: str) -> np.ndarray:
    """Features float32 (n, d) from the integer columns, each (n,); d is 70 if `coarse`, else 80.

    A one-hot feature of a code with share q is (1 - q) / s where a record has it, else -q / s, s^2 = q (1 - q).
    `coarse` collapses MAR and RAC1P to {1, 2 = other}. Raises `Refusal` for a code that the dictionary does
    not have; `where` names the file.
    """
    for name in COLUMNS:
        _check_codes(name, columns[name], where)
    parts = [
        ((columns[name] - centre) / scale).astype(np.float32)[:, None]
        for name, (centre, scale) in SCALES.items()
    ]
    for name, firsts in _groups(coarse).items():
        group = np.searchsorted(firsts, columns[name], side="right") - 1
        share = _shares(name, coarse)
        deviation = np.sqrt(share * (1 - share))
        parts.append((((group[:, None] == np.arange(len(firsts))) - share) / deviation).astype(np.float32))
    return np.concatenate(parts, axis=1)


def _shares(column: str, coarse: bool) -> np.ndarray:
    """The share of each code of a one-hot column, as fractions; collapsed, of 1 and of all others."""
    percent = SHARES[column]
    first = percent[0]
    return np.array((first, 100 - first) if coarse and column in COLLAPSED else percent) / 100


def _groups(coarse: bool) -> dict[str, tuple[int, ...]]:
    """For each one-hot column the first code of each of its features, which ends before the next."""
    exact = {name: tuple(range(LIMITS[name][0], LIMITS[name][1] + 1)) for name in ONE_HOT}
    collapsed = dict.fromkeys(COLLAPSED, (1, 2)) if coarse else {}
    return {**exact, **collapsed, "OCCP": OCCUPATIONS, "POBP": REGIONS}


def _check_codes(name: str, values: np.ndarray, where: str) -> None:
    low, high = LIMITS[name]
    wrong = np.flatnonzero((values < low) | (values > high))
    if wrong.size:
        raise Refusal(
            f"{where}: column {name} holds {values[wrong[0]]}, which the 2018 code book does not have "
            f"({low} to {high}): use the 2018 1-Year person file."
        )
