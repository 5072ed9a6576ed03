"""Comparisons and what is built from them: maxima by tournaments, absolute values, logic."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from turncoat.core.rules.table import refusal, rule
from turncoat.core.values import Secret, Splat, Value, dtype_of, is_secret, public, shape_of, struct


def _bits(values: list[Value]) -> bool:
    return dtype_of(next(v for v in values if is_secret(v))) == np.bool_


def _not(bit: Value) -> Value:
    return bit.box.invert(bit) if is_secret(bit) else Splat(np.bool_(not bit.number), bit.shape)


def _zero(x: Secret) -> Splat:
    return Splat(x.dtype.type(0), x.shape)


@rule("lt")
def lt(box, op, values):
    return box.less(values[0], values[1], None)


@rule("gt")
def gt(box, op, values):
    return box.less(values[1], values[0], None)


@rule("le")
def le(box, op, values):
    return _not(box.less(values[1], values[0], None))


@rule("ge")
def ge(box, op, values):
    return _not(box.less(values[0], values[1], None))


@rule("eq")
def eq(box, op, values):
    if _bits(values):
        return _not(box.xor(*values))
    if values[0] is values[1]:
        return Splat(np.True_, shape_of(values[0]))  # x == x holds: a ring has no NaN
    return box.equal(*values, None)


@rule("ne")
def ne(box, op, values):
    return box.xor(*values) if _bits(values) else _not(eq(box, op, values))


@rule("and")
def and_(box, op, values):
    if not _bits(values):
        raise refusal(op, values, "integers are ANDed bit by bit")
    return box.both(*values)


@rule("or")
def or_(box, op, values):
    if not _bits(values):
        raise refusal(op, values, "integers are ORed bit by bit")
    return box.either(*values)


@rule("xor")
def xor(box, op, values):
    if not _bits(values):
        raise refusal(op, values, "integers are XORed bit by bit")
    return box.xor(*values)


@rule("not")
def not_(box, op, values):
    if not _bits(values):
        raise refusal(op, values, "an integer is negated bit by bit")
    return box.invert(values[0])


@rule("select_n")
def select(box, op, values):
    which, *cases = values
    if not is_secret(which):
        if len(cases) == 2 and dtype_of(which) == np.bool_:
            return box.select(which, cases[1], cases[0])
        index = public(which)
        return box.structure(lambda *c: op.primitive.bind(index, *c, **op.params), cases, op.avals[0])
    if which.dtype != np.bool_ or len(cases) != 2:
        raise refusal(op, [which], "one of several cases is chosen by a secret number")
    return box.select(which, cases[1], cases[0], None)


@rule("max")
def maximum(box, op, values):
    x, y = values
    return box.select(box.less(y, x), x, y)


@rule("min")
def minimum(box, op, values):
    x, y = values
    return box.select(box.less(x, y), x, y)


@rule("clamp")
def clamp(box, op, values):
    low, x, high = values
    x = box.select(box.less(low, x), x, low)
    return box.select(box.less(x, high), x, high)


@rule("abs")
def absolute(box, op, values):
    (x,) = values
    return box.select(box.less(x, _zero(x)), -x, x)


@rule("sign")
def sign(box, op, values):
    (x,) = values
    positive, negative = box.less(_zero(x), x), box.less(x, _zero(x))
    return box.arith(positive, x.dtype) - box.arith(negative, x.dtype)


# ---- tournaments ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """One round of a tournament over `size` entries: neighbours compete, an odd one out goes through."""

    size: int
    second_wins: Value  # a bit per pair


@dataclass(frozen=True)
class Tournament:
    """The winner along the leading axis, and the bits that led to it."""

    winner: Secret
    rounds: tuple[Round, ...]


def tournament(box, x: Secret, key: tuple, source: Secret, largest: bool = True) -> Tournament:
    """The largest (or smallest) entry along x's leading axis; ties go to the first.

    Played once for each `source` and `key`: its maximum, argmax and gradient share the comparisons.
    """
    return box.reused(("tournament", largest, key), (source,), lambda: _play(box, x, largest))


def _play(box, x: Secret, largest: bool) -> Tournament:
    rounds: list[Round] = []
    while (n := x.shape[0]) > 1:
        first, second = _pairs(box, x)
        wins = box.less(first, second) if largest else box.less(second, first)
        rounds.append(Round(n, wins))
        x = _with_odd(box, box.select(wins, second, first), x, n)
    return Tournament(_row(box, x, 0), tuple(rounds))


def follow(box, played: Tournament, labels: Value) -> Value:
    """The winner's entry of `labels` (same leading axis as the tournament)."""
    for r in played.rounds:
        first, second = _pairs(box, labels)
        labels = _with_odd(box, box.select(r.second_wins, second, first), labels, r.size)
    return _row(box, labels, 0)


