"""The form of an executor: it runs a function on items somewhere else, in any order, and on each at least once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

TRIES = 3
"""How often an item is given to a worker, where workers die of it."""


class Executor(Protocol):
    """`workers` processes or machines. A worker that dies has its item run again by another one."""

    @property
    def workers(self) -> int: ...

    def started(self) -> AbstractContextManager[Each]:
        """The workers for the time of a `with`: a function that runs another one on items."""
        ...


Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""`each(function, items)`: what the function, one of a module's, returns for each item, in the order of their ends.

An item of which `TRIES` workers have died is left out.
"""
