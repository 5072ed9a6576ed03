"""The adversary's view: its own data, public hyper-parameters, the public program. No secret of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.errors import Errors
from turncoat.core.secure import Secured
from turncoat.core.sites import Passes, Site
from turncoat.core.surface import Place, Surface
from turncoat.core.values import struct
from turncoat.goals import Goal
from turncoat.jobs.anatomy import Anatomy, anatomy
from turncoat.jobs.loop import Tampering, Training, batch_order, start, train
from turncoat.jobs.models import Model, Params
from turncoat.refusal import Refusal


@dataclass(frozen=True, eq=False)
class View:
    """What `prepare` may use.

    `x` (n, features) and `y` (n,) integer labels are the adversary's own records; `records` is how many the
    victims train on (public); `surface` holds the sites of the job's step, and `program` is that step, which
    is public, on the adversary's own machine (engine `reals`); `key` is the adversary's own randomness;
    `goal` is what it wants, `told` what the harness tells it of this trial (see `goals.Case`); `party`
    (records,) says who contributed each of the victims' records, where the job says so in public; `shape` is
    that of one record before flattening.
    """

    x: np.ndarray
    y: np.ndarray
    records: int
    model: Model
    training: Training
    program: Secured
    surface: Surface
    goal: Goal
    key: Any
    told: Mapping[str, np.ndarray] = field(default_factory=dict)
    party: np.ndarray | None = None
    shape: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Steps of the attacked training run."""
        return self.training.steps(self.records)

    @property
    def batch(self) -> int:
        """Records in a batch."""
        return self.training.batch

    @property
    def epochs(self) -> int:
        """Passes over the victims' records."""
        return self.training.epochs

    @property
    def classes(self) -> int:
        """How many classes the job tells apart."""
        return self.model.classes

    @property
    def outputs(self) -> int:
        """Columns of the scores: one for each class, or one of two classes."""
        return self.model.widths[-1]

    @cached_property
    def anatomy(self) -> Anatomy:
        """Where the released model's linear maps are."""
        released = jax.eval_shape(self.model.init, jax.random.key(0))
        return anatomy(self.model.scores, released, struct((1, self.x.shape[1]), np.float32))

    def encode(self, labels: Any) -> Any:
        """Labels as the job's step takes them."""
        return self.model.encode(labels)

    def scores(self, released: Any, x: Any) -> Any:
        """A released model's scores of records (n, features): (n, outputs)."""
        return self.model.scores(released, jnp.asarray(x))

    def update(self, x: Any, labels: Any) -> dict[str, Any]:
        """By how much a step on these records, the mean of them, changes each released leaf of the reference."""
        rate = self.training.learning_rate / len(x)
        gradient = self.model.gradient(self.reference, jnp.asarray(x), self.encode(labels))
        return {name: -rate * g for name, g in gradient.items()}

    def check_class(self, label: int) -> None:
        """Refuses a class that the job does not tell apart."""
        if not 0 <= label < self.classes:
            raise Refusal(f"class {label} does not exist; the classes are 0 to {self.classes - 1}")

    def check_linear(self) -> None:
        """Refuses a network: what is computed on the adversary's own cannot be transferred to another."""
        if self.model.layers != 1:
            raise Refusal(
                f"parameter transfer needs a linear model, but {self.model.name!r} has hidden layers: gradients "
                "of one network mean nothing to another (section 5.1); take --model lr"
            )

    @cached_property
    def reference(self) -> Params:
        """A model trained by the adversary on its own records, as the victims train theirs."""
        return self.rehearsed()

    @property
    def kept(self) -> int:
        """How many of its own records a rehearsal trains on; on the others it is judged what came of it."""
        return len(self.x) * 4 // 5

    @cached_property
    def rehearsal(self) -> Params:
        """A model trained like `reference`, on the records kept for rehearsals only."""
        return self.rehearsed(records=self.kept)

    def rehearsed(self, tampering: Tampering | None = None, records: int | None = None) -> Params:
        """What training on the first `records` of its own (by default all) gives under errors, from one start."""
        x, y = self.x[:records], self.model.encode(self.y[:records])
        initial, order = jax.random.split(self.key)
        first = start(self.model.init(initial), self.training)
        return train(self.program, first, x, y, batch_order(order, len(x), self.training), tampering)[0]

    def errors_that_move(self, changes: Mapping[str, Any]) -> Errors:
        """The errors that add these changes to parameters in one step, whatever the secrets are.

        For each parameter the place that shifts it most cleanly is taken from the surface (inside a loop the
        error is added in the passes where it does). An error e there
        moves the parameter by P e, P a scaled rearrangement that depends on public values only; the
        adversary finds it by differentiating the public program, on records of zeros since any will do, and
        e = P^T change / P^T P 1 inverts it. Raises Refusal for a parameter that no site shifts.
        """
        found = Errors()
        for name, change in changes.items():
            place = self.surface.cleanest(self.surface.output(name))
            if place is None:
                raise Refusal(
                    f"no site shifts {name} alone under protocol {self.program.protocol.name!r}: "
                    "this attack has no way in here"
                )
            found = found.combine({place.site: self._inverse(name, place, jnp.asarray(change))})
        return found

    def _inverse(self, name: str, place: Place, change: Any) -> Any:
        x, y = jnp.zeros((1, self.model.widths[0]), jnp.float32), self.model.encode(np.zeros(1, np.int32))
        index = jnp.zeros(self.training.batch, jnp.int32)
        given = start(self.model.init(self.key), self.training), x, y, index
        site = self.surface[place.site]
        zero = jnp.zeros(site.full_shape, site.dtype)
        return _inverse(self.program, (name, site, place.passes), given, zero, change)


@partial(
    jax.jit, static_argnums=(0, 1)
)  # most of the step does not matter to its derivative: it is not compiled
def _inverse(
    program: Secured, moves: tuple[str, Site, Passes], given: tuple[Any, ...], zero: Any, change: Any
) -> Any:
    """The error that adds `change` to a parameter: `moves` are its name, a site and passes of it."""
    name, site, passes = moves

    def moved(error: Any) -> Any:
        return program(*given, errors={site.name: site.only(error, passes)})[name]

    _, pull = jax.vjp(moved, zero)
    (norm,) = pull(jax.jvp(moved, (zero,), (jnp.ones_like(zero),))[1])
    return jnp.where(norm == 0, 0, pull(change)[0] / jnp.where(norm == 0, 1, norm))  # 0: in another pass
