"""The proof of a step: one over the Galois ring for all numbers, one over the field for all bits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from turncoat.engines.replicated.checks import freivalds
from turncoat.engines.replicated.checks.algebra import Algebra
from turncoat.engines.replicated.checks.batch import Batch, batched
from turncoat.engines.replicated.checks.binary import BITS, PACKED, unpacked
from turncoat.engines.replicated.checks.galois import RING
from turncoat.engines.replicated.checks.plan import LEVELS, PIECES, SHORT, halvings
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.checks.proof import (
    Claim,
    Lie,
    Proving,
    masked,
    refuted,
    shortened,
)
from turncoat.engines.replicated.checks.record import LANES, MATRICES, SQUARES, WORDS, Entry, Record, flat
from turncoat.engines.replicated.randomness import Stream


def failed(record: Record, policy: Policy, key: Any, lie: Lie | None = None) -> Array:
    """Whether each prover's proof fails: one flag a row of the record's entries.

    `key` is that of the step; the coins that a prover lacks, and the masks that it shares, are drawn from it.
    """

    def one(given: tuple[Record, Array]) -> Array:
        entries, key = given
        coins, masks = (Stream.of(jax.random.fold_in(key, i)) for i in range(2))
        proving = Proving(coins, masks, lie)
        return _ring(entries, policy, proving) | _bits(entries, policy, proving)

    rows = len(jax.tree.leaves(record)[0])
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(rows))
    if rows == 1:
        return one(jax.tree.map(lambda a: a[0], (record, keys)))[None]
    return lax.map(one, (record, keys))


def _ring(record: Record, policy: Policy, proving: Proving) -> Array:
    """Elementwise and matrix products."""
    batches = [
        _batch(RING, proving, policy.sampled(proving.coins, flat(record[kind])), square=kind == SQUARES)
        for kind in (WORDS, SQUARES)
        if record.get(kind)
    ]
    claims = [batched(RING, proving, batches)] if batches else []
    claims += [freivalds.claimed(proving, entry) for entry in record.get(MATRICES, [])]
    if not claims:
        return jnp.zeros((), bool)
    return _proved(RING, proving, _one(RING, claims), LEVELS * bool(batches))


def _bits(record: Record, policy: Policy, proving: Proving) -> Array:
    """ANDs, packed for as long as rows are long."""
    if not (lanes := record.get(LANES)):
        return jnp.zeros((), bool)
    batch = _batch(PACKED, proving, policy.sampled(proving.coins, flat(lanes)))
    claim, number = _shortened(PACKED, proving, batched(PACKED, proving, [batch]), LEVELS, SHORT)
    claim = Claim(unpacked(claim.u), unpacked(claim.v), claim.one, claim.two)
    return _proved(BITS, proving, claim, number)


def _batch(algebra: Algebra, proving: Proving, entry: Entry, square: bool = False) -> Batch:
    """The claims x_c y_(c+1) + x_(c+1) y_c = (z_c - x_c y_c - w_c) + w_(c+1); of a square, one product of x_c."""

    def cut(row: Array) -> Array:
        return jnp.pad(row, (0, -len(row) % PIECES)).reshape(PIECES, -1)

    one, two, z = (jax.tree.map(cut, part) for part in (entry.one, entry.two, entry.z))
    known = algebra.add(algebra.multiply(one.x, one.y), one.w)
    if square:
        u, v = one.x[None], algebra.add(two.x, two.x)[None]
    else:
        u, v = jnp.stack([one.x, one.y]), jnp.stack([two.y, two.x])
    return Batch(proving.weights(algebra, z.shape[1]), u, v, algebra.add(z, algebra.negate(known)), two.w)


def _one(algebra: Algebra, claims: list[Claim]) -> Claim:
    """The sum of claims."""
    first, *others = claims
    for c in others:
        first = Claim(
            jnp.concatenate([first.u, c.u], axis=1),
            jnp.concatenate([first.v, c.v], axis=1),
            algebra.add(first.one, c.one),
            algebra.add(first.two, c.two),
        )
    return first


def _proved(algebra: Algebra, proving: Proving, claim: Claim, number: int) -> Array:
    """Whether a claim turns out false; `number` is the next round's."""
    claim, _ = _shortened(algebra, proving, masked(algebra, proving, claim), number, 1)
    return refuted(algebra, claim)


def _shortened(
    algebra: Algebra, proving: Proving, claim: Claim, number: int, until: int
) -> tuple[Claim, int]:
    """A claim about rows of at most `until`, and the next round's number."""
    for rounds in halvings(claim.u.shape[1], until):
        claim, number = shortened(algebra, proving, claim, rounds, number), number + rounds
    return claim, number
