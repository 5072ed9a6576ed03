"""The two real data sets that ship with Turncoat, in `embedded.npz`; `embedded.md` has source and licence."""

from pathlib import Path

import numpy as np

from turncoat.data.dataset import Dataset, flattened, observed_range
from turncoat.data.formats.npz import read_npz
from turncoat.data.source import MadeSource

_FILE = Path(__file__).with_name("embedded.npz")


def digits(seed: int = 0) -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, 10 classes, scaled from 0..16 to [0, 1].

    `seed` is not used: the data are fixed. Source: UCI Optical Recognition of Handwritten Digits, test part.
    """
    x, y = read_npz(_FILE, ("digits_x", "digits_y")).values()
    return Dataset("digits", flattened(x / 16.0), y.astype(np.int32), 10, (8, 8), DIGITS.origin, (0.0, 1.0))


def breast_cancer(seed: int = 0) -> Dataset:
    """569 tumours described by 30 real features, 2 classes (0 malignant, 1 benign), standardised.

    Each feature has mean 0 and variance 1 over all 569 records, the later test records included: the unit is
    that feature's standard deviation. `seed` is not used. Source: UCI Breast Cancer Wisconsin (Diagnostic).
    """
    raw, y = read_npz(_FILE, ("breast_cancer_x", "breast_cancer_y")).values()
    x = flattened((raw - raw.mean(axis=0)) / raw.std(axis=0))
    return Dataset("breast_cancer", x, y.astype(np.int32), 2, (30,), BREAST_CANCER.origin, observed_range(x))


DIGITS = MadeSource(
    "digits",
    "handwritten digits",
    records=1797,
    features=64,
    classes=10,
    origin="UCI Optical Recognition of Handwritten Digits, shipped with Turncoat",
    kind="embedded",
    make=digits,
)
BREAST_CANCER = MadeSource(
    "breast_cancer",
    "measured tumours",
    records=569,
    features=30,
    classes=2,
    origin="UCI Breast Cancer Wisconsin (Diagnostic), shipped with Turncoat; standardised over all records",
    kind="embedded",
    make=breast_cancer,
)
