"""Texas-100: 67,330 hospital stays, 6,169 binary features, 100 classes (the most frequent procedures)."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.data.formats.archive import read_members
from turncoat.data.formats.binary_rows import read_binary_rows, read_labels
from turncoat.data.sets import shokri
from turncoat.data.source import DataFile, FileSource, Layout, Paths

FEATURES, CLASSES = 6169, 100
_FEATS, _LABELS = "texas/100/feats", "texas/100/labels"  # lines `0,1,...`; one label a line, 1 .. 100
_ORIGIN = f"Texas-100 (Texas hospital discharge data, prepared by Shokri et al.), {shokri.ORIGIN}"
_ARCHIVE = DataFile(
    "dataset_texas.tgz", "git:966f7ff40b24cf5912ff84759aab9adb8c25f30e", shokri.BASE + "dataset_texas.tgz"
)


def read(paths: Paths) -> Dataset:
    """Read the published archive without unpacking it. Raises `Refusal` for any other format."""
    (path,) = paths.values()
    found = read_members(
        path, {_FEATS: _feats(path), _LABELS: lambda stream: read_labels(stream, f"{path}:{_LABELS}")}
    )
    return shokri.dataset("texas100", found[_FEATS], found[_LABELS], CLASSES, _ORIGIN)


def _feats(path: Path) -> Callable[[IO[bytes]], np.ndarray]:
    def read_feats(stream: IO[bytes]) -> np.ndarray:
        return read_binary_rows(stream, FEATURES, labelled=False, what=f"{path}:{_FEATS}")[0]

    return read_feats


SOURCE = FileSource(
    "texas100",
    "hospital stays",
    features=FEATURES,
    classes=CLASSES,
    origin=_ORIGIN,
    layouts=(Layout((_ARCHIVE,), 67_330, read),),
)
