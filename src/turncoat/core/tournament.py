"""Tournaments: the largest entry by pairwise comparisons, its position, and the way back for gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.core.abb import Box
from turncoat.core.values import (
    Secret,
    Value,
    dtype_of,
    full_like,
    is_secret,
    public,
    shape_of,
    struct,
)


@dataclass(frozen=True)
class Round:
    """One round of a tournament over `size` entries: neighbours compete, an odd one out goes through."""

    size: int
    second_wins: Value  # a bit per pair


@dataclass(frozen=True, eq=False)
class Tournament:
    """The bits that led to the winner along the leading axis, and the entries of the last round."""

    finalists: Secret
    rounds: tuple[Round, ...]

    def winner(self, box: Box) -> Secret:
        """The winning entry; its last selection is made only if it is asked for."""
        return box.reused(("winner", id(self)), (self.finalists,), lambda: self._final(box))

    def _final(self, box: Box) -> Secret:
        last: Value = self.finalists
        if self.rounds:
            first, second = pairs(box, last)
            last = box.select(self.rounds[-1].second_wins, second, first, f"select{len(self.rounds)}")
        winner: Secret = row(box, last, 0)
        return winner


def tournament(box: Box, x: Secret, key: tuple[Any, ...], source: Secret, largest: bool = True) -> Tournament:
    """The largest (or smallest) entry along x's leading axis; ties go to the first.

    Played once for each `source` and `key`: its maximum, argmax and gradient share the comparisons.
    """
    return box.reused(("tournament", largest, key), (source,), lambda: _play(box, x, largest))


def _play(box: Box, x: Secret, largest: bool) -> Tournament:
    rounds: list[Round] = []
    while (n := x.shape[0]) > 1:
        k = len(rounds) + 1
        first, second = pairs(box, x)
        ends = (first, second) if largest else (second, first)
        wins = box.less(*ends, f"compare{k}")
        rounds.append(Round(n, wins))
        if n == 2:
            break
        x = with_odd(box, box.select(wins, second, first, f"select{k}"), x, n)
    return Tournament(x, tuple(rounds))


def follow(box: Box, played: Tournament, labels: Value) -> Value:
    """The winner's entry of `labels` (same leading axis as the tournament)."""
    for r in played.rounds:
        first, second = pairs(box, labels)
        labels = with_odd(box, box.select(r.second_wins, second, first), labels, r.size)
    return row(box, labels, 0)


def award(box: Box, played: Tournament, prize: Secret) -> Secret:
    """The prize at the winner's entry and zero elsewhere, along a new leading axis.

    Walks the tournament back: the loser of each pair gets b * prize, the other what is left.
    """
    x = box.structure(lambda a: a[None], [prize], struct((1, *prize.shape), prize.dtype))
    for r in reversed(played.rounds):
        n = r.size // 2
        through = _rows(box, x, 0, n)
        second = box.select(r.second_wins, through, full_like(through, 0))
        first = through - second
        both = struct((2 * n, *x.shape[1:]), x.dtype)
        merged = box.structure(
            lambda a, b, m=2 * n: jnp.stack([a, b], 1).reshape(m, *a.shape[1:]), [first, second], both
        )
        x = merged if r.size % 2 == 0 else _joined(box, merged, _rows(box, x, n, n + 1))
    return x


def with_odd(box: Box, winners: Value, x: Value, n: int) -> Value:
    return winners if n % 2 == 0 else _joined(box, winners, _rows(box, x, n - 1, n))


def pairs(box: Box, x: Value) -> tuple[Value, Value]:
    n = 2 * (shape_of(x)[0] // 2)
    return _rows(box, x, 0, n, 2), _rows(box, x, 1, n, 2)


def _rows(box: Box, x: Value, start: int, stop: int, step: int = 1) -> Value:
    if not is_secret(x):
        return public(x)[start:stop:step]
    shape = (len(range(start, stop, step)), *x.shape[1:])
    return box.structure(lambda a: a[start:stop:step], [x], struct(shape, x.dtype))


def row(box: Box, x: Value, i: int) -> Value:
    if not is_secret(x):
        return public(x)[i]
    return box.structure(lambda a: a[i], [x], struct(x.shape[1:], x.dtype))


def _joined(box: Box, x: Value, y: Value) -> Value:
    if not is_secret(x) and not is_secret(y):
        return jnp.concatenate([x, y])
    aval = struct((shape_of(x)[0] + shape_of(y)[0], *shape_of(x)[1:]), dtype_of(x))
    return box.structure(lambda a, b: jnp.concatenate([a, b]), [x, y], aval)


def leading(box: Box, x: Secret, axes: tuple[int, ...]) -> Secret:
    """The axes merged into one leading axis."""
    rest = [d for d in range(len(x.shape)) if d not in axes]
    shape = (int(np.prod([x.shape[d] for d in axes])), *(x.shape[d] for d in rest))
    return box.structure(lambda a: a.transpose(*axes, *rest).reshape(shape), [x], struct(shape, x.dtype))


def maximum(box: Box, x: Secret, axis: int) -> Secret:
    """The maximum along an axis, which stays with length one."""
    axis = axis % len(x.shape)
    with box.scope("max"):
        top = tournament(box, leading(box, x, (axis,)), (axis,), x).winner(box)
    return box.expanded(top, axis)


def stacked(box: Box, rows: list[Secret]) -> Secret:
    """Secrets of one shape along a new leading axis."""
    aval = struct((len(rows), *rows[0].shape), rows[0].dtype)
    return box.structure(lambda *a: jnp.stack(a), rows, aval)
