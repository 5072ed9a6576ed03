"""Location-30: 5,010 Foursquare users, 446 binary features (places visited), 30 classes (clusters)."""

from functools import partial

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.data.formats.archive import read_members
from turncoat.data.formats.binary_rows import read_binary_rows
from turncoat.data.formats.npz import read_npz
from turncoat.data.sets import shokri
from turncoat.data.source import DataFile, FileSource, Layout, Paths
from turncoat.refusal import Refusal

FEATURES, CLASSES = 446, 30
_MEMBER = "bangkok"  # lines `"label",0,1,...`, labels 1 .. 30
_ORIGIN = f"Location-30 (Foursquare check-ins, clustered by Shokri et al.), {shokri.ORIGIN}"
_NPZ = DataFile("location30.npz", "sha256:4b12a3a89e019edc5b35423c2f037443df4494a37f9e7e2e280ff1254fc9bd3f")
# the checksum is that of the archive in the commit named in shokri.py
_ARCHIVE = DataFile(
    "dataset_location.tgz",
    "sha256:927203f85a868f8ee17a0ded1dc61699efe602167beabe34fbf45b4b1de94b33",
    shokri.BASE + "dataset_location.tgz",
)


def read(paths: Paths) -> Dataset:
    """Read the published archive without unpacking it. Raises `Refusal` for any other format."""
    (path,) = paths.values()
    rows = partial(read_binary_rows, features=FEATURES, labelled=True, what=f"{path}:{_MEMBER}")
    x, y = read_members(path, {_MEMBER: rows})[_MEMBER]
    return shokri.dataset("location30", x, y, CLASSES, _ORIGIN)


def from_npz(paths: Paths) -> Dataset:
    """Read `location30.npz`: `features_packed` (bits along axis 1), `n_features`, `labels` from 0.

    Raises `Refusal` if these arrays are missing or do not fit.
    """
    (path,) = paths.values()
    arrays = read_npz(path, ("features_packed", "n_features", "labels"))
    packed, features = arrays["features_packed"], int(arrays["n_features"])
    if packed.ndim != 2 or packed.dtype != np.uint8 or not 0 < features <= 8 * packed.shape[1]:
        raise Refusal(
            f"{path}: {features} features cannot be unpacked from {packed.shape}: fetch the file again."
        )
    x = np.unpackbits(packed, axis=1)[:, :features].astype(np.float32)
    y = arrays["labels"].astype(np.int32)
    return Dataset("location30", x, y, CLASSES, (features,), _ORIGIN, (0.0, 1.0))


SOURCE = FileSource(
    "location30",
    "places visited",
    features=FEATURES,
    classes=CLASSES,
    origin=_ORIGIN,
    layouts=(Layout((_NPZ,), 5_010, from_npz), Layout((_ARCHIVE,), 5_010, read)),
)