def award(box, played: Tournament, prize: Secret) -> Secret:
    """The prize at the winner's entry and zero elsewhere, along a new leading axis.

    Walks the tournament back: the loser of each pair gets b * prize, the other what is left.
    """
    x = box.structure(lambda a: a[None], [prize], struct((1, *prize.shape), prize.dtype))
    for r in reversed(played.rounds):
        pairs = r.size // 2
        through = _rows(box, x, 0, pairs)
        second = box.select(r.second_wins, through, _zero(through))
        first = through - second
        both = struct((2 * pairs, *x.shape[1:]), x.dtype)
        merged = box.structure(
            lambda a, b, n=2 * pairs: jnp.stack([a, b], 1).reshape(n, *a.shape[1:]), [first, second], both
        )
        x = merged if r.size % 2 == 0 else _joined(box, merged, _rows(box, x, pairs, pairs + 1))
    return x


def _with_odd(box, winners: Value, x: Value, n: int) -> Value:
    return winners if n % 2 == 0 else _joined(box, winners, _rows(box, x, n - 1, n))


def _pairs(box, x: Value) -> tuple[Value, Value]:
    n = 2 * (shape_of(x)[0] // 2)
    return _rows(box, x, 0, n, 2), _rows(box, x, 1, n, 2)


def _rows(box, x: Value, start: int, stop: int, step: int = 1) -> Value:
    if not is_secret(x):
        return public(x)[start:stop:step]
    shape = (len(range(start, stop, step)), *x.shape[1:])
    return box.structure(lambda a: a[start:stop:step], [x], struct(shape, x.dtype))


def _row(box, x: Value, i: int) -> Value:
    if not is_secret(x):
        return public(x)[i]
    return box.structure(lambda a: a[i], [x], struct(x.shape[1:], x.dtype))


def _joined(box, x: Value, y: Value) -> Value:
    if not is_secret(x) and not is_secret(y):
        return jnp.concatenate([x, y])
    aval = struct((shape_of(x)[0] + shape_of(y)[0], *shape_of(x)[1:]), dtype_of(x))
    return box.structure(lambda a, b: jnp.concatenate([a, b]), [x, y], aval)


def leading(box, x: Secret, axes: tuple[int, ...]) -> Secret:
    """The axes merged into one leading axis."""
    rest = [d for d in range(len(x.shape)) if d not in axes]
    shape = (int(np.prod([x.shape[d] for d in axes])), *(x.shape[d] for d in rest))
    return box.structure(lambda a: a.transpose(*axes, *rest).reshape(shape), [x], struct(shape, x.dtype))


@rule("reduce_max", "reduce_min")
def reduce_extreme(box, op, values):
    (x,), axes = values, tuple(op.params["axes"])
    largest = op.name == "reduce_max"
    if not axes:
        return x
    return tournament(box, leading(box, x, axes), axes, x, largest).winner


@rule("argmax", "argmin")
def arg_extreme(box, op, values):
    (x,), axes = values, tuple(op.params["axes"])
    entries = leading(box, x, axes)
    played = tournament(box, entries, axes, x, op.name == "argmax")
    ids = jnp.arange(entries.shape[0], dtype=op.avals[0].dtype)
    labels = jnp.broadcast_to(ids.reshape(-1, *[1] * (len(entries.shape) - 1)), entries.shape)
    return follow(box, played, labels)


@rule("reduce_and", "reduce_or", "reduce_xor", "reduce_prod")
def reduce_tree(box, op, values):
    """A balanced tree of pairs, as deep as the logarithm of the size."""
    x = leading(box, values[0], tuple(op.params["axes"]))
    join = {
        "reduce_and": lambda a, b: box.both(a, b, "and"),
        "reduce_or": lambda a, b: box.either(a, b, "or"),
        "reduce_xor": box.xor,
        "reduce_prod": lambda a, b: box.product(a, b, "product"),
    }[op.name]
    while (n := x.shape[0]) > 1:
        x = _with_odd(box, join(*_pairs(box, x)), x, n)
    return _row(box, x, 0)


def stacked(box, rows: list[Secret]) -> Secret:
    """Secrets of one shape along a new leading axis."""
    aval = struct((len(rows), *rows[0].shape), rows[0].dtype)
    return box.structure(lambda *a: jnp.stack(a), rows, aval)

