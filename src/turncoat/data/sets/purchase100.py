"""Purchase-100: 197,324 shoppers, 600 binary features (products bought), 100 classes (clusters)."""

from functools import partial

from turncoat.data.dataset import Dataset
from turncoat.data.formats.archive import read_members
from turncoat.data.formats.binary_rows import read_binary_rows
from turncoat.data.sets import shokri
from turncoat.data.source import DataFile, FileSource, Layout, Paths

FEATURES, CLASSES = 600, 100
_MEMBER = "dataset_purchase"  # lines `label,0,1,...`, labels 1 .. 100
_ORIGIN = f"Purchase-100 (Kaggle Acquire Valued Shoppers, clustered by Shokri et al.), {shokri.ORIGIN}"
_ARCHIVE = DataFile(
    "dataset_purchase.tgz",
    "git:3efa7476ad5ed7ac3e558d28585a186b38fc5f19",
    shokri.BASE + "dataset_purchase.tgz",
)


def read(paths: Paths) -> Dataset:
    """Read the published archive without unpacking it. Raises `Refusal` for any other format."""
    (path,) = paths.values()
    rows = partial(read_binary_rows, features=FEATURES, labelled=True, what=f"{path}:{_MEMBER}")
    x, y = read_members(path, {_MEMBER: rows})[_MEMBER]
    return shokri.dataset("purchase100", x, y, CLASSES, _ORIGIN)


SOURCE = FileSource(
    "purchase100",
    "products bought",
    features=FEATURES,
    classes=CLASSES,
    origin=_ORIGIN,
    layouts=(Layout((_ARCHIVE,), 197_324, read),),
)
