"""The same attack under active security: where products are checked, it ends in an abort, whoever is corrupt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import numpy as np

from turncoat.engines import Replicated
from turncoat.experiments.attacked import Attacked
from turncoat.experiments.recorded import Given, largest_difference
from turncoat.experiments.trial import Progress
from turncoat.jobs.loop import train
from turncoat.parties import session as parties
from turncoat.parties.launcher import Failed
from turncoat.parties.session import Session
from turncoat.results.confirmation import Ending

if TYPE_CHECKING:
    from turncoat.experiments.confirm import Predicted

SIMULATED = "the simulator, replicated:check=all"
PARTIES = 3
GRACE = 5.0
"""Seconds in which every honest party finds for itself that something is wrong."""
UNIT = 2.0**-18
"""Of the simulator's fixed-point numbers."""


def endings(
    session: Session, attacked: Attacked, both: list[Predicted], progress: Progress
) -> tuple[Ending, ...]:
    """How the attack ends under active security, each of three parties corrupt in turn.

    Among real parties where the engine has such a protocol, and else in the simulator.
    """
    found = []
    one_by_one = _among(session, both) if session.backend.active else _simulated(attacked, both)
    for corrupt in range(PARTIES):
        progress("running it under active security", corrupt, PARTIES)
        found.append(next(one_by_one))
    return tuple(found)


def _among(session: Session, both: list[Predicted]) -> Iterator[Ending]:
    backend = session.backend
    checked = replace(session, options={**session.options, "malicious": "1"}, grace=GRACE)
    honest, attacked = both
    r = honest.recorded
    revealed = r.released(parties.run(checked, r.tape, r.inputs, {}).revealed)
    through = largest_difference(revealed, honest.model) <= honest.allowed
    for corrupt in range(PARTIES):
        said = _ended_by(replace(checked, corrupt=corrupt), attacked)
        yield Ending(
            protocol=backend.active,
            corrupt=corrupt,
            aborted=said is not None,
            honest=through,
            said=said or "",
        )


def _ended_by(session: Session, attacked: Predicted) -> str | None:
    """What each honest party said when it ended the run, or None: it went through. Raises Failed for other ends."""
    r = attacked.recorded
    try:
        parties.run(session, r.tape, r.inputs, r.errors)
    except Failed as failure:
        found = [
            next((said for said in session.backend.aborts if said in failure.words[i]), "")
            for i in session.honest
        ]
        if not all(found):
            raise
        return ", ".join(f"party {i}: {said}" for i, said in zip(session.honest, found, strict=True))
    return None


def _simulated(attacked: Attacked, both: list[Predicted]) -> Iterator[Ending]:
    deployed = attacked.trial.deployed
    plain: Given
    given: Given
    given, tampering, _ = attacked.arguments()
    plain = attacked.trial.arguments()
    for corrupt in range(PARTIES):
        step = deployed.on(Replicated(corrupt=corrupt, check="all"))
        if corrupt == 0:
            model, tally = train(step, *plain, None, jax.random.key(0))
            through = (
                not bool(tally.aborted) and largest_difference(model, both[0].model) <= both[0].allowed + UNIT
            )
        _, tally = train(step, *given, tampering, jax.random.key(0))
        blamed = ", ".join(str(i) for i in np.flatnonzero(np.asarray(tally.failed)))
        said = f"the proof of party {blamed} failed" if blamed else ""
        yield Ending(
            protocol=SIMULATED, corrupt=corrupt, aborted=bool(tally.aborted), honest=through, said=said
        )
