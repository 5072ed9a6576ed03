"""A perceptron that is fine-tuned from a published start: everybody knows where training begins.

python examples/gallery/public_start.py

A public start lets the corrupt party rehearse the victims' training itself: gradients that it computes on its own
records mean something in the victims' network too, which they do not where the start is secret.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from shown import show

import turncoat as tc

digits = tc.data.load("digits")
PUBLISHED = 600
"""How many records the network was published after; the others are the victims' and the adversary's."""


def published(job):
    """The network after ten epochs of the public records, trained in the clear."""
    x, y = jnp.asarray(digits.x[:PUBLISHED]), job.labelled(digits.y[:PUBLISHED])
    state, step = job.init(jax.random.key(0)), jax.jit(job.step)
    for _ in range(10):
        for first in range(0, PUBLISHED - job.batch + 1, job.batch):
            state = step(state, x[first : first + job.batch], y[first : first + job.batch])
    return state


def fine_tuning():
    rest = (digits.x[PUBLISHED:], digits.y[PUBLISHED:])
    job = tc.jobs.mlp(rest, hidden=(32,), epochs=5)
    start = published(job)
    return replace(job, name="fine-tuning", init=lambda key: start, initial="public")


if __name__ == "__main__":
    found = tc.audit(fine_tuning(), protocol="crypten", minutes=0)
    show(found)
