"""One rehearsal of a whole training under errors, compiled: what it is run from, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from turncoat.adversary.aims import NOTHING, Seen, answers, mean
from turncoat.adversary.forms import Ending, Form, Parts, Records, Starts, Trained, errors_of
from turncoat.core.errors import Errors
from turncoat.goals.surrogate import lost
from turncoat.jobs.leaves import filled, named


@partial(jax.jit, static_argnums=0)
def begun(form: Form, records: Records, parts: Parts, starts: Starts, own: Any) -> Starts:
    """The same rehearsals after the steps that are skipped, all of them without errors."""
    if not form.skipped:
        return starts
    effects = _effects(form, records, parts)

    def one(start: Starts) -> Starts:
        order, half = _order(form, start.keys, own)
        step = _step(form, records, parts, effects, start.keys, half)
        before = jnp.arange(form.skipped, dtype=jnp.int32), order[: form.skipped]
        state = lax.scan(step, _begins(form, records, start), before)[0]
        return Starts(start.keys, state, (order[form.skipped :], half))

    return lax.map(one, starts)


@partial(jax.jit, static_argnums=0)
def ending(form: Form, records: Records, parts: Parts, starts: Starts, own: Any, judged: Any) -> Ending:
    effects = _effects(form, records, parts)

    def one(start: Starts) -> Ending:
        return _judged(form, records, judged, *_rehearsed(form, records, parts, effects, start, own))

    found = lax.map(one, starts)
    return jax.tree.map(jnp.mean, found)._replace(sound=jnp.min(found.sound))


@partial(jax.jit, static_argnums=0)
def slope(form: Form, records: Records, parts: Parts, starts: Starts, own: Any, weight: Any) -> Any:
    judged = jnp.zeros(len(records.x)).at[own].set(1)

    def of(parts: Parts) -> Any:
        effects = _effects(form, records, parts)

        def one(start: Starts) -> Ending:
            return _judged(form, records, judged, *_rehearsed(form, records, parts, effects, start, own))

        found = jax.tree.map(jnp.mean, lax.map(one, starts))
        return found.goal + weight * found.clean, found

    slopes, found = jax.grad(of, has_aux=True)(parts)
    return found, jax.tree.map(partial(jnp.nan_to_num, nan=0, posinf=0, neginf=0), slopes)


@partial(jax.jit, static_argnums=0)
def models(form: Form, records: Records, parts: Parts, starts: Starts, own: Any) -> Any:
    """What rehearsals release, stacked."""
    effects = _effects(form, records, parts)
    return lax.map(lambda start: _rehearsed(form, records, parts, effects, start, own)[0], starts)


@partial(jax.jit, static_argnums=0)
def end(form: Form, records: Records, parts: Parts, start: Starts, own: Any) -> Any:
    """The numbers that one rehearsal releases, in a row."""
    return _numbers(_rehearsed(form, records, parts, _effects(form, records, parts), start, own)[0])


def _numbers(released: Any) -> Any:
    leaves = [a for a in jax.tree.leaves(released) if jnp.issubdtype(a.dtype, jnp.floating)]
    return jnp.concatenate([a.ravel().astype(jnp.float32) for a in leaves])


@partial(jax.jit, static_argnums=0)
def thought(form: Form, records: Records, parts: Parts, starts: Starts, own: Any) -> Any:
    """What models of rehearsals that were not trained on them think of the records, a mean: (n,)."""

    def one(start: Starts) -> tuple[Any, Any]:
        released, (_, half) = _rehearsed(form, records, parts, _effects(form, records, parts), start, own)
        return form.aim.thought(form, records, released), jnp.ones(len(records.x)).at[half].set(0)

    signal, out = lax.map(one, starts)
    common = jnp.sum(signal * out) / jnp.sum(out)
    times = jnp.sum(out, 0)
    return jnp.where(times > 0, jnp.sum(signal * out, 0) / jnp.maximum(times, 1), common)


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


def _order(form: Form, key: Any, own: Any) -> Trained:
    """A random half of the records `own` (m,), in batches (steps, batch), each as often as the others; the half."""
    chosen, shuffled = jax.random.split(jax.random.split(key, 3)[1])
    half = jax.random.permutation(chosen, own)[: max(len(own) // 2, 1)]
    rounds = -(-form.steps * form.batch // len(half))
    keys = jax.random.split(shuffled, rounds)
    order = jax.vmap(lambda k: jax.random.permutation(k, half))(keys).ravel()
    return order[: form.steps * form.batch].reshape(form.steps, form.batch), half


def _rehearsed(
    form: Form, records: Records, parts: Parts, effects: list[dict[str, Any]], start: Starts, own: Any
) -> tuple[Any, Trained]:
    """What a rehearsal releases, and what it trained on."""
    trained = _order(form, start.keys, own) if start.trained is None else start.trained
    step = _step(form, records, parts, effects, start.keys, trained[1])
    numbered = jnp.arange(form.skipped, form.steps, dtype=jnp.int32), trained[0]
    return form.step.release(_scanned(form, step, _begins(form, records, start), numbered)), trained


def _begins(form: Form, records: Records, start: Starts) -> Any:
    """The state that a rehearsal begins with: that after the steps it skips, or the first of a training."""
    if start.states is not None:
        return start.states
    return records.start if form.init is None else form.init(jax.random.split(start.keys, 3)[0])


def _step(
    form: Form, records: Records, parts: Parts, effects: list[dict[str, Any]], key: Any, half: Any
) -> Callable[..., Any]:
    """One step of a rehearsal that trains on these records."""
    chosen, public = _chosen(form, records, half), jax.random.split(key, 3)[2]

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

    return step


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
    before = form.steps - form.skipped - form.horizon
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


def apart(true: Form, twin: Form, records: Records, none: Parts, start: Starts, own: Any) -> float:
    """How far an honest rehearsal on the twin ends from where it should, over how far it goes."""
    ends = [end(form, records, none, start, own) for form in (true, twin)]
    first = _numbers(true.step.release(_begins(true, records, start)))
    should, does, began = (np.nan_to_num(np.asarray(one)) for one in (*ends, first))
    return float(np.linalg.norm(does - should)) / max(float(np.linalg.norm(should - began)), 1e-12)
