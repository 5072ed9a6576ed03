"""The adversary's view: its own data, the public job, the public program. No secret of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import lcm, prod
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.errors import Errors
from turncoat.core.sites import Passes, Site
from turncoat.core.surface import Place, Surface
from turncoat.goals import Goal
from turncoat.jobs.anatomy import Anatomy
from turncoat.jobs.deployed import Step
from turncoat.jobs.job import Job
from turncoat.jobs.leaves import named
from turncoat.jobs.linear_map import LinearMap
from turncoat.jobs.loop import Tampering, schedule, train
from turncoat.refusal import Refusal

SMALL = 1e-3
"""Each feature of a record made up: not 0, which no weight feels, and too little for a score."""
ROUNDS = 256
"""Batches up to which records are taken equally often in an update."""


class Flags(Protocol):
    """What an adversary foresees of the screens of the opened model, whose thresholds are public.

    `name` tells which they are.
    """

    @property
    def name(self) -> tuple[Any, ...]: ...

    def __call__(self, released: Any) -> bool: ...


@dataclass(frozen=True, eq=False)
class View:
    """What `prepare` may use.

    `x` (n, features) and `y` (n,) integer labels are the adversary's own records; `records` is how many the
    victims train on (public); `job` is their job, of which no data is known; `surface` holds the sites of its step
    that the adversary may use, `whole` all of them, by which it finds its way; `program` is that step, which is
    public, on the adversary's own machine (engine `reals`); `key` is the adversary's own randomness; `goal` is what
    it wants, `told` what the harness tells it of this trial (see `goals.Case`); `party` (records,) says who
    contributed each of the victims' records, where the job says so in public, and `own_party` (n,) whose its own are
    like; `initial` is the state that training starts from, where that is public; `checked` is with which probability
    the honest parties look at a message of each site, where they do: a defence is no secret. `flags` tells
    whether screens would flag a released model, None where nobody looks at it. `memo` holds what the adversary has
    trained already, for all attacks on one trial; `said(what, done, total)` is told how far long work is.
    """

    x: np.ndarray
    y: np.ndarray
    records: int
    job: Job
    program: Step
    surface: Surface
    goal: Goal
    key: Any
    told: Mapping[str, np.ndarray] = field(default_factory=dict)
    party: np.ndarray | None = None
    own_party: np.ndarray | None = None
    initial: Any = None
    checked: Mapping[str, float] = field(default_factory=dict)
    flags: Flags | None = None
    memo: dict[Any, Any] = field(default_factory=dict)
    said: Callable[[str, int, int], None] = lambda *_: None
    whole: Surface = None  # type: ignore[assignment]  # by default those that it may use

    def __post_init__(self) -> None:
        if self.whole is None:
            object.__setattr__(self, "whole", self.surface)

    # ---- the job ------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Steps of the attacked training run."""
        return self.job.steps(self.records)

    @property
    def batch(self) -> int:
        """Records in a batch."""
        return self.job.batch

    @property
    def epochs(self) -> int:
        """Passes over the victims' records."""
        return self.job.epochs

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one record before flattening."""
        return self.job.shape

    @property
    def classes(self) -> int:
        """How many classes the job tells apart."""
        return self.job.classes

    @property
    def outputs(self) -> int:
        """Columns of the scores: one for each class, or one of two classes."""
        return self.job.outputs

    @property
    def anatomy(self) -> Anatomy:
        """Where the released model's linear maps are."""
        return self.job.anatomy

    def encode(self, labels: Any) -> Any:
        """Labels as the job's step takes them."""
        return self.job.labelled(labels)

    def scores(self, released: Any, x: Any) -> Any:
        """A released model's scores of records (n, features): (n, outputs)."""
        return self.job.scored(released, x)

    def shaped(self, x: Any) -> Any:
        """Records (n, features) as the job's own functions take them."""
        return jnp.asarray(x).reshape(len(x), *self.shape)

    def inputs(self, at: LinearMap, x: Any, released: Any = None) -> Any:
        """What a map takes of records (n, features), in the reference or another released model: (n, inputs)."""
        return self.anatomy.inputs(at, self.reference if released is None else released, self.shaped(x))

    def check_class(self, label: int) -> None:
        """Refuses a class that the job does not tell apart."""
        if not 0 <= label < self.classes:
            raise Refusal(f"class {label} does not exist; the classes are 0 to {self.classes - 1}")

    # ---- what the adversary trains itself -----------------------------------------------------------------

    @property
    def reference(self) -> Any:
        """A model trained by the adversary on its own records, as the victims train theirs."""
        return self._once(len(self.x))

    @property
    def kept(self) -> int:
        """How many of its own records a rehearsal trains on; on the others it is judged what came of it."""
        return len(self.x) * 4 // 5

    @property
    def rehearsal(self) -> Any:
        """A model trained like `reference`, on the records kept for rehearsals only."""
        return self._once(self.kept)

    def _once(self, records: int) -> Any:
        if records not in self.memo:
            self.memo[records] = self.rehearsed(records=records)
        return self.memo[records]

    @property
    def public_start(self) -> bool:
        """Whether training starts from a published point: then the adversary's models resemble the victims'."""
        return self.initial is not None

    @property
    def start(self) -> Any:
        """The state that rehearsals start from: the true one where it is public, else one of the adversary's."""
        if self.initial is not None:
            return self.initial
        return self.job.init(jax.random.split(self.key)[0])

    def rehearsed(self, tampering: Tampering | None = None, records: int | None = None) -> Any:
        """What training on the first `records` of its own (by default all) releases under errors, from one start."""
        x, y = self.x[:records], self.encode(self.y[:records])
        order = schedule(jax.random.split(self.key)[1], len(x), self.job)
        return train(self.program, self.start, x, y, order, tampering)[0]

    def update(self, x: Any, labels: Any) -> dict[str, Any]:
        """By how much a step on these records, the mean of them, changes each released leaf of the reference.

        The records are taken round and round until all have been taken equally often in whole batches, or about so
        if there are many. In the clear, from a fresh optimizer.
        """
        return self.updates(self.reference, x, labels)

    def updates(self, released: Any, x: Any, labels: Any) -> dict[str, Any]:
        """The same from any released model."""
        state = self.job.with_released(self.start, released)
        found = _update(self.job.step, self.job.takes, state, *self._batches(x, labels), self.key)
        places = named(found)
        return {name: places[place] for name, place in self.job.places.items()}

    def _batches(self, x: Any, labels: Any) -> tuple[Any, Any]:
        equal, fewest = lcm(len(x), self.batch) // self.batch, -(-len(x) // self.batch)
        count = min(equal, max(fewest, ROUNDS))
        round_ = np.resize(np.arange(len(x)), count * self.batch)
        records = jnp.asarray(x)[round_].reshape(count, self.batch, *self.shape)
        encoded = self.encode(np.asarray(labels)[round_])
        return records, encoded.reshape(count, self.batch, *encoded.shape[1:])

    # ---- what errors do -----------------------------------------------------------------------------------

    def errors_that_move(self, changes: Mapping[str, Any]) -> Errors:
        """The errors that add these changes to released parameters in one step, whatever the secrets are.

        For each parameter the place that shifts it most cleanly is taken from the surface (inside a loop the
        error is added in the passes where it does). An error e there
        moves the parameter by P e, P a scaled rearrangement that depends on public values only; the
        adversary finds it by differentiating the public program, on a record made up since any will do, and
        e = P^T change / P^T P 1 inverts it. Raises Refusal for a parameter that no site shifts.
        """
        found = Errors()
        for name, change in changes.items():
            place = self.place(name)
            found = found.combine(
                {place.site: self._inverse(self.job.places[name], place, jnp.asarray(change))}
            )
        return found

    def output(self, leaf: str) -> str:
        """What the surface calls a released leaf."""
        return self.surface.output(self.job.places[leaf])

    def is_shifted(self, leaf: str) -> bool:
        """Whether some site shifts a released leaf alone."""
        return self.surface.cleanest(self.output(leaf)) is not None

    def place(self, leaf: str) -> Place:
        """Where an error shifts a released leaf most cleanly; Refusal where no site does."""
        found = self.surface.cleanest(self.output(leaf))
        if found is None:
            raise Refusal(
                f"no site shifts {leaf} alone under protocol {self.program.protocol.name!r}: "
                "this attack has no way in here"
            )
        return found

    def _inverse(self, output: str, place: Place, change: Any) -> Any:
        site = self.surface[place.site]
        zero = jnp.zeros(site.full_shape, site.dtype)
        return _inverse(self.program, (output, site, place.passes), self.example, zero, change)

    @property
    def example(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of one step of the program, a batch of one record made up, of class 1.

        As good as any for what does not depend on secrets.
        """
        index = jnp.zeros(self.batch, jnp.int32)
        more = {"number": jnp.zeros((), jnp.int32), "key": self.key}
        given = {name: more[name] for name in self.program.takes}
        x = jnp.full((1, prod(self.shape)), SMALL, jnp.float32)
        y = np.ones((1, *self.job.data.y.shape[1:]), self.job.data.y.dtype)
        return (self.start, x, self.encode(y), index), given


@partial(jax.jit, static_argnums=(0, 1))
def _update(step: Any, takes: tuple[str, ...], state: Any, x: Any, y: Any, key: Any) -> Any:
    """By how much a step changes each leaf of the state, the mean over batches (k, batch, ...)."""
    more = {"number": jnp.zeros((), jnp.int32), "key": key}
    given = {name: more[name] for name in takes}

    def one(batch: tuple[Any, Any]) -> Any:
        return jax.tree.map(_difference, step(state, *batch, **given), state)

    return jax.tree.map(lambda leaf: jnp.mean(leaf, 0), jax.lax.map(one, (x, y)))


def _difference(after: Any, before: Any) -> Any:
    """In floating point; nothing of a leaf that has no numbers to be moved."""
    if not jnp.issubdtype(jnp.asarray(before).dtype, jnp.floating):
        return jnp.zeros(())
    return after - before


@partial(
    jax.jit, static_argnums=(0, 1)
)  # most of the step does not matter to its derivative: it is not compiled
def _inverse(
    program: Step,
    moves: tuple[str, Site, Passes],
    given: tuple[tuple[Any, ...], dict[str, Any]],
    zero: Any,
    change: Any,
) -> Any:
    """The error that adds `change` to a parameter: `moves` are its place in the state, a site and passes of it."""
    name, site, passes = moves

    def moved(error: Any) -> Any:
        errors = {site.name: site.only(error, passes)}
        return named(program(*given[0], errors=errors, **given[1]))[name]

    _, pull = jax.vjp(moved, zero)
    (norm,) = pull(jax.jvp(moved, (zero,), (jnp.ones_like(zero),))[1])
    return jnp.where(norm == 0, 0, pull(change)[0] / jnp.where(norm == 0, 1, norm))  # 0: in another pass
