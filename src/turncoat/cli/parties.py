"""Options that say on what real parties run."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from turncoat.cli.options import Group, without_effect
from turncoat.parties import backends, mp_spdz
from turncoat.parties.session import Session
from turncoat.refusal import Refusal

DEADLINE = 600.0
OWN = {"crypten_python": "crypten", "spu_python": "spu", "mp_spdz": "mp-spdz"}
"""Options that name an interpreter or an installation, and the engine that it is of."""


@dataclass(frozen=True)
class Pythons(Group):
    """Where engines are that may live in environments of their own."""

    crypten_python: Annotated[
        str | None, typer.Option(help="The interpreter that has CrypTen; this one by default.")
    ] = None
    spu_python: Annotated[
        str | None, typer.Option(help="The interpreter that has SPU; this one by default.")
    ] = None
    mp_spdz: Annotated[
        str | None, typer.Option(help="The folder of MP-SPDZ, in which its parties are built.")
    ] = None

    def session(
        self,
        engine: str,
        parties: int = 3,
        corrupt: int | None = None,
        deadline: float = DEADLINE,
        active: bool = False,
    ) -> Session:
        """Refusal for an unknown engine, an interpreter without it, or parties that it does not run with."""
        backend = backends.get(engine)
        for option, of in OWN.items():
            if of != backend.name:
                without_effect(f"on engine {backend.name!r}", **{option: getattr(self, option)})
        python = _interpreter(getattr(self, f"{backend.name}_python", None))
        options = mp_spdz.options(self.mp_spdz, active) if backend.name == "mp-spdz" else {}
        return Session(
            backend, parties, parties - 1 if corrupt is None else corrupt, deadline, python, options
        )


def _interpreter(given: str | None) -> str:
    if given is None:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        raise Refusal(f"there is no interpreter {given!r}; give the path of a python")
    return os.path.abspath(found)  # links stay, as in environments
