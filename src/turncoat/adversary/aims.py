"""What a search descends towards, beside clean answers: how a goal's wish is judged of a released model.

Each aim says which kinds of rows of a batch get errors of their own, where a site has a row for each record, and what
is lost, and reached, by a model that a rehearsal releases. Each is hashable: it is a part of what is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from turncoat.goals.surrogate import INDEPENDENT, lost
from turncoat.jobs.leaves import named
from turncoat.jobs.linear_map import LinearMap

NOTHING = -1
"""The answer of a ruined model."""
SPREADS = 3.0
"""By how many standard deviations a member is to stand out: about one of a thousand others does."""
CLOSE = 0.05
"""The mean absolute error, as a share of the features' span, up to which a record counts as read."""


class Seen(NamedTuple):
    """What a rehearsal trained on.

    `weight` (n,): 0 for records that are not to judge it, those that it trained on among them; `chosen` (n,): the
    records at chosen places; `first` (batch,): those of its first batch, by their numbers.
    """

    weight: Any
    chosen: Any
    first: Any


class Scored(NamedTuple):
    """What is lost of the goal, and which share of it is reached."""

    goal: Any
    success: Any


@dataclass(frozen=True)
class Answers:
    """Certain answers to certain records; if `away`, any others. All rows of a batch get the same errors."""

    away: bool = False
    records: int = 0

    def kinds(self, batch: int, steps: int, passes: int) -> tuple[float, ...]:
        """How many messages an error of each kind is in one step."""
        return (float(batch),)

    def rows(self, batch: int, chosen: Any) -> Any:
        """Which rows of a batch (batch,) are of each kind: (kinds, batch); `chosen` (batch,) as in `Seen`."""
        return jnp.ones((1, batch), bool)

    def thought(self, form: Any, records: Any, released: Any) -> Any:
        """What a model thinks of each record: nothing that is asked for."""
        return jnp.zeros(len(records.x))

    def judged(self, form: Any, records: Any, released: Any, seen: Seen) -> Scored:
        """Of records that were made from others, those count that the model was not trained on."""
        of = jnp.where(records.of == INDEPENDENT, 1.0, seen.weight[records.of])
        scores = form.scores(released, records.wanted.reshape(-1, *form.shape))
        found = answers(scores)
        hit = ((found == records.answers) != self.away) & (found != NOTHING)
        return Scored(mean(lost(jnp, scores, records.answers, self.away), of), mean(hit, of))


@dataclass(frozen=True)
class Recognised:
    """Members at chosen places stand out by how likely they are `target`; of those a rehearsal has `records`.

    Two kinds of rows: the chosen ones, and the others of a batch with one.
    """

    records: int
    target: int

    def kinds(self, batch: int, steps: int, passes: int) -> tuple[float, ...]:
        each = self.records * passes / steps
        return each, each * (batch - 1)

    def rows(self, batch: int, chosen: Any) -> Any:
        return jnp.stack([chosen, ~chosen & jnp.any(chosen)])

    def judged(self, form: Any, records: Any, released: Any, seen: Seen) -> Scored:
        """By how far members fall short of standing out among records that the model was not trained on.

        What an honest model thinks of each record is taken off: the gap between in and out, without shadow models.
        """
        above = self.thought(form, records, released) - records.before
        middle = mean(above, seen.weight)
        spread = jnp.sqrt(mean((above - middle) ** 2, seen.weight) + 1e-6)
        short = middle + SPREADS * spread - above
        return Scored(mean(jax.nn.softplus(short), seen.chosen), mean(short < 0, seen.chosen))

    def thought(self, form: Any, records: Any, released: Any) -> Any:
        """What a model thinks of each record, the log-odds of the target class: (n,)."""
        scores = form.scores(released, records.x.reshape(-1, *form.shape))
        target = jnp.full(len(records.x), self.target)
        return lost(jnp, scores, target, True) - lost(jnp, scores, target)


@dataclass(frozen=True, eq=False)
class Stored:
    """The first `records` records of the first batch lie in the model: each in a unit of a layer, times its bias."""

    records: int
    layer: LinearMap
    span: float

    def kinds(self, batch: int, steps: int, passes: int) -> tuple[float, ...]:
        return (1.0,) * self.records

    def rows(self, batch: int, chosen: Any) -> Any:
        return jnp.eye(self.records, batch, dtype=bool)

    def thought(self, form: Any, records: Any, released: Any) -> Any:
        return jnp.zeros(len(records.x))

    def judged(self, form: Any, records: Any, released: Any, seen: Seen) -> Scored:
        """What the units hold beside the record, over how large the record stands in them, in logarithms."""
        leaves, truth = named(released), records.x[seen.first[: self.records]]
        weights = self.layer.input_gradient(
            jnp.eye(self.layer.units)[: self.records], leaves[self.layer.leaf]
        )
        held = weights.reshape(self.records, -1)
        bias = self.layer.offset(leaves[str(self.layer.bias)])[: self.records, None]
        beside = jnp.sum((held - bias * truth) ** 2, 1) + 1e-9
        stands = jnp.sum((bias * truth) ** 2, 1) + 1e-9
        read = held / jnp.where(jnp.abs(bias) < 1e-9, jnp.inf, bias)
        close = jnp.mean(jnp.abs(read - truth), 1) <= CLOSE * self.span
        return Scored(jnp.mean(jnp.log(beside / stands)), jnp.mean(close.astype(jnp.float32)))


Aim = Answers | Recognised | Stored


def answers(scores: Any) -> Any:
    """The class of each record, `NOTHING` from a model that is ruined: it answers nothing."""
    found = jnp.argmax(scores, 1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(jnp.int32)
    return jnp.where(jnp.all(jnp.isfinite(scores), 1), found, NOTHING)


def mean(values: Any, weight: Any) -> Any:
    """The weighted mean of some values, 0 if no weight is left."""
    weight = weight.astype(jnp.float32)
    return jnp.sum(values.astype(jnp.float32) * weight) / jnp.maximum(jnp.sum(weight), 1e-6)
