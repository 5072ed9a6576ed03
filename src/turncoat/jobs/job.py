"""A training job as a value: functions and data. It makes no difference where they come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from turncoat import data as sources
from turncoat.core.values import struct
from turncoat.data import Dataset
from turncoat.data.splits import default_sizes
from turncoat.jobs.anatomy import Anatomy, anatomy
from turncoat.jobs.leaves import filled, named
from turncoat.jobs.task import encoder
from turncoat.refusal import Refusal

MOST = 10**9
"""How many records a run may visit: its order is held as one array."""
CHOICES = {
    "opened": ("weights", "scores", "labels"),
    "order": ("public", "secret"),
    "initial": ("secret", "public"),
}
EXTRA = ("key", "number")
"""What a step is given where its signature names it: a public PRNG key, and the number of the step."""


def whole(state: Any) -> Any:
    """All of it: what is opened where a job does not say."""
    return state


@dataclass(frozen=True, eq=False)
class Job:
    """A training job.

    `init(key)` gives the state: a pytree of arrays, parameters and whatever else a step carries on. `step(state, x,
    y)` runs under the protocol and gives the next state; x is a batch (batch, *shape) of records, y is `encode` of
    their labels (by default one-hot, float32; several labels at once and numbers as they are). A step whose
    signature names `key` is also given a public PRNG key, fresh in each step, and one that names `number` the step's
    number. `release(state)` is what is opened at the end: arrays of the state (by default all). `scores(released, x)`
    is the released model in the clear: (n, classes), or (n, 1) for two classes, positive for class 1; several labels
    at once have a score each, above 0 for 1.

    `data` is a `Dataset`, a pair (x, y) of arrays, a file or a name of the catalogue. `opened`: what is opened of the
    result; `order`: whether all parties know which records are in which batch; `contributors` (records,): who gave
    which record, known to all; `initial`: whether the starting point is published, as in fine-tuning; `public`: paths
    of leaves of the state that all parties know, beside rank-0 integers and typed PRNG keys. `origin` is what the
    job was made from, for records of how to run it again.

    Raises Refusal for numbers that make no training run and for data that cannot be used; `checks.check` looks at the
    functions.
    """

    name: str
    init: Callable[[Any], Any]
    step: Callable[..., Any]
    scores: Callable[[Any, Any], Any]
    data: Any
    batch: int
    epochs: int
    release: Callable[[Any], Any] = whole
    encode: Callable[[Any], Any] | None = None
    opened: Literal["weights", "scores", "labels"] = "weights"
    order: Literal["public", "secret"] = "public"
    contributors: Any = None
    initial: Literal["secret", "public"] = "secret"
    public: tuple[str, ...] = ()
    origin: Any = None

    def __post_init__(self) -> None:
        for field in ("init", "step", "scores", "release"):
            if not callable(getattr(self, field)):
                raise Refusal(f"{field} of job {self.name!r} must be a function")
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                raise Refusal(f"{field} of job {self.name!r} is one of {', '.join(known)}")
        object.__setattr__(self, "data", _dataset(self))
        check_run(self.epochs, self.batch, default_sizes(self.data).victim)

    # ---- sizes --------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """That of a record."""
        shape: tuple[int, ...] = self.data.shape
        return shape

    @property
    def classes(self) -> int:
        """How many classes there are, or labels at once, or numbers."""
        classes: int = self.data.classes
        return classes

    @property
    def task(self) -> str:
        """What is predicted: see `Dataset`."""
        task: str = self.data.task
        return task

    def steps(self, records: int) -> int:
        """Steps of a whole run; a last batch that is not full is left out of each epoch."""
        return self.epochs * (records // self.batch)

    @cached_property
    def takes(self) -> tuple[str, ...]:
        """Which of "key" and "number" the step asks for."""
        return takes(self.step)

    # ---- shapes, without running anything -----------------------------------------------------------------

    @cached_property
    def state(self) -> Any:
        """The shapes of the state."""
        return jax.eval_shape(self.init, jax.random.key(0))

    @cached_property
    def released(self) -> Any:
        """The shapes of what is opened."""
        return jax.eval_shape(self.release, self.state)

    @cached_property
    def places(self) -> dict[str, str]:
        """For each released leaf, by name, the leaf of the state that it is; Refusal where it is none."""
        found: dict[str, str] = {}

        def look(state: Any) -> None:
            known = {id(leaf): name for name, leaf in named(state).items()}
            for name, leaf in named(self.release(state)).items():
                if id(leaf) not in known:
                    raise Refusal(
                        f"release of job {self.name!r} opens {name!r}, which is no array of the state; return arrays "
                        "of the state as they are, and compute in scores"
                    )
                found[name] = known[id(leaf)]

        jax.eval_shape(look, self.state)
        return found

    @cached_property
    def outputs(self) -> int:
        """Columns of the scores: one for each class, or one of two classes."""
        found = jax.eval_shape(self.scores, self.released, struct((1, *self.shape), np.float32))
        return int(found.shape[-1])

    @cached_property
    def anatomy(self) -> Anatomy:
        """Where the linear maps of the released model are, by the names of what is released."""
        return anatomy(self.scores, self.released, struct((1, *self.shape), np.float32))

    # ---- in the clear -------------------------------------------------------------------------------------

    def labelled(self, labels: Any) -> Array:
        """Targets (n, ...) as the step takes them."""
        encode = self.encode or encoder(self.task, self.classes)
        encoded: Array = encode(jnp.asarray(labels))
        return encoded

    def scored(self, released: Any, x: Any) -> Array:
        """The scores of records (n, features), flat as the tool holds them."""
        found: Array = _scored(self.scores, self.shape, released, jnp.asarray(x))
        return found

    def with_released(self, state: Any, released: Any) -> Any:
        """The state with these leaves in the places that they were released from."""
        return filled(state, {self.places[name]: leaf for name, leaf in named(released).items()})


def takes(step: Callable[..., Any]) -> tuple[str, ...]:
    """Which of `EXTRA` a step asks for."""
    return tuple(name for name in EXTRA if name in inspect.signature(step).parameters)


@partial(jax.jit, static_argnums=(0, 1))
def _scored(scores: Callable[[Any, Any], Any], shape: tuple[int, ...], released: Any, x: Array) -> Array:
    found: Array = scores(released, x.reshape(-1, *shape))
    return found


def check_run(epochs: int, batch: int, records: int) -> None:
    """Refuses numbers that make no training run on this many records."""
    if epochs < 1 or batch < 1:
        raise Refusal("training needs at least one epoch and a batch of at least one record")
    if batch > records:
        raise Refusal(
            f"a batch of {batch} is more than the {records} training records; choose a smaller batch"
        )
    if epochs * (records // batch) * batch > MOST:
        raise Refusal(f"{epochs} epochs would visit more than {MOST:,} records; train for fewer epochs")


def _dataset(job: Job) -> Dataset:
    found = job.data
    if isinstance(found, tuple | list) and len(found) == 2:
        found = sources.of_arrays(found[0], found[1], job.name)
    elif not isinstance(found, Dataset):
        found = sources.load(str(found))
    if job.contributors is None:
        return found
    names, party = np.unique(np.asarray(job.contributors), return_inverse=True)
    if party.shape != found.y.shape[:1]:
        raise Refusal(
            f"contributors of job {job.name!r} must name one for each of the {len(found)} records, not {party.size}"
        )
    return replace(found, party=party.astype(np.int32), party_names=tuple(map(str, names)))
