"""What purchase100, texas100 and location30 share: they come from one repository, in archives of binary rows.

Source: github.com/privacytrustlab/datasets, the data of Shokri et al., "Membership Inference Attacks Against
Machine Learning Models" (2017).
"""

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.refusal import Refusal

# The commit's tree holds the git blob ids (SHA-1 of the content) of the archives: published checksums.
_COMMIT = "169de9de00de049dd2e571cf7279e64698ac046a"
BASE = f"https://github.com/privacytrustlab/datasets/raw/{_COMMIT}/"
ORIGIN = f"github.com/privacytrustlab/datasets, commit {_COMMIT[:8]}"


def dataset(name: str, bits: np.ndarray, labels: np.ndarray, classes: int, source: str) -> Dataset:
    """Binary features (n, d) as 0.0 and 1.0, and labels counted from 1 in the file, from 0 here.

    Raises `Refusal` for a label out of range.
    """
    if len(labels) and (labels.min() < 1 or labels.max() > classes):
        raise Refusal(
            f"{name}: labels out of range, from {labels.min()} to {labels.max()}, not 1 to {classes}: "
            "delete it and fetch it again."
        )
    x, y = bits.astype(np.float32), (labels - 1).astype(np.int32)
    return Dataset(name, x, y, classes, (bits.shape[1],), source, (0.0, 1.0))
