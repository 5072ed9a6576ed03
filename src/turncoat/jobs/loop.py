"""Training under a protocol: public batch order, one loop for all engines and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from turncoat.core.arguments import share
from turncoat.core.errors import Errors
from turncoat.core.shared import reveal
from turncoat.defences.ideal import Tally
from turncoat.engines import shuffling
from turncoat.engines.replicated.checks.outcome import failed
from turncoat.jobs import spread
from turncoat.jobs.deployed import Step
from turncoat.jobs.job import Job
from turncoat.jobs.leaves import filled, named
from turncoat.jobs.task import answers

COINS, SHUFFLE = 2, 3
"""Which keys of a run's the honest pair tosses its coins with, and records are shuffled by: two are the engine's."""


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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Schedule:
    """What is public of a run: the records of each step, integers (steps, batch), and the key of its draws."""

    order: Array
    key: Any


def schedule(key: Any, records: int, job: Job) -> Schedule:
    """A fresh permutation of the records in each epoch, and a key for steps that draw."""
    return Schedule(batch_order(key, records, job), jax.random.fold_in(key, 1))


def batch_order(key: Any, records: int, job: Job) -> Array:
    """The records of each step: integers of shape (steps, batch), a fresh permutation in each epoch."""
    used = (records // job.batch) * job.batch
    keys = jax.random.split(key, job.epochs)
    shuffled = jax.vmap(lambda k: jax.random.permutation(k, records)[:used])(keys)
    return shuffled.reshape(-1, job.batch)


def train(
    step: Step,
    state: Any,
    x: Any,
    y: Any,
    schedule: Schedule,
    tampering: Tampering | None = None,
    key: Any = None,
) -> tuple[Any, Tally]:
    """What is released at the end, and what was counted: how many products were tampered with, and what checks found.

    `state` is the initial one, `x` (records, features) and `y` (records, ...) encoded labels: they are shared once,
    and the model is revealed at the end. `key` is for engines that draw randomness, each step its own, and for the
    coins of a step that is checked: after an error was found nothing is released.
    """
    key = jax.random.key(0) if key is None else key
    if step.engine.traced:
        run, x, y = _train_compiled, jnp.asarray(x), jnp.asarray(y)
    else:  # what an attack prepared as NumPy's arrays is indexed by traced steps all the same
        run, tampering = _train, jax.tree.map(jnp.asarray, tampering)
    return run(step, (state, x, y), schedule, tampering, key)


def _train(
    step: Step, given: tuple[Any, Any, Any], schedule: Schedule, tampering: Tampering | None, key: Any
) -> tuple[Any, Tally]:
    sharing, steps = jax.random.split(key) if step.engine.random else (None, None)
    coins = jax.random.fold_in(key, COINS)
    state, x, y = share(given, step.engine, sharing)
    if step.shuffled:
        x, y = shuffling.shuffled((x, y), shuffle_key(key))
    known = {name: leaf for name, leaf in named(given[0]).items() if name in step.public}
    state = filled(state, known) if known else state

    def body(carry: Any, inputs: Any) -> tuple[Any, None]:
        (state, tally), (i, index) = carry, inputs
        errors = Errors() if tampering is None else tampering.errors(i, index)
        randomness = None if steps is None else jax.random.fold_in(steps, i)
        more = {"number": i, "key": jax.random.fold_in(schedule.key, i)}
        given = {name: more[name] for name in step.takes}
        after = step.secured(state, x, y, index, errors=errors, randomness=randomness, **given)
        differs: Any = False
        if errors and step.checks is not None and step.checks.results:
            differs = unequal(after, step.secured(state, x, y, index, randomness=randomness, **given))
        coin = jax.random.fold_in(coins, i)
        return (after, tally.after(step.checks, errors, i, coin, differs)), None

    numbered = (jnp.arange(len(schedule.order), dtype=jnp.int32), schedule.order)
    carry = state, Tally.start(step.checks, _tampered(tampering, schedule))
    if step.engine.traced:
        carry, _ = lax.scan(body, carry, numbered)
    else:
        for i, index in zip(*numbered, strict=True):
            carry, _ = body(carry, (i, index))
    state, tally = carry
    if getattr(step.engine, "policy", None) is not None:
        tally = replace(tally, failed=failed(state))
    return tally.sealed(reveal(step.release(state))), tally


def shuffle_key(key: Any) -> Any:
    """What the parties' permutations come from in a run with this key."""
    return jax.random.fold_in(key, SHUFFLE)


def unequal(one: Any, other: Any) -> Array:
    """Whether two states, shared or not, differ in any number once they are opened: a Boolean."""
    pairs = zip(jax.tree.leaves(reveal(one)), jax.tree.leaves(reveal(other)), strict=True)
    return jnp.any(jnp.stack([jnp.any(a != b) for a, b in pairs]))


def _tampered(tampering: Tampering | None, schedule: Schedule) -> Iterable[str]:
    """The names of the sites that are tampered with."""
    first = jnp.zeros((), jnp.int32), schedule.order[0]
    return () if tampering is None else jax.eval_shape(tampering.errors, *first)


_train_compiled: Callable[..., tuple[Any, Tally]] = partial(jax.jit, static_argnums=0)(_train)

Item = TypeVar("Item")


def together() -> bool:
    """Whether runs are vectorised here: small models do not fill a GPU, while a CPU is faster with one by one."""
    return jax.default_backend() != "cpu"


def each(
    run: Callable[..., Any],
    items: Iterable[Item],
    arguments: Callable[[Item], tuple[Any, ...]],
    at_once: bool | None = None,
) -> Iterator[tuple[Item, Any]]:
    """Every item with `run(*arguments(item))`, the arguments all of one form.

    One compiled program after the other, each item made when its turn comes, or all of them `at_once`, vectorised and
    spread over all devices: by default as `together` says.
    """
    if not (together() if at_once is None else at_once):
        for item in items:
            yield item, run(*arguments(item))
        return
    listed = list(items)
    if not listed:
        return
    out = jax.vmap(lambda given: run(*given))(spread.stacked([arguments(item) for item in listed]))
    yield from zip(listed, spread.apart(out, len(listed)), strict=True)


def as_batches(records: int, size: int = 10_000) -> list[slice]:
    """Slices that cover the records, so that evaluation never holds all activations at once."""
    return [slice(i, min(i + size, records)) for i in range(0, records, size)]


def predictions(job: Job, released: Any, x: Any) -> np.ndarray:
    """The released model's answers, computed in the clear: predicted classes (n,), or see `task.answers`."""
    parts = [job.scored(released, x[part]) for part in as_batches(len(x))]
    return np.concatenate([answers(job.task, scores) for scores in parts])


def is_ruined(job: Job, released: Any, x: Any) -> bool:
    """Whether a released model holds NaN or infinity, or scores any of the records with them."""
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(released)):
        return True
    return not all(bool(jnp.isfinite(job.scored(released, x[part])).all()) for part in as_batches(len(x)))
