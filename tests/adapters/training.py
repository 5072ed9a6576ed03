"""A job trained twice: by turncoat's loop under protocol `exact`, and by JAX alone."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat import data
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.job import Job
from turncoat.jobs.loop import schedule, train

RECORDS = 512
DIGITS = data.load("digits")
TUMOURS = data.load("breast_cancer")


@dataclass(frozen=True)
class Run:
    """What the trainings released, the surface of a step, and the accuracy on records not trained on.

    `other`: without the protocol, from another public key of the steps.
    """

    secured: Any
    plain: Any
    other: Any
    surface: Any
    accuracy: float


def both(job: Job) -> Run:
    """The job on its first records, under the protocol and without, from the same keys."""
    x, labels = job.data.x[:RECORDS], job.data.y[:RECORDS]
    y, state, plan = (
        job.labelled(labels),
        job.init(jax.random.key(1)),
        schedule(jax.random.key(2), RECORDS, job),
    )
    deployed, alone = Deployed.of(job, "exact", "reals"), jax.jit(partial(_plain, job))
    secured = train(deployed.step, state, x, y, plan)[0]
    plain = alone(state, jnp.asarray(x), y, plan)
    other = alone(state, jnp.asarray(x), y, replace(plan, key=jax.random.key(3)))
    scores = np.asarray(job.scored(secured, job.data.x[RECORDS:]))
    found = scores.argmax(1) if scores.shape[1] > 1 else scores[:, 0] > 0
    accuracy = float(np.mean(found == job.data.y[RECORDS:]))
    return Run(secured, plain, other, deployed.surface(RECORDS), accuracy)


def _plain(job, state, x, y, plan):
    """The user's own loop over the step as it stands."""

    def body(state, now):
        number, index = now
        more = {"number": number, "key": jax.random.fold_in(plan.key, number)}
        more = {name: more[name] for name in job.takes}
        return job.step(state, x[index].reshape(-1, *job.shape), y[index], **more), None

    numbers = jnp.arange(len(plan.order), dtype=jnp.int32)
    return job.release(jax.lax.scan(body, state, (numbers, plan.order))[0])


def distance(one: Any, other: Any) -> float:
    """The largest difference between the leaves of two pytrees."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(np.subtract(a, b)), initial=0)) for a, b in pairs)
