"""Executors: where blocks of work run. One file each; what one needs is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from turncoat.experiments.executors.executor import Executor
from turncoat.refusal import Refusal, nearest

CATALOGUE = {"local": "pool", "dask": "on_dask", "ray": "on_ray"}
"""Names, and the module of each."""


def get(name: str, workers: int, address: str | None = None) -> Executor | None:
    """The executor of a name with so many workers; None for one worker here, as the run itself is one.

    `address` is that of a scheduler that runs already. Raises Refusal for an unknown name, what is not installed, and
    an address where none is taken.
    """
    if name not in CATALOGUE:
        raise Refusal(f"there is no executor {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    if workers < 1:
        raise Refusal(f"an executor needs at least one worker, not {workers}")
    if name == "local" and address is not None:
        raise Refusal(
            "workers of this machine's own have no address; name an executor that has, such as dask"
        )
    if name == "local" and workers == 1:
        return None
    found: Executor = import_module(f"turncoat.experiments.executors.{CATALOGUE[name]}").make(
        workers, address
    )
    return found


__all__ = ["CATALOGUE", "Executor", "get"]
