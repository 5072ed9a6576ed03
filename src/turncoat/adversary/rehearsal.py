"""One rehearsal of a whole training under errors, compiled: what it is run from, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from turncoat.adversary.aims import NOTHING, Aim, Seen, answers, mean
from turncoat.core.errors import Errors
from turncoat.core.sites import Passes, Site
from turncoat.goals.surrogate import lost
from turncoat.jobs.deployed import Step
from turncoat.jobs.leaves import filled, named

Parts = list[list[Array]]
"""Errors of each phase, at each place."""


class Entry(NamedTuple):
    """A site that errors are searched for, and in which passes of the scans around it.

    `kinds`: where rows of a batch of the same kind get the same errors (see `aims`), how many messages an error of
    each kind is in a step; empty where each entry of the site has its own.
    """

    site: Site
    passes: Passes
    kinds: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the errors that are searched for."""
        return (len(self.kinds), *self.site.shape[1:]) if self.kinds else self.site.full_shape

    def whole(self, error: Any, rows: Any) -> Any:
        """An error as it is added at the site; `rows` (kinds, batch) says which rows are of which kind."""
        if not self.kinds:
            return self.site.only(error, self.passes)
        return jnp.tensordot(rows.astype(error.dtype).T, error, 1)


class Phase(NamedTuple):
    """The steps, from first to last, in which errors are made."""

    first: int
    last: int

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


class Ending(NamedTuple):
    """What came of rehearsals, means over them: the goal's loss and the clean one, success and accuracy.

    `sound` is the least share of clean answers that are finite: below 1 some model of them is ruined.
    """

    goal: Any
    clean: Any
    success: Any
    accuracy: Any
    sound: Any


@dataclass(frozen=True)
class Form:
    """What a rehearsal is, all of it static: equal ones share a compiled program.

    `step` is what is run in each of `steps` steps on batches of `batch`, of which only the last `horizon` are
    differentiated, a state being kept for each block of `block`; `program` is the true one, None where `step` is.
    Errors at chosen rows are made in one of `often` passes over the records: victims see each less often.
    """

    step: Step
    program: Step | None
    init: Callable[[Any], Any] | None
    scores: Callable[[Any, Any], Any]
    shape: tuple[int, ...]
    batch: int
    steps: int
    horizon: int
    block: int
    entries: tuple[Entry, ...]
    phases: tuple[Phase, ...]
    aim: Aim
    often: int


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Records:
    """The adversary's records (n, features), encoded and plain labels, what the goal wants, and a step's example.

    `start` is the state that training starts from, where that is public; `before` (n,) is what an honest model
    that was not trained on them thinks of the records, where the aim asks for it.
    """

    x: Any
    y: Any
    labels: Any
    kept: Any
    wanted: Any
    answers: Any
    of: Any
    example: Any
    start: Any
    before: Any = None


@partial(jax.jit, static_argnums=0)
def ending(form: Form, records: Records, parts: Parts, keys: Any, own: Any, judged: Any) -> Ending:
    effects = _effects(form, records, parts)

    def one(key: Any) -> Ending:
        return _judged(form, records, judged, *_rehearsed(form, records, parts, effects, key, own))

    found = lax.map(one, keys)
    return jax.tree.map(jnp.mean, found)._replace(sound=jnp.min(found.sound))


@partial(jax.jit, static_argnums=0)
def slope(form: Form, records: Records, parts: Parts, keys: Any, own: Any, weight: Any) -> Any:
    judged = jnp.zeros(len(records.x)).at[own].set(1)

    def of(parts: Parts) -> Any:
        effects = _effects(form, records, parts)

        def one(key: Any) -> Ending:
            return _judged(form, records, judged, *_rehearsed(form, records, parts, effects, key, own))

        found = jax.tree.map(jnp.mean, lax.map(one, keys))
        return found.goal + weight * found.clean, found

    slopes, found = jax.grad(of, has_aux=True)(parts)
    return found, jax.tree.map(partial(jnp.nan_to_num, nan=0, posinf=0, neginf=0), slopes)


@partial(jax.jit, static_argnums=0)
def models(form: Form, records: Records, parts: Parts, keys: Any, own: Any) -> Any:
    """What rehearsals release, stacked."""
    effects = _effects(form, records, parts)
    return lax.map(lambda key: _rehearsed(form, records, parts, effects, key, own)[0], keys)


@partial(jax.jit, static_argnums=0)
def end(form: Form, records: Records, parts: Parts, key: Any, own: Any) -> Any:
    """The numbers that a rehearsal releases, in a row."""
    released, _ = _rehearsed(form, records, parts, _effects(form, records, parts), key, own)
    leaves = [a for a in jax.tree.leaves(released) if jnp.issubdtype(a.dtype, jnp.floating)]
    return jnp.concatenate([a.ravel().astype(jnp.float32) for a in leaves])


@partial(jax.jit, static_argnums=0)
def thought(form: Form, records: Records, parts: Parts, keys: Any, own: Any) -> Any:
    """What models of rehearsals that were not trained on them think of the records, a mean: (n,)."""

    def one(key: Any) -> tuple[Any, Any]:
        released, (_, half) = _rehearsed(form, records, parts, _effects(form, records, parts), key, own)
        return form.aim.thought(form, records, released), jnp.ones(len(records.x)).at[half].set(0)

    signal, out = lax.map(one, keys)
    common = jnp.sum(signal * out) / jnp.sum(out)
    times = jnp.sum(out, 0)
    return jnp.where(times > 0, jnp.sum(signal * out, 0) / jnp.maximum(times, 1), common)


