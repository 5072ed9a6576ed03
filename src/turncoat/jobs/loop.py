"""Training by stochastic gradient descent under a protocol: public batch order, one loop for all engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.core.arguments import share
from turncoat.core.engine import Engine
from turncoat.core.errors import Errors
from turncoat.core.protocol import Protocol
from turncoat.core.secure import Secured, secure
from turncoat.core.shared import reveal
from turncoat.jobs.models import Model, Params
from turncoat.refusal import Refusal

FASTEST = 1e3
"""The largest learning rate that is taken for one; no training on scaled records survives it."""
MOST = 10**9
"""How many records a run may visit: its order is held as one array."""


@dataclass(frozen=True)
class Training:
    """Public hyper-parameters of a training run: stochastic gradient descent on the mean loss of a batch.

    `momentum` is that of Polyak's heavy ball; `weight_decay` times a parameter is added to its gradient.
    """

    epochs: int = 10
    batch: int = 100
    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0

    def steps(self, records: int) -> int:
        """Steps of a whole run; a last batch that is not full is left out of each epoch."""
        return self.epochs * (records // self.batch)

    def check(self, records: int) -> None:
        """Refuses settings that make no training run."""
        if self.epochs < 1 or self.batch < 1:
            raise Refusal("training needs at least one epoch and a batch of at least one record")
        if not 0 < self.learning_rate <= FASTEST:
            raise Refusal(
                f"the learning rate must be above 0 and at most {FASTEST:g}, not {self.learning_rate:g}"
            )
        if not 0 <= self.momentum < 1:
            raise Refusal(f"the momentum must be at least 0 and below 1, not {self.momentum}")
        if not 0 <= self.weight_decay * self.learning_rate < 1:
            raise Refusal(
                f"the weight decay must be at least 0 and below 1 / learning rate, not {self.weight_decay}"
            )
        if self.batch > records:
            raise Refusal(
                f"a batch of {self.batch} is more than the {records} training records; choose a smaller batch"
            )
        if self.steps(records) * self.batch > MOST:
            raise Refusal(
                f"{self.epochs} epochs would visit more than {MOST:,} records; train for fewer epochs"
            )


VELOCITY = "velocity."
"""Begins the names of the optimizer's own state among the parameters of a step."""


def start(params: Params, training: Training) -> Params:
    """What the first step takes: the initial parameters and, with momentum, a velocity of zero for each."""
    if not training.momentum:
        return params
    return {**params, **{VELOCITY + name: jnp.zeros_like(p) for name, p in params.items()}}


def released(params: Params) -> Params:
    """What is opened at the end of training: the model, without the optimizer's state."""
    return {name: p for name, p in params.items() if not name.startswith(VELOCITY)}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StepInfo:
    """What is public in a step: its number, and the records in its batch.

    `step` is a rank-0 integer; `batch` holds the indices of the batch's records if the attack declares
    that it knows the data order, else None.
    """

    step: Array
    batch: Array | None = None


Tamper = Callable[[Any, StepInfo], Errors]
"""An attack's errors in one step, from what it prepared and from public step information."""


@partial(jax.tree_util.register_dataclass, data_fields=["plan"], meta_fields=["tamper", "knows_order"])
@dataclass(frozen=True)
class Tampering:
    """What the corrupt party does in a training run: `tamper(plan, info)` are its errors in each step.

    `plan` is a pytree of arrays; with `knows_order`, the attack is told which records are in each batch. Runs
    with one `tamper` and plans of one form share a compiled program.
    """

    tamper: Tamper
    plan: Any = None
    knows_order: bool = False

    def errors(self, step: Array, batch: Array) -> Errors:
        """The errors of a step."""
        return self.tamper(self.plan, StepInfo(step, batch if self.knows_order else None))


