"""dask.distributed: processes of this machine, bound to its loopback address, or a scheduler that runs already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from turncoat.experiments.executors.executor import TRIES, Each, Executor
from turncoat.refusal import Refusal, first_line

LOOPBACK = "127.0.0.1"


def make(workers: int, address: str | None) -> Executor:
    """So many workers of this machine, or those of the scheduler at an address; Refusal without dask."""
    if find_spec("distributed") is None:
        raise Refusal(
            "dask.distributed is not installed: pip install 'turncoat[dask]', or leave --executor out"
        )
    return Dask(workers, address)


@dataclass(frozen=True)
class Dask:
    """Workers of one thread each; those of a scheduler elsewhere must share the folder of finished work."""

    workers: int
    address: str | None

    @contextmanager
    def started(self) -> Iterator[Each]:
        """A client, and a cluster of this machine's own if no address was given."""
        library: Any = import_module("distributed")
        here: Any = {"host": LOOPBACK, "silence_logs": 40, "threads_per_worker": 1}
        # without its dashboard it serves figures all the same: at a port that no other run's has taken
        here |= {"dashboard_address": f"{LOOPBACK}:0", "scheduler_kwargs": {"dashboard": False}}
        with ExitStack() as stack:
            stack.enter_context(
                import_module("dask").config.set({"distributed.scheduler.allowed-failures": TRIES - 1})
            )
            if self.address is None:
                client = library.Client(
                    stack.enter_context(library.LocalCluster(self.workers, processes=True, **here))
                )
            else:
                client = _reached(self.address)
            stack.enter_context(client)
            yield lambda function, items: _each(client, function, items)


def _reached(address: str) -> Any:
    try:
        return import_module("distributed").Client(address, timeout="10s")
    except (OSError, ValueError) as fault:
        raise Refusal(
            f"no dask scheduler answers at {address} ({first_line(fault)}); start one, or leave --address out"
        ) from fault


def _each(client: Any, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    library: Any = import_module("distributed")
    futures = [client.submit(function, item, pure=False) for item in items]
    for future in library.as_completed(futures):
        if not isinstance(future.exception(), library.KilledWorker):
            yield future.result()
