"""How numbers and places of a tape are those of an MP-SPDZ program. NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

BITS, PRECISION, SPARE, SIGNIFICANT = 40, 18, 4, 15
"""Bits of a number, fractional ones, how many more a small public factor may have, and how many it keeps."""
SITES = 10_000


def timer(op: Any) -> int:
    """The number of the timer around an operation; those below are of steps."""
    return SITES + int(op.out)


def scale_of(sort: str) -> int:
    return PRECISION if sort == "fixed" else 0


def summand(op: Any, error: Any) -> Any:
    """A corrupt party's error at an operation as ring elements, at the scale of the product before truncation."""
    bits = scale_of(op.sort) + (PRECISION if op.detail == "truncates" else 0)
    return encoded(np.clip(error, -(2.0 ** (62 - bits)), 2.0 ** (62 - bits)), bits)


def separated(index: Any) -> Any:
    """Offsets (n,) along each axis whose sums with the first entry the index is, or None if there are none."""
    first = index[(0,) * index.ndim] if index.size else 0
    axes = []
    for axis in range(index.ndim):
        at: list[Any] = [0] * index.ndim
        at[axis] = slice(None)
        axes.append(index[tuple(at)] - first)
    total = np.asarray(first)
    for axis, offsets in enumerate(axes):
        total = total + offsets.reshape([-1 if i == axis else 1 for i in range(index.ndim)])
    return axes if index.size and np.array_equal(total, index) else None


def encoded(array: Any, bits: int) -> Any:
    """Numbers as integers with so many fractional bits."""
    return np.rint(np.asarray(array, np.float64) * 2.0**bits).astype(np.int64)


def factor_of(factor: Any) -> tuple[Any, int]:
    """A public factor as integers, and the bits that it is truncated by: none for whole numbers."""
    largest = float(np.abs(factor).max()) if np.size(factor) else 0.0
    bits = 0
    while bits < PRECISION and np.any(factor * 2.0**bits != np.rint(factor * 2.0**bits)):
        bits += 1
    while PRECISION <= bits < PRECISION + SPARE and largest * 2.0**bits < 2**SIGNIFICANT:
        bits += 1
    return encoded(factor, bits), bits