def errors_of(entries: Sequence[Entry], part: Sequence[Any], rows: Any = None) -> Errors:
    """The errors of a phase, by site, in a step whose batch has these rows of each kind."""
    found = Errors()
    for entry, e in zip(entries, part, strict=True):
        found = found.combine({entry.site.name: entry.whole(e, rows)})
    return found


def _effects(form: Form, records: Records, parts: Parts) -> list[dict[str, Any]]:
    """By how much the errors of each phase shift each leaf of the state in a step, on the twin."""
    if form.program is None:
        return []
    program, (given, more) = form.program, records.example

    def moved(part: list[Any]) -> dict[str, Any]:
        leaves = named(program(*given, errors=errors_of(form.entries, part), **more))
        return {n: leaf for n, leaf in leaves.items() if jnp.issubdtype(leaf.dtype, jnp.floating)}

    zero = [jnp.zeros_like(e) for e in parts[0]]
    return [jax.jvp(moved, (zero,), (part,))[1] for part in parts]


effects_alone = partial(jax.jit, static_argnums=0)(_effects)


Trained = tuple[Any, Any]
"""The records of each step (steps, batch), and all that there are of them."""


def _order(form: Form, key: Any, own: Any) -> Trained:
    """A random half of the records `own` (m,), in batches (steps, batch), each as often as the others; the half."""
    chosen, shuffled = jax.random.split(key)
    half = jax.random.permutation(chosen, own)[: max(len(own) // 2, 1)]
    rounds = -(-form.steps * form.batch // len(half))
    keys = jax.random.split(shuffled, rounds)
    order = jax.vmap(lambda k: jax.random.permutation(k, half))(keys).ravel()
    return order[: form.steps * form.batch].reshape(form.steps, form.batch), half


def _rehearsed(
    form: Form, records: Records, parts: Parts, effects: list[dict[str, Any]], key: Any, own: Any
) -> tuple[Any, Trained]:
    """What a rehearsal releases, and what it trained on."""
    start, drawn, public = jax.random.split(key, 3)
    order, half = _order(form, drawn, own)
    chosen = _chosen(form, records, half)
    state = records.start if form.init is None else form.init(start)

    def step(state: Any, numbered: Any) -> tuple[Any, None]:
        i, index = numbered
        more = {"number": i, "key": jax.random.fold_in(public, i)}
        given = {name: more[name] for name in form.step.takes}
        on = [(i >= phase.first) & (i <= phase.last) for phase in form.phases]
        here = chosen[index] & (i // (len(half) // form.batch + 1) % form.often == 0)
        errors = Errors() if effects else _now(form, parts, on, form.aim.rows(form.batch, here))
        state = form.step(state, records.x, records.y, index, errors=errors, **given)
        for now, effect in zip(on, effects, strict=False):
            leaves = named(state)
            state = filled(
                state, {n: leaves[n] + jnp.where(now, e, 0).astype(e.dtype) for n, e in effect.items()}
            )
        return state, None

    numbered = (jnp.arange(form.steps, dtype=jnp.int32), order)
    return form.step.release(_scanned(form, step, state, numbered)), (order, half)


def _chosen(form: Form, records: Records, half: Any) -> Any:
    """Which records (n,) stand at the places that the adversary has chosen."""
    return jnp.zeros(len(records.x), bool).at[half[: form.aim.records]].set(True)


def _now(form: Form, parts: Parts, on: list[Any], rows: Any) -> Errors:
    """The errors of a step: those of all phases that it is in."""
    found = Errors()
    for now, part in zip(on, parts, strict=True):
        made = [jnp.where(now, e, jnp.zeros_like(e)) for e in part]
        found = found.combine(errors_of(form.entries, made, rows))
    return found


def _scanned(form: Form, step: Callable[..., Any], state: Any, numbered: Any) -> Any:
    """The last state: no slope passes through steps before the horizon; of the others few states are kept."""
    before = form.steps - form.horizon
    if before:
        first = jax.tree.map(lambda a: a[:before], numbered)
        state = jax.tree.map(lax.stop_gradient, lax.scan(step, state, first)[0])
    blocks = form.horizon // form.block
    whole = blocks * form.block
    many = jax.tree.map(
        lambda a: a[before : before + whole].reshape(blocks, form.block, *a.shape[1:]), numbered
    )
    kept = jax.checkpoint(step)
    block = kept if form.block == 1 else jax.checkpoint(lambda s, xs: lax.scan(kept, s, xs))
    if form.block == 1:
        many = jax.tree.map(lambda a: a[:, 0], many)
    state = lax.scan(block, state, many)[0]
    rest = jax.tree.map(lambda a: a[before + whole :], numbered)
    return lax.scan(kept, state, rest)[0]


def _judged(form: Form, records: Records, judged: Any, released: Any, trained: Trained) -> Ending:
    """How a released model does on records: `judged` (n,) is 0 for those that are not to judge it."""
    order, half = trained
    weight = judged.at[half].set(0)
    scored = form.aim.judged(form, records, released, Seen(weight, _chosen(form, records, half), order[0]))
    plain = form.scores(released, records.x.reshape(-1, *form.shape))
    given, kept = answers(plain), weight * records.kept
    clean, right = mean(lost(jnp, plain, records.labels), kept), mean(given == records.labels, kept)
    sound = jnp.mean((given != NOTHING).astype(jnp.float32))
    return Ending(scored.goal, clean, scored.success, right, sound)
