"""Runs that are made at once, over all devices of this machine: each computes some, and they exchange nothing.

The arguments of all runs, stacked, are placed by their leading axis; what is compiled for arguments that lie so works
where they lie (https://docs.jax.dev/en/latest/notebooks/Distributed_arrays_and_automatic_parallelization.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "runs"


def devices() -> list[Any]:
    """The devices that runs are spread over."""
    found: list[Any] = jax.local_devices()
    return found


def stacked(arguments: Sequence[Any]) -> Any:
    """The arguments of runs, pytrees of one form, as one whose arrays have the runs as their leading axis.

    With more than one device the axis is spread over them, filled up with the last run's to a multiple of theirs.
    """
    places = devices()
    filled = [*arguments, *[arguments[-1]] * (-len(arguments) % len(places))]
    whole = jax.tree.map(lambda *leaves: jnp.stack(leaves), *filled)
    if len(places) == 1:
        return whole
    along: Any = PartitionSpec(AXIS)  # type: ignore[no-untyped-call]
    return jax.device_put(whole, NamedSharding(Mesh(np.array(places), (AXIS,)), along))


def apart(whole: Any, count: int) -> Iterator[Any]:
    """What each of the first `count` runs gave, on no device in particular: later work may use it with anything."""
    if len(devices()) > 1:
        whole = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), whole)
    for i in range(count):
        yield jax.tree.map(lambda a, i=i: a[i], whole)
