"""Whether a job's functions fit together: each fault is one sentence that names the field, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.values import struct
from turncoat.jobs.blame import blamed
from turncoat.jobs.job import Job
from turncoat.jobs.leaves import named
from turncoat.refusal import Refusal


def check(job: Job) -> None:
    """Raises Refusal for a job of which a field is at fault, with the user's line where their code fails."""
    _check_state(job)
    _check_labels(job)
    _check_step(job)
    _check_release(job)
    _check_scores(job)


def _shapes(job: Job, field: str, f: Callable[..., Any], *given: Any, **more: Any) -> Any:
    with blamed(f"{field} of job {job.name!r}"):
        return jax.eval_shape(f, *given, **more)


def _check_state(job: Job) -> None:
    with blamed(f"init of job {job.name!r}"):
        state = job.init(jax.random.key(0))
    for name, leaf in named(state).items():
        if not isinstance(leaf, jax.Array | np.ndarray | np.generic | int | float):
            raise Refusal(
                f"init of job {job.name!r} must return arrays alone, but {name!r} is {type(leaf).__name__}: keep "
                "what is no array outside of the state"
            )
    if not any(_is_parameter(leaf) for leaf in named(job.state).values()):
        raise Refusal(
            f"init of job {job.name!r} returns no array of real numbers: there is no parameter to train"
        )
    for name in job.public:
        if name not in named(job.state):
            raise Refusal(
                f"public of job {job.name!r} names {name!r}, which is no leaf of the state; there are "
                f"{', '.join(named(job.state))}"
            )


def _is_parameter(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating) and int(np.prod(leaf.shape, dtype=int)) > 0


def _targets(job: Job) -> Any:
    """The shapes of a batch of targets."""
    y = job.data.y
    return struct((job.batch, *y.shape[1:]), y.dtype)


def _check_labels(job: Job) -> None:
    y = _shapes(job, "encode", job.labelled, _targets(job))
    if not hasattr(y, "shape") or y.shape[:1] != (job.batch,):
        said = list(y.shape) if hasattr(y, "shape") else type(y).__name__
        raise Refusal(
            f"encode of job {job.name!r} must give a row for each of {job.batch} labels, not {said}"
        )


def _check_step(job: Job) -> None:
    x = struct((job.batch, *job.shape), np.float32)
    y = jax.eval_shape(job.labelled, _targets(job))
    more = {"number": struct((), np.int32), "key": jax.eval_shape(lambda: jax.random.key(0))}
    given = {name: more[name] for name in job.takes}
    after = _shapes(job, "step", job.step, job.state, x, y, **given)
    before, now = named(job.state), named(after)
    for name in [*before, *now]:
        if name not in now or name not in before:
            lost = "does not return" if name in before else "returns, and does not take,"
            raise Refusal(f"step of job {job.name!r} {lost} {name!r}: it must return the state that it takes")
        a, b = before[name], now[name]
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise Refusal(
                f"step of job {job.name!r} takes {name!r} as {_form(a)} and returns it as {_form(b)}: it must return "
                "the state that it takes"
            )
    one, other = (str(jax.tree.structure(tree)) for tree in (job.state, after))
    if one != other:
        raise Refusal(
            f"step of job {job.name!r} takes {one} and returns {other}: it must return the state that it takes"
        )


def _check_release(job: Job) -> None:
    with blamed(f"release of job {job.name!r}"):
        places = job.places
    if not any(_is_parameter(named(job.state)[place]) for place in places.values()):
        raise Refusal(f"release of job {job.name!r} opens no parameter; return what is opened of the state")


def _check_scores(job: Job) -> None:
    x = struct((job.batch, *job.shape), np.float32)
    found = _shapes(job, "scores", job.scores, job.released, x)
    shape = getattr(found, "shape", None)
    binary = job.task == "classes" and job.classes == 2
    columns = (2, 1) if binary else (job.classes,)
    what = "class" if job.task == "classes" else "target"
    if shape not in [(job.batch, n) for n in columns]:
        said = type(found).__name__ if shape is None else f"shape {list(shape)}"
        raise Refusal(
            f"scores of job {job.name!r} must be of shape (n, {job.classes}), one for each {what}"
            f"{', or (n, 1)' if binary else ''}, but of {job.batch} records they are of {said}"
        )


def _form(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"
