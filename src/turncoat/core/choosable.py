"""Which rearrangements and sums keep every entry choosable: what an error adds there can be anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from turncoat.core.bilinear import Sum, structure_index
from turncoat.core.rearranged import Unknown
from turncoat.core.values import Aval


def kept_whole(fn: Callable[..., Any], avals: Sequence[Aval]) -> list[bool]:
    """For each operand: whether all output entries come from it, each from another entry. Raises Unknown."""
    index = structure_index(fn, [a.shape for a in avals]).ravel()
    distinct = len(np.unique(index)) == len(index)
    kept, start = [], 0
    for aval in avals:
        stop = start + int(np.prod(aval.shape, dtype=int))
        kept.append(bool(distinct and np.all((index >= start) & (index < stop))))
        start = stop
    return kept


def onto(fn: Sum, small: bool = True) -> bool:
    """Whether every output of a sum can be chosen; windows and scatters of moderate size only.

    Raises Unknown where that depends on a value that is not known, and of any larger one if not `small`.
    """
    if math.prod(fn.x_shape) > 1024:
        if small:
            return False
        raise Unknown
    index = fn.as_gather()
    sums = [terms[terms >= 0] for terms in index.reshape(math.prod(fn.shape), -1)]
    sums = _without_private(sums, math.prod(fn.x_shape))
    matrix = np.zeros((len(sums), math.prod(fn.x_shape)))
    for coefficients, terms in zip(matrix, sums, strict=True):
        coefficients[terms] = 1
    return not sums or int(np.linalg.matrix_rank(matrix)) == len(sums)


def _without_private(sums: list[Any], size: int) -> list[Any]:
    """The sums that are left when those with a term of their own are taken away, one after the other.

    By such a term a sum can be chosen whatever the others are. `sums` are the terms of each, of `size` in all.
    """
    terms = np.concatenate([np.zeros(0, int), *sums])
    owners = np.repeat(np.arange(len(sums)), [len(own) for own in sums])
    count = np.bincount(terms, minlength=size)
    owner = np.bincount(terms, owners, minlength=size).astype(int)  # where there is one, it is this
    left = dict(enumerate(sums))
    private = list(np.flatnonzero(count == 1))
    while private:
        term = private.pop()
        if count[term] == 1:
            taken = int(owner[term])
            own = left.pop(taken)
            count[own] -= 1
            owner[own] -= taken
            private += list(own[count[own] == 1])
    return list(left.values())
