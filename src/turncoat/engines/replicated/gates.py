"""The ANDs inside a comparison as sites: a flip in one lane is a flipped bit of what masks that lane.

The messages of each AND are masked by bits of a zero sharing, and no bit of it masks two messages (see
`circuits`). So a party that flips lanes of what it sends and keeps flips bits beside its own word of the
sharing, and the circuits stay as they are. The last AND is not among these: its site is the comparison itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat.engines.replicated.circuits import LEVELS, SPANS, TOP
from turncoat.engines.replicated.products import Added
from turncoat.engines.replicated.sharing import place


@dataclass(frozen=True)
class Gate:
    """Which of a circuit's zero sharings masks an AND, and with which bits: one a lane in use, least first."""

    word: int
    bits: tuple[int, ...]


def _sign() -> Iterator[Gate]:
    """Full adders, the carries' first AND, and the tree, whose later levels share a word."""
    yield Gate(0, tuple(range(TOP)))
    yield Gate(1, tuple(range(TOP)))
    for span, at, beside, by in zip(*(column.tolist() for column in LEVELS), strict=True):
        lanes = [lane for lane in range(64) if (at | beside) >> lane & 1]
        yield Gate(2 if span == 1 else 3, tuple(lane - by for lane in lanes))


def _zero() -> Iterator[Gate]:
    """Full adders, and halves joined, all of them masked by one word."""
    yield Gate(0, tuple(range(TOP)))
    used = 0
    for half in reversed(SPANS):
        yield Gate(1, tuple(range(used, used + half)))
        used += half


def _before_the_last(gates: Iterable[Gate]) -> dict[str, Gate]:
    return {f"and{n}": gate for n, gate in enumerate([*gates][:-1], 1)}


SIGN, ZERO = _before_the_last(_sign()), _before_the_last(_zero())
LANES = {
    kind: {name: len(gate.bits) for name, gate in gates.items()}
    for kind, gates in (("lt", SIGN), ("eq", ZERO))
}
"""How many lanes of each are in use: 63 63 63 31 15 7 3 in a sign, 63 32 16 8 4 2 in a test for zero."""


def flipped(
    gates: Mapping[str, Gate], zeros: Sequence[Added], errors: Sequence[Any], corrupt: int
) -> list[Added]:
    """Zero sharings, (3, *shape) each, and beside them the errors: (*shape, lanes) or None a gate, or none."""
    out = list(zeros)
    for gate, error in zip(gates.values(), errors, strict=bool(errors)):
        if error is not None:
            flips = jnp.sum(error.astype(jnp.uint64) << np.asarray(gate.bits, np.uint64), axis=-1)
            zero, stack = out[gate.word], place(flips, corrupt)
            out[gate.word] = Added(zero.words, stack if zero.error is None else zero.error ^ stack)
    return out
