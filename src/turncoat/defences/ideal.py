"""Checks in a training run, as the ideal functionality of `Defence` makes them.

For products and ANDs of replicated shares the two honest parties' shares and seeds determine each message of the
third: an ideal check compares the message with that, so it finds an error just if the message deviates (see
`messages`) and is looked at. The coins come from a key that the honest pair shares; they are drawn after the
step's last message, so that no error can depend on them. An abort is data: the run carries it to its end, and what
it releases is then nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat.core.engine import Engine
from turncoat.core.errors import Errors
from turncoat.core.surface import Surface
from turncoat.defences.check import Check
from turncoat.defences.defence import Defence
from turncoat.defences.messages import Walk, deviates, scales

NOBODY = -1
"""The step and the site of an abort where there was none."""
RESULT = -2
"""The site of an abort where results were compared, not messages."""
WORD = 2**32


@dataclass(frozen=True)
class Watched:
    """A site as the honest parties check it: its messages in one step, and the scale of errors there."""

    site: str
    check: Check
    shape: tuple[int, ...]
    scale: int | None = None

    def deviating(self, error: Any) -> Array:
        """Which messages deviate: of the site's full shape, an error for all passes of a loop in each of them."""
        return jnp.broadcast_to(deviates(error, self.scale), self.shape)


@dataclass(frozen=True)
class Checks:
    """What is checked in each step, site by site; hashable, as part of what is compiled.

    `results`: each step's result is compared with that of the same step without errors.
    """

    sites: tuple[Watched, ...]
    results: bool = False

    @classmethod
    def of(cls, defence: Defence, surface: Surface, engine: Engine, walk: Walk) -> Checks:
        """A defence of a step; `walk(engine, enter)` runs the step on an abstract engine."""
        policy, units = defence.policy(surface), scales(engine, walk)
        found = tuple(Watched(s.name, policy[s.name], s.full_shape, units.get(s.name)) for s in surface)
        return cls(found, defence.results)

    @property
    def policy(self) -> dict[str, Check]:
        """How each site is checked."""
        return {one.site: one.check for one in self.sites}

    def __getitem__(self, name: str) -> Watched:
        return self.sites[self.number(name)]

    def number(self, name: str) -> int:
        """The number of a site, by which an abort names it."""
        return next(i for i, one in enumerate(self.sites) if one.site == name)

    def called(self, number: int) -> str:
        """What an abort at this number found: a site's message, or a result."""
        return "result" if number == RESULT else self.sites[number].site


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tally:
    """What was counted in a run: rank-0 integers.

    `errors`: products tampered with; `messages`: those that deviate, by site (where nobody checks, those with an
    error that is not zero); `step` and
    `site`: where the first error was found, `NOBODY` if none was. `failed`: of an engine that proves its messages,
    which parties' proofs failed (see `engines.replicated.checks.outcome`), Booleans (3,).
    """

    errors: Any
    messages: Mapping[str, Any] = field(default_factory=dict)
    step: Any = None
    site: Any = None
    failed: Any = None

    @classmethod
    def start(cls, checks: Checks | None, names: Any) -> Tally:
        """Before the first step of a run with errors at these sites."""
        zero, nobody = jnp.zeros((), jnp.int32), jnp.full((), NOBODY, jnp.int32)
        counts = dict.fromkeys(sorted(names), zero)
        return cls(zero, counts) if checks is None else cls(zero, counts, nobody, nobody)

    def after(
        self, checks: Checks | None, errors: Errors, step: Array, key: Any, differs: Any = False
    ) -> Tally:
        """After a step with these errors; `key` is the honest pair's in this step.

        `differs`: whether its result is not that of the step without errors, and that is looked at.
        """
        count = self.errors + errors.count()
        names = sorted(errors)
        marks = {
            n: (deviates(errors[n]) if checks is None else checks[n].deviating(errors[n])) for n in names
        }
        messages = {
            name: self.messages[name] + jnp.count_nonzero(m).astype(jnp.int32) for name, m in marks.items()
        }
        if checks is None:
            return Tally(count, messages)
        found = found_at(checks, marks, key)
        found = jnp.where(jnp.asarray(differs) & (found == NOBODY), RESULT, found)
        first = (self.step == NOBODY) & (found != NOBODY)
        at, site = jnp.where(first, step, self.step), jnp.where(first, found, self.site)
        return Tally(count, messages, at.astype(jnp.int32), site.astype(jnp.int32))

    @property
    def aborted(self) -> Any:
        """Whether an error was found, by an ideal check or a proof: a Boolean, False without any."""
        found = jnp.zeros((), bool) if self.step is None else self.step != NOBODY
        return found if self.failed is None else found | jnp.any(self.failed)

    def sealed(self, released: Any) -> Any:
        """What is opened at the end of the run: of one that was aborted nothing, and NaN or zeros stand for that."""
        return released if self.step is None and self.failed is None else jax.tree.map(self._sealed, released)

    def _sealed(self, leaf: Any) -> Any:
        leaf = jnp.asarray(leaf)
        nothing = np.nan if jnp.issubdtype(leaf.dtype, jnp.inexact) else 0
        return jnp.where(self.aborted, jnp.asarray(nothing, leaf.dtype), leaf)


def found_at(checks: Checks, marks: Mapping[str, Array], key: Any) -> Array:
    """The number of the first site with a message that deviates and is looked at, `NOBODY` if there is none."""
    last = len(checks.sites)
    found = jnp.full((), last, jnp.int32)
    for name, mark in marks.items():
        number, share = checks.number(name), checks[name].check.share
        caught = jnp.any(mark & looked_at(jax.random.fold_in(key, number), share, checks[name].shape))
        found = jnp.minimum(found, jnp.where(caught, number, last))
    return jnp.where(found == last, NOBODY, found)


def looked_at(key: Any, share: float, shape: tuple[int, ...]) -> Array:
    """A coin for each message, true with probability `share` to within 2^-64: single precision stops at 2^-24."""
    if share in (0, 1):
        return jnp.full(shape, bool(share))
    high, low = divmod(round(Fraction(share) * WORD**2), WORD)
    if high == WORD:
        return jnp.ones(shape, bool)
    words = jax.random.bits(key, (2, prod(shape)), jnp.uint32).reshape(2, *shape)
    return (words[0] < np.uint32(high)) | ((words[0] == np.uint32(high)) & (words[1] < np.uint32(low)))
