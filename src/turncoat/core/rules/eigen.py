"""Eigenvalues and singular values by Jacobi's rotations, in a public number of sweeps.

1. In a round, disjoint pairs of rows are rotated at once; a sweep is as many rounds as it takes for every row to
   meet every other, after which all rows are in their places again (Brent and Luk, 1985; XLA runs these two so:
   eigh_expander.cc, and svd.cc one-sidedly). XLA stops where little is left off the diagonal, which is secret here:
   there are `sweeps` of them.
2. An angle takes a reciprocal and a division by a number between one and two; its roots are of numbers between
   one and two as well, by a polynomial and a Newton step. So a protocol's inexact quotient slows the sweeps
   down, but turns nothing askew.
3. At the end, a public network sorts.

SPU leaves both to its users: sml/utils/extmath.py has power iterations and rounds of QR, sml/utils/jacobi_svd.py
single rotations at a secret place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.core.abb import Box
from turncoat.core.engine import Values
from turncoat.core.program import Op
from turncoat.core.rules.factorings import batched, expanded
from turncoat.core.rules.reflections import factored
from turncoat.core.rules.series import polynomial
from turncoat.core.rules.sorting import network
from turncoat.core.rules.table import refusal, rule
from turncoat.core.values import Value

COSINE = (0.9999121, -0.4954702, 0.3356954, -0.1807075, 0.0476433)
"""Of the least relative error, 9e-5, on [0, 1.05] (a linear program); a Newton step squares it."""


def sweeps(n: int) -> int:
    """How many sweeps n rows take: what is off the diagonal is then 1e-6 of the matrix or less."""
    return 2 * (n - 1).bit_length() if n > 2 else n - 1


@rule("eigh")
def eigh(box: Box, op: Op, values: Values) -> Value:
    _whole(op, values)
    p, least = op.params, box.engine.smallest

    def values_and_vectors(a: Any) -> tuple[Any, Any]:
        below = jnp.tril(a, -1) if p["lower"] else jnp.triu(a, 1).T
        a = jnp.where(np.eye(a.shape[0], dtype=bool), a, below + below.T)
        numbers, rows = _diagonalised(a, least)
        if p["sort_eigenvalues"]:
            numbers, rows = _sorted(numbers, rows)
        return rows.T, numbers

    return expanded(box, op, batched(values_and_vectors), values)


@rule("svd")
def svd(box: Box, op: Op, values: Values) -> Value:
    _whole(op, values)
    square, least = op.params["full_matrices"], box.engine.smallest

    def numbers(a: Any) -> list[Any]:
        rows = _orthogonal(a if a.shape[0] <= a.shape[1] else a.T, None, least)
        (squares,) = _sorted(-jnp.sum(rows * rows, -1))
        return [jnp.sqrt(-squares)]

    def numbers_and_vectors(a: Any) -> list[Any]:
        wide = a.shape[0] < a.shape[1]
        s, u, v = _by_columns(a.T if wide else a, least, square)
        return [s, v.T, u.T] if wide else [s, u, v]

    f = numbers_and_vectors if op.params["compute_uv"] else numbers
    return expanded(box, op, batched(f), values)


def _whole(op: Op, values: Values) -> None:
    if op.params.get("subset_by_index") is not None:
        raise refusal(
            op, values, "some of the values of a matrix are asked for", "compute all and take those"
        )


# ---- what they are made of ----------------------------------------------------------------------------------


def _diagonalised(a: Any, least: float) -> tuple[Any, Any]:
    """The eigenvalues of a symmetric matrix, and its eigenvectors as rows."""
    n = a.shape[0]
    meeting = Meeting(n)

    def turned(both: Any) -> Any:
        a = both[:, :n]
        first, second, across = (a[i, j] for i, j in meeting.entries)
        turn = _turn(second - first, across + a[meeting.second, meeting.first], least)
        both = meeting.turned(both, turn)
        a = meeting.turned(both[:, :n].T, turn).T
        return jnp.concatenate([a[:, meeting.after], both[:, n:]], 1)[meeting.after]

    done = meeting.swept(turned, jnp.concatenate([a, jnp.eye(n, dtype=a.dtype)], 1))
    return done[np.arange(n), np.arange(n)], done[:, n:]


def _orthogonal(rows: Any, beside: Any, least: float) -> Any:
    """Rows turned until each is orthogonal to the others (Hestenes); those `beside` are turned with them."""
    meeting, m = Meeting(rows.shape[0]), rows.shape[1]

    def turned(both: Any) -> Any:
        pairs = jnp.stack([both[meeting.first, :m], both[meeting.second, :m]], 1)
        inner = jnp.einsum("pim,pjm->pij", pairs, pairs, precision=lax.Precision.HIGHEST)
        turn = _turn(inner[:, 1, 1] - inner[:, 0, 0], 2 * inner[:, 0, 1], least)
        return meeting.turned(both, turn)[meeting.after]

    return meeting.swept(turned, rows if beside is None else jnp.concatenate([rows, beside], 1))


def _by_columns(a: Any, least: float, square: bool) -> tuple[Any, Any, Any]:
    """s, u and v^T of a matrix with no more columns than rows.

    Once the columns are orthogonal, the R of their QR factoring is diagonal: it has the singular values, and Q the
    left vectors, also beside a singular value of zero.
    """
    m, n = a.shape
    rows = _orthogonal(a.T, jnp.eye(n, dtype=a.dtype), least)
    squares = jnp.sum(rows[:, :m] * rows[:, :m], -1)
    _, rows = _sorted(-squares, rows)
    q, r = factored(rows[:, :m].T, least, square)
    s = r[np.arange(n), np.arange(n)]
    signs = jnp.where(s < 0, -jnp.ones_like(s), jnp.ones_like(s))
    u = jnp.concatenate([q[:, :n] * signs, q[:, n:]], 1)
    return s * signs, u, rows[:, m:]


def _turn(difference: Any, across: Any, least: float) -> Any:
    """Rotations (pairs, 2, 2) by the angles t of at most 45 degrees with tan 2t = across / difference."""
    both = jnp.stack([difference, across])
    negative = both < 0
    sizes = jnp.where(negative, -both, both)
    shares = sizes * (1 / (jnp.sum(sizes, 0) + least))  # of their sum, so that their squares' is 1/2 to 1
    root = math.sqrt(2) * _cosine(2 * jnp.sum(shares * shares, 0) - 1)
    cosine, sine = shares * root  # of twice the angle
    tangent = sine / (1 + cosine)
    c = _cosine(tangent * tangent)
    s = jnp.where(negative[0] ^ negative[1], -tangent, tangent) * c
    return jnp.stack([jnp.stack([c, -s], -1), jnp.stack([s, c], -1)], -2)


def _cosine(square: Any) -> Any:
    """1 / sqrt(1 + square), for squares of at most one: off by 2e-8 at most."""
    first = polynomial(square, COSINE)
    return first * (1.5 - 0.5 * (1 + square) * (first * first))


class Meeting:
    """The rounds of a sweep over n rows: who meets whom in each, and where the rows stand `after` it.

    All rows but the last of an even number go round; the first meets the last of these, the second the last but
    one, and who is left in the middle meets the one that stays.
    """

    def __init__(self, n: int) -> None:
        self.n, round_ = n, n - 1 + n % 2
        half = round_ // 2
        self.rounds = round_ if n > 1 else 0
        self.first = np.arange(n // 2)
        self.second = np.concatenate([round_ - 1 - np.arange(half), np.arange(round_, n)])
        self.after = np.concatenate([np.roll(np.arange(round_), 1), np.arange(round_, n)])
        self.entries = [(self.first, self.first), (self.second, self.second), (self.first, self.second)]

    def turned(self, rows: Any, turn: Any) -> Any:
        """The rows, each pair turned: one product of matrices."""
        pairs = jnp.stack([rows[self.first], rows[self.second]], 1)
        pairs = jnp.einsum("pij,pjm->pim", turn, pairs, precision=lax.Precision.HIGHEST)
        alone = np.setdiff1d(np.arange(self.n), [*self.first, *self.second])
        order = np.argsort(np.concatenate([self.first, self.second, alone]))
        return jnp.concatenate([pairs[:, 0], pairs[:, 1], rows[alone]])[order]

    def swept(self, turned: Any, rows: Any) -> Any:
        """The rows after all rounds of all sweeps."""
        count = self.rounds * sweeps(self.n)
        if not count:
            return rows
        return lax.scan(lambda rows, _: (turned(rows), None), rows, None, length=count)[0]


def _sorted(numbers: Any, *others: Any) -> Sequence[Any]:
    """Numbers in ascending order, and the rows of other arrays in the same."""
    arrays = [numbers, *others]
    for first, second in network(numbers.shape[0]):
        low, high = ([a[at] for a in arrays] for at in (first, second))
        swap = high[0] < low[0]
        for i, (a, x, y) in enumerate(zip(arrays, low, high, strict=True)):
            bit = swap.reshape(-1, *[1] * (a.ndim - 1))
            pair = jnp.where(jnp.concatenate([bit, bit]), jnp.concatenate([y, x]), jnp.concatenate([x, y]))
            source = np.arange(a.shape[0])
            source[np.concatenate([first, second])] = a.shape[0] + np.arange(2 * len(first))
            arrays[i] = jnp.concatenate([a, pair])[source]
    return arrays
