"""Disjoint victim, adversary, test and tuning parts of a data set, drawn from a seed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.refusal import Refusal, nearest

PART = 20_000  # records of each part, paper section 5
_LARGE = 3 * PART + 5_000  # from here on the parts are PART each, which leaves enough to tune on


@dataclass(frozen=True)
class Sizes:
    """Records of each part."""

    victim: int
    adversary: int
    test: int
    tuning: int

    @property
    def total(self) -> int:
        return self.victim + self.adversary + self.test + self.tuning


@dataclass(frozen=True, eq=False)
class Part:
    """Some records of a data set: `x` float32 (m, d), `y` int32 (m,), `party` int32 (m,) or None.

    `index` int64 (m,) says which records of the data set they are, in the same order.
    """

    x: np.ndarray
    y: np.ndarray
    index: np.ndarray
    party: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: np.ndarray) -> "Part":
        """These of its records, by their places in this part, in this order."""
        party = None if self.party is None else self.party[rows]
        return Part(self.x[rows], self.y[rows], self.index[rows], party)


@dataclass(frozen=True, eq=False)
class Splits:
    """Four parts with no record in common: the victim trains on the first, the adversary owns the second.

    What is chosen on the tuning part may be measured with any seed only where the data set has official test
    records or a reserve: elsewhere another seed's test part holds some of the same records.
    """

    victim: Part
    adversary: Part
    test: Part
    tuning: Part


def default_sizes(dataset: Dataset) -> Sizes:
    """20,000 each for large sets, as in the paper; of smaller ones 35 / 35 / 20 / 10 %.

    A large set without 80,000 records (texas100) gives its remainder to tuning. With official test records
    the test part is all of them, with a reserve the tuning part is, up to 20,000; the other three divide the
    rest by the same rule. Raises `Refusal` if there are too few records for four parts.
    """
    total = len(dataset.y)
    official = 0 if dataset.test_from is None else total - dataset.test_from
    reserved = len(_reserve(dataset))
    free = total - official - reserved
    if free < (3 if official or reserved else 4):
        raise Refusal(f"{dataset.name} has {total} records: too few for four parts; give it at least four.")
    if official:
        return replace(_with_official_test(free), test=official)
    if reserved:
        return replace(_with_reserve(free), tuning=min(PART, reserved))
    if free >= _LARGE:
        return Sizes(PART, PART, PART, min(PART, free - 3 * PART))
    share, test = max(1, free * 35 // 100), max(1, free * 20 // 100)
    return Sizes(share, share, test, free - 2 * share - test)


def _with_official_test(free: int) -> Sizes:
    """Sizes of the three parts that share `free` training records."""
    if free >= 3 * PART:
        return Sizes(PART, PART, 0, PART)
    share = max(1, free * 35 // 80)
    return Sizes(share, share, 0, free - 2 * share)


def _with_reserve(free: int) -> Sizes:
    """Sizes of the three parts that share the records outside of the reserve."""
    if free >= 3 * PART:
        return Sizes(PART, PART, PART, 0)
    share = max(1, free * 35 // 90)
    return Sizes(share, share, free - 2 * share, 0)


def split(dataset: Dataset, seed: int, sizes: Sizes | Mapping[str, int] | None = None) -> Splits:
    """Draw the four parts; the same seed and sizes give the same parts.

    `sizes` replaces the default sizes, all of them or, as a mapping, those that it names.
    Raises `Refusal` if the sizes are not whole numbers, or if there are fewer records than they need.
    """
    if seed < 0:
        raise Refusal(f"The seed {seed} is negative: give a whole number from 0 up.")
    wanted = _resolved(dataset, sizes)
    _check_enough(dataset, wanted)
    rng = np.random.default_rng(seed)
    free = len(dataset.y) if dataset.test_from is None else dataset.test_from
    order = _order(dataset, wanted, free, rng)
    victim, adversary, tuning, rest = np.split(
        order, np.cumsum([wanted.victim, wanted.adversary, wanted.tuning])
    )
    if dataset.test_from is not None:
        rest = free + rng.permutation(len(dataset.y) - free)
    return Splits(*(_part(dataset, i) for i in (victim, adversary, rest[: wanted.test], tuning)))


def _order(dataset: Dataset, wanted: Sizes, free: int, rng: np.random.Generator) -> np.ndarray:
    """The first `free` records as they are drawn: the tuning part comes third, of a reserve if there is one."""
    reserve = _reserve(dataset)
    if not len(reserve):
        return rng.permutation(free)
    others = rng.permutation(np.delete(np.arange(free), reserve))
    tuning = rng.permutation(reserve)[: wanted.tuning]
    return np.insert(others, wanted.victim + wanted.adversary, tuning)


def _reserve(dataset: Dataset) -> np.ndarray:
    return np.zeros(0, int) if dataset.reserve is None else dataset.reserve


def _resolved(dataset: Dataset, sizes: Sizes | Mapping[str, int] | None) -> Sizes:
    """The sizes asked for, completed by the default ones."""
    if isinstance(sizes, Sizes):
        wanted = sizes
    else:
        given = dict(sizes or {})
        names = [field.name for field in fields(Sizes)]
        for name in given:
            if name not in names:
                raise Refusal(
                    f"There is no part {name!r}; the parts are {', '.join(names)} ({nearest(name, names)})."
                )
        wanted = replace(default_sizes(dataset), **given)
    for name, count in asdict(wanted).items():
        least = 1 if name in ("victim", "test") else 0
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
            raise Refusal(
                f"The {name} part cannot have {count!r} records: give a whole number from {least} up."
            )
    return wanted


def _check_enough(dataset: Dataset, wanted: Sizes) -> None:
    total, train = len(dataset.y), dataset.test_from
    parts = ", ".join(f"{name} {count:,}" for name, count in asdict(wanted).items())
    reserved = len(_reserve(dataset))
    if reserved:
        if wanted.tuning > reserved or wanted.total - wanted.tuning > total - reserved:
            raise Refusal(
                f"The split needs {wanted.total - wanted.tuning:,} records and {wanted.tuning:,} to tune on "
                f"({parts}) but {dataset.label} has {total - reserved:,} and {reserved:,} (its reserve): "
                "ask for smaller parts."
            )
    elif train is None:
        if wanted.total > total:
            raise Refusal(
                f"The split needs {wanted.total:,} records ({parts}) but {dataset.label} has {total:,}: "
                "ask for smaller parts."
            )
    elif wanted.test > total - train or wanted.total - wanted.test > train:
        raise Refusal(
            f"The split needs {wanted.total - wanted.test:,} training and {wanted.test:,} test records "
            f"({parts}) but {dataset.label} has {train:,} and {total - train:,} (the official ones): "
            "ask for smaller parts."
        )


def _part(dataset: Dataset, index: np.ndarray) -> Part:
    """The records at `index`, copied."""
    party = None if dataset.party is None else dataset.party[index]
    return Part(dataset.x[index], dataset.y[index], index, party)
