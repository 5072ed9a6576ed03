"""Options that say on what real parties run."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from turncoat.cli.options import Group, without_effect
from turncoat.parties import backends
from turncoat.parties.session import Session
from turncoat.refusal import Refusal

DEADLINE = 600.0
OWN = {"crypten_python": "crypten", "spu_python": "spu"}
"""Options that name an interpreter, and the engine that it is of."""


@dataclass(frozen=True)
class Pythons(Group):
    """The interpreters of engines that may live in environments of their own."""

    crypten_python: Annotated[
        str | None, typer.Option(help="The interpreter that has CrypTen; this one by default.")
    ] = None
    spu_python: Annotated[
        str | None, typer.Option(help="The interpreter that has SPU; this one by default.")
    ] = None

    def session(
        self, engine: str, parties: int = 3, corrupt: int | None = None, deadline: float = DEADLINE
    ) -> Session:
        """Refusal for an unknown engine, an interpreter without it, or parties that it does not run with."""
        backend = backends.get(engine)
        for option, of in OWN.items():
            if of != backend.name:
                without_effect(f"on engine {backend.name!r}", **{option: getattr(self, option)})
        python = _interpreter(getattr(self, f"{backend.name}_python", None))
        return Session(backend, parties, parties - 1 if corrupt is None else corrupt, deadline, python)


def _interpreter(given: str | None) -> str:
    if given is None:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        raise Refusal(f"there is no interpreter {given!r}; give the path of a python")
    return os.path.abspath(found)  # links stay, as in environments
