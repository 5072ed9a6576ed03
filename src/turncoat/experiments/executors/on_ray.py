"""Ray: processes of this machine, or a cluster that runs already.

A cluster that Ray starts here listens on ALL network interfaces, even when it is told to keep to the loopback
address, and whoever reaches its ports can run code. So none is started but on the user's word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from turncoat.experiments.executors.executor import TRIES, Each, Executor
from turncoat.refusal import Refusal

WORD = "TURNCOAT_RAY_MAY_LISTEN"
"""The variable by which a user says that Ray may listen on all interfaces."""


def make(workers: int, address: str | None) -> Executor:
    """So many workers of this machine, or those of a cluster; Refusal without Ray, or without the user's word."""
    if find_spec("ray") is None:
        raise Refusal("Ray is not installed: pip install 'turncoat[ray]', or leave --executor out")
    if address is None and os.environ.get(WORD) != "1":
        raise Refusal(
            "Ray listens on all network interfaces, even when it is told not to, and whoever reaches it can run code "
            f"here: set {WORD}=1 if that is acceptable on this network, or choose --executor local or dask"
        )
    return Ray(workers, address)


@dataclass(frozen=True)
class Ray:
    """Workers of one CPU each; those of a cluster elsewhere must share the folder of finished work."""

    workers: int
    address: str | None

    @contextmanager
    def started(self) -> Iterator[Each]:
        """A connection, and a cluster of this machine's own if no address was given."""
        ray: Any = import_module("ray")
        here: dict[str, Any] = {"num_cpus": self.workers, "include_dashboard": False, "log_to_driver": False}
        # "local": not the cluster that $RAY_ADDRESS names, which nobody asked for here
        ray.init(address=self.address or "local", **({} if self.address else here))
        try:
            yield _each
        finally:
            ray.shutdown()


def _each(function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    ray: Any = import_module("ray")
    remote = ray.remote(max_retries=TRIES - 1, num_cpus=1)(function)
    waiting = [remote.remote(item) for item in items]
    while waiting:
        (done,), waiting = ray.wait(waiting)
        try:
            yield ray.get(done)
        except _deaths(ray.exceptions):
            continue


def _deaths(errors: Any) -> tuple[type[Exception], ...]:
    """What is raised of an item whose workers have died: by themselves, of memory, or with their machine."""
    return errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError
