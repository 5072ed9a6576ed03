"""The two real data sets that ship inside scikit-learn and need no download."""

import numpy as np

from turncoat.data.dataset import Dataset, flattened, observed_range
from turncoat.data.source import MadeSource


def digits(seed: int = 0) -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels, 10 classes, scaled from 0..16 to [0, 1].

    `seed` is not used: the data are fixed. Source: UCI Optical Recognition of Handwritten Digits (test part),
    as shipped in scikit-learn.
    """
    from sklearn.datasets import load_digits  # slow to import, and only these two loaders need it

    bunch = load_digits()
    x = flattened(bunch.data / 16.0)
    return Dataset("digits", x, bunch.target.astype(np.int32), 10, (8, 8), DIGITS.origin, (0.0, 1.0))


def breast_cancer(seed: int = 0) -> Dataset:
    """569 tumours described by 30 real features, 2 classes (0 malignant, 1 benign), standardised.

    Each feature has mean 0 and variance 1 over all 569 records, the later test records included: the unit is
    that feature's standard deviation. `seed` is not used. Source: UCI Breast Cancer Wisconsin (Diagnostic),
    as shipped in scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    x = flattened((bunch.data - bunch.data.mean(axis=0)) / bunch.data.std(axis=0))
    y = bunch.target.astype(np.int32)
    return Dataset("breast_cancer", x, y, 2, (30,), BREAST_CANCER.origin, observed_range(x))


DIGITS = MadeSource(
    "digits",
    1797,
    64,
    10,
    "UCI Optical Recognition of Handwritten Digits, shipped in scikit-learn",
    "embedded",
    digits,
)
BREAST_CANCER = MadeSource(
    "breast_cancer",
    569,
    30,
    2,
    "UCI Breast Cancer Wisconsin (Diagnostic), shipped in scikit-learn; standardised over all records",
    "embedded",
    breast_cancer,
)
