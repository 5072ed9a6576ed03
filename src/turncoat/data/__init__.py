"""Data sets as values: load one, split it, and know where it came from. NumPy only."""

from turncoat.data.catalogue import Row, catalogue, fetch, load, names, verify
from turncoat.data.dataset import Dataset, of_arrays, stand_in_label, validated
from turncoat.data.splits import Part, Sizes, Splits, default_sizes, split

__all__ = [
    "Dataset",
    "Part",
    "Row",
    "Sizes",
    "Splits",
    "catalogue",
    "default_sizes",
    "fetch",
    "load",
    "names",
    "of_arrays",
    "split",
    "stand_in_label",
    "validated",
    "verify",
]
