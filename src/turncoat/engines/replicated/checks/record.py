"""What a step's messages were made of: the record from which they are proved.

For a prover c: verifier one, party c - 1, holds x_c and y_c, the word w_c that it and c draw, and the message z_c;
verifier two, party c + 1, holds x_(c+1), y_(c+1) and w_(c+1). The message is right if

    z_c - x_c y_c - w_c + w_(c+1) = x_c y_(c+1) + x_(c+1) y_c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.engines.replicated.sharing import PARTIES, Sharing

WORDS, SQUARES, LANES, MATRICES = "words", "squares", "lanes", "matrices"
"""Elementwise products, and those of an array with itself; ANDs of 64 lanes to a word; matrix products (b, m, k)
times (b, k, n)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Held:
    """Shares of both operands and words of a zero sharing, as one verifier holds them; a row for each prover."""

    x: Array
    y: Array
    w: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Entry:
    """Messages of one kind: what the verifiers hold of their operands, and what verifier one was sent."""

    one: Held
    two: Held
    z: Array


Record = dict[str, list[Entry]]


def entry(x: Sharing, y: Sharing, words: Array, z: Sharing, provers: Sequence[int]) -> Entry:
    """The messages of these parties in one operation."""
    first, second = list(provers), [(c + 1) % PARTIES for c in provers]

    def rows(stack: Array, of: list[int]) -> Array:
        return stack[np.asarray(of)]

    one, two = (Held(rows(x.own, of), rows(y.own, of), rows(words, of)) for of in (first, second))
    return Entry(one, two, rows(z.own, first))


def stacked(entry: Entry, kind: str) -> Entry:
    """An entry of a loop's passes, (passes, provers, ...), as one: a batch of matrices, or so many words."""

    def joined(array: Array) -> Array:
        turned = jnp.moveaxis(array, 0, 1)
        whole = turned.shape[0], turned.shape[1] * turned.shape[2], *turned.shape[3:]
        return turned.reshape(whole if kind == MATRICES else (len(turned), -1))

    return jax.tree.map(joined, entry)


def flat(entries: Sequence[Entry]) -> Entry:
    """All entries of words or lanes of one prover as one: (count,)."""
    return jax.tree.map(lambda *arrays: jnp.concatenate([a.reshape(-1) for a in arrays]), *entries)
