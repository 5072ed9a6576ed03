"""The ledger of an evaluation: what is still to be proved, and whose proof has failed.

A loop's pass or a branch has one of its own, inside its caller's: what it notes cannot leave it but as an output.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.bilinear import Bilinear
from turncoat.engines.replicated.checks import record
from turncoat.engines.replicated.checks.binary import packed
from turncoat.engines.replicated.checks.forms import Form, form
from turncoat.engines.replicated.checks.policy import Policy
from turncoat.engines.replicated.checks.proof import Lie
from turncoat.engines.replicated.checks.record import Entry, Record
from turncoat.engines.replicated.checks.step import failed
from turncoat.engines.replicated.products import Note
from turncoat.engines.replicated.sharing import PARTIES, Sharing
from turncoat.refusal import Refusal, nearest


class Ledger:
    """Notes messages; `failed` (3) flags the parties whose proof has failed.

    `provers` are those whose messages are proved, `lie` is what they make of the messages of their proofs.
    """

    def __init__(self, policy: Policy, provers: Sequence[int], lie: Lie | None = None) -> None:
        self.policy, self.provers, self.lie = policy, tuple(provers), lie
        self.record: Record = {}
        self.outer: Ledger | None = None
        self.opened = False
        self.seen: set[str] = set()
        """The names of all sites so far."""
        self.failed = jnp.zeros(PARTIES, bool)
        self._numbers = count()

    def inside(self, failed: Array) -> Ledger:
        """One for a loop's pass or a branch that begins with these flags."""
        made = Ledger(self.policy, self.provers, self.lie)
        made.outer, made.failed, made._numbers, made.seen = self, failed, self._numbers, self.seen
        return made

    # ---- sites ----------------------------------------------------------------------------------------

    def at(self, *names: str) -> bool:
        """Whether what stands at a site, with the sites inside it, is proved."""
        self.seen.update(names)
        return self.policy.sites is None or bool(self.policy.words_for(names))

    def check_sites(self) -> None:
        """Refuses sites to prove that the program does not have; what has no sites at all only shares, say."""
        for word in self.policy.sites or ():
            if self.seen and not self.policy.words_for(self.seen) & {word}:
                raise Refusal(
                    f"no products or ANDs stand at {word!r}, so that nothing is proved there; the nearest are "
                    f"{nearest(word, self.seen)}"
                )

    # ---- notes ----------------------------------------------------------------------------------------

    def words(self) -> Note | None:
        """Notes elementwise products of ring elements; None if they are not proved."""
        return self._note(record.WORDS, lambda e: e)

    def lanes(self) -> Note | None:
        """Notes ANDs of words, or of bits."""
        return self._note(record.LANES, _packed)

    def bilinear(self, bilinear: Bilinear) -> Note | None:
        """Notes products that are elementwise, or those of matrices."""
        if bilinear.kind == "mul":
            return self._note(record.SQUARES, lambda e: e) if bilinear.square else self.words()
        found = form(bilinear)
        return self._note(record.MATRICES, lambda e: _as_matrices(found, e))

    def _note(self, kind: str, made: Any) -> Note | None:
        if not self.policy.proves(kind):
            return None

        def note(x: Sharing, y: Sharing, words: Array, z: Sharing) -> None:
            self.add(kind, made(record.entry(x, y, words, z, self.provers)))

        return note

    def add(self, kind: str, entry: Entry) -> None:
        self.record.setdefault(kind, []).append(entry)

    # ---- proofs ---------------------------------------------------------------------------------------

    def settle(self, key: Any) -> None:
        """Proves what was noted since; `key` is the evaluation's, or that of the pass."""
        self._prove(self.record, key)
        self.record = {}

    def settle_all(self, key: Any) -> None:
        """The same, and what was noted around a pass or branch before it, since something is opened here."""
        self.opened = True
        self.settle(key)
        around = self.outer
        while around is not None:
            self._prove(around.record, key)
            around = around.outer

    def _prove(self, found: Record, key: Any) -> None:
        if found:
            key = jax.random.fold_in(jax.random.fold_in(key, 0), next(self._numbers))
            flags = failed(found, self.policy, key, self.lie)
            self.failed = self.failed.at[np.asarray(self.provers)].max(flags)


def _packed(entry: Entry) -> Entry:
    """Bits as words."""
    if entry.z.dtype != np.bool_:
        return entry
    return jax.tree.map(lambda a: jax.vmap(packed)(a.reshape(len(a), -1)), entry)


def _as_matrices(found: Form, entry: Entry) -> Entry:
    def held(part: record.Held) -> record.Held:
        x, y = found.operands(part.x, part.y)
        return record.Held(x, y, found.result(part.w))

    return Entry(held(entry.one), held(entry.two), found.result(entry.z))
