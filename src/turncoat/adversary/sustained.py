"""How far errors move a model that are made in several steps in a row, where the state remembers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from turncoat.adversary.forms import Entry, Form, Phase, Records, Starts
from turncoat.adversary.rehearsal import end

STEPS = 20
"""In so many first steps: momentum of 0.9 forgets most of an error by then."""
SMALL = 0.01
"""By about how much the errors move what they move, so that training is hardly another."""


def sustained(
    form: Form, records: Records, entries: Sequence[Entry], key: object, once: Sequence[float]
) -> list[float]:
    """By how much an error of 1 at each entry, in each of the first steps, moves a released number in one of them.

    A mean over those steps, found by small errors; `once` is by how much it moves one in a first step alone.
    """
    steps = min(STEPS, form.steps)
    short = replace(form, steps=steps, skipped=0, horizon=0, block=1, phases=(Phase(0, steps - 1),))
    own = jnp.arange(len(records.x))

    def ends(sizes: Sequence[float]) -> np.ndarray:
        part = [
            jnp.asarray(entry.site.only(jnp.full(entry.shape, size, entry.site.dtype), entry.passes))
            for entry, size in zip(entries, sizes, strict=True)
        ]
        return np.nan_to_num(np.asarray(end(short, records, [part], Starts(key), own)))

    honest, found = ends([0.0] * len(once)), []
    for i, gain in enumerate(once):
        size = SMALL / (gain * steps)
        moved = ends([size if i == j else 0.0 for j in range(len(once))]) - honest
        found.append(float(np.max(np.abs(moved))) / (size * steps))
    return found