def batch_order(key: Any, records: int, training: Training) -> Array:
    """The records of each step: integers of shape (steps, batch), a fresh permutation in each epoch."""
    used = (records // training.batch) * training.batch
    keys = jax.random.split(key, training.epochs)
    shuffled = jax.vmap(lambda k: jax.random.permutation(k, records)[:used])(keys)
    return shuffled.reshape(-1, training.batch)


@lru_cache(maxsize=32)
def secure_step(model: Model, training: Training, protocol: Protocol, engine: Engine) -> Secured:
    """The job that the parties run in each step: `step(params, x, y, index)` on the shared records.

    Picking a batch at public indices is local. The learning rate is part of the program, as it is in a
    deployed job, so that an engine can encode it as a constant. The same values give the same function, so that
    what JAX has compiled of it is found again.
    """

    def step(params: Params, x: Array, y: Array, index: Array) -> Params:
        if training.momentum or training.weight_decay:
            return _descend(model, training, params, x[index], y[index])
        return model.step(params, x[index], y[index], training.learning_rate)

    return secure(step, protocol=protocol, engine=engine, secret={"index": False})


def _descend(model: Model, training: Training, params: Params, x: Array, y: Array) -> Params:
    """One step with momentum and weight decay; both scale by public numbers only."""
    grads, after = model.gradient(params, x, y), {}
    with jax.named_scope("update"):
        for name, gradient in grads.items():
            change = gradient * (1 / len(x)) + training.weight_decay * params[name]
            if training.momentum:
                change = change + training.momentum * params[VELOCITY + name]
                after[VELOCITY + name] = change
            after[name] = params[name] - training.learning_rate * change
    return after


def train(
    step: Secured,
    params: Params,
    x: Any,
    y: Any,
    order: Array,
    tampering: Tampering | None = None,
    key: Any = None,
) -> tuple[Params, Array]:
    """The final model, and how many products were tampered with.

    `x` (records, features) and `y` (records, ...) encoded labels are shared once, the model is revealed at
    the end. `order` is public (see `batch_order`). `key` is for engines that draw randomness: each step draws
    its own.
    """
    if not step.engine.random:
        key = None
    elif key is None:
        key = jax.random.key(0)
    if step.engine.traced:
        run, x, y = _train_compiled, jnp.asarray(x), jnp.asarray(y)
    else:
        run = _train
    return run(step, (params, x, y), order, tampering, key)


def _train(
    step: Secured, given: tuple[Params, Any, Any], order: Array, tampering: Tampering | None, key: Any
) -> tuple[Params, Array]:
    sharing, steps = (None, None) if key is None else jax.random.split(key)
    params, x, y = share(given, step.engine, sharing)

    def body(carry: Any, inputs: Any) -> tuple[Any, None]:
        (params, count), (i, index) = carry, inputs
        errors = Errors() if tampering is None else tampering.errors(i, index)
        randomness = None if steps is None else jax.random.fold_in(steps, i)
        params = step(params, x, y, index, errors=errors, randomness=randomness)
        return (params, count + errors.count()), None

    start = (params, jnp.zeros((), jnp.int32))
    numbered = (jnp.arange(len(order), dtype=jnp.int32), order)
    if step.engine.traced:
        (params, count), _ = lax.scan(body, start, numbered)
    else:
        params, count = start
        for i, index in zip(*numbered, strict=True):
            (params, count), _ = body((params, count), (i, index))
    return reveal(released(params)), count


_train_compiled: Callable[..., tuple[Params, Array]] = partial(jax.jit, static_argnums=0)(_train)

Item = TypeVar("Item")


def each(
    run: Callable[..., Any],
    items: Iterable[Item],
    arguments: Callable[[Item], tuple[Any, ...]],
    together: bool | None = None,
) -> Iterator[tuple[Item, Any]]:
    """Every item with `run(*arguments(item))`, the arguments all of one form.

    By default, on a CPU one compiled program after the other, each item made when its turn comes; elsewhere
    all of them `together`, vectorised: small models do not fill a GPU, while on a CPU a batch of them is
    slower than the same runs in turn.
    """
    if not (jax.default_backend() != "cpu" if together is None else together):
        for item in items:
            yield item, run(*arguments(item))
        return
    listed = list(items)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(arguments, listed))
    out = jax.vmap(lambda given: run(*given))(stacked)
    for i, item in enumerate(listed):
        yield item, jax.tree.map(lambda a, i=i: a[i], out)


def as_batches(records: int, size: int = 10_000) -> list[slice]:
    """Slices that cover the records, so that evaluation never holds all activations at once."""
    return [slice(i, min(i + size, records)) for i in range(0, records, size)]


def predictions(model: Model, params: Params, x: Any) -> np.ndarray:
    """The released model's predicted classes, computed in the clear: (N,) integers."""
    parts = [_predict(model, params, jnp.asarray(x[part])) for part in as_batches(len(x))]
    return np.concatenate([np.asarray(p) for p in parts])


def is_ruined(model: Model, params: Params, x: Any) -> bool:
    """Whether a released model holds NaN or infinity, or scores any of the records with them."""
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params)):
        return True
    return not all(bool(_all_finite(model, params, jnp.asarray(x[part]))) for part in as_batches(len(x)))


@partial(jax.jit, static_argnums=0)
def _all_finite(model: Model, params: Params, x: Array) -> Array:
    return jnp.isfinite(model.scores(params, x)).all()


@partial(jax.jit, static_argnums=0)
def _predict(model: Model, params: Params, x: Array) -> Array:
    return model.predict(params, x)
