"""Attacks against defences, as typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from pydantic import Field

from turncoat.results.audit import Honest
from turncoat.results.values import Count, Fraction, Measured, Moment, Number, Value

PLANNED = "as planned without the defence in mind"
"""How an attack of a `Cell` was planned."""


class Cell(Value):
    """One attack against one defence: `detected`, with which probability a run is aborted; `success` after that."""

    detected: Measured
    success: Measured


class Adaptive(Value):
    """An attack planned in the knowledge of a defence: `how` it was planned, the best of `tried` plans.

    `success` is what the defence leaves of it, `detected` with which probability a run is aborted, `honest` the same
    goal without errors, `accuracy_change` what it costs. `messages` deviate in a run, at `sites`. `reached`: the
    goal's bar is cleared, and at least half of such runs go unseen; `in_doubt`: the same by means alone.
    """

    attack: str
    how: str
    honest: Measured
    success: Measured
    detected: Measured
    accuracy_change: Measured
    messages: Count
    sites: tuple[str, ...] = ()
    tried: Count = Field(ge=1)
    reached: bool
    in_doubt: bool = False

    @property
    def gain(self) -> float:
        """Its success beyond that of an honest run."""
        return self.success.mean - self.honest.mean


class Row(Value):
    """One attack: its success without errors, under passive security, and in `cells` under each defence.

    `messages` deviate in a run, at `sites`. `unable` says of other defences why the attack has no way in there.
    `adaptive`: the attack planned again in the knowledge of each defence, `closed` why it could not be; both empty
    where that was not tried.
    """

    attack: str
    goal: str
    success_name: str
    honest: Measured
    passive: Measured
    messages: Count
    sites: tuple[str, ...] = ()
    cells: dict[str, Cell]
    unable: dict[str, str] = Field(default_factory=dict)
    adaptive: dict[str, Adaptive] = Field(default_factory=dict)
    closed: dict[str, str] = Field(default_factory=dict)

    def best(self, defence: str) -> Best | None:
        """The best that is known of it under a defence, planned in its knowledge or not; None without a way in."""
        ways = []
        if defence in self.adaptive:
            again = self.adaptive[defence]
            found = Cell(detected=again.detected, success=again.success)
            ways.append(Best(self.attack, again.gain, found, again.how))
        if defence in self.cells:
            cell = self.cells[defence]
            ways.append(Best(self.attack, cell.success.mean - self.honest.mean, cell, PLANNED))
        return max(ways, key=lambda way: way.gain, default=None)


class Best(NamedTuple):
    """The best known of an attack under a defence: its success beyond the honest run's, and how it was got."""

    attack: str
    gain: float
    cell: Cell
    how: str


class Priced(Value):
    """A defence: how many `sites` it checks in which `ways`, and its price.

    `factor`: bytes over those of passive training, where verified sharings check; `rounds`: rounds over those of
    passive training, and `looked_at`: the expected share of all scalar multiplications and comparisons, where proofs
    check; None for a job that does not run in shares. `time`: processor time over that of passive training with such
    proofs, None where that was not measured.
    `deterrence`: the least probability with which a single wrong message is found; `accuracy`: honest test accuracy;
    `epsilon` at `delta`: the privacy of one record by its noise, None without.
    """

    defence: str
    ways: tuple[str, ...] = ()
    sites: Count
    deterrence: Fraction
    accuracy: Measured
    factor: Number | None = None
    rounds: Number | None = None
    time: Number | None = None
    looked_at: Number | None = None
    epsilon: Number | None = None
    delta: Number | None = None


class Matrix(Value):
    """Every attack against every defence on one job; `refused` says of the other attacks why they were not run."""

    format: Literal["turncoat.defences/1", "turncoat.defences/2"] = "turncoat.defences/2"
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    trials: Count = Field(ge=1)
    seed: Count
    honest: Honest
    defences: tuple[Priced, ...]
    rows: tuple[Row, ...]
    refused: dict[str, str] = Field(default_factory=dict)
    seconds: Number = Field(ge=0)
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    def strongest(self, defence: str) -> Best | None:
        """The attack that gains most over the honest run under a defence; None if none has a way in."""
        found = (row.best(defence) for row in self.rows)
        return max((b for b in found if b is not None), key=lambda best: best.gain, default=None)

    @property
    def again(self) -> bool:
        """Whether attacks were planned again in the knowledge of the defences."""
        return any(row.adaptive or row.closed for row in self.rows)

    def breaking(self, defence: str) -> list[Adaptive]:
        """The attacks that reach their goal in the knowledge of a defence, the strongest first."""
        return sorted((a for a in self._knowing(defence) if a.reached), key=lambda a: -a.gain)

    def doubtful(self, defence: str) -> list[Adaptive]:
        """The attacks that may reach their goal in the knowledge of a defence, in more trials than were run."""
        return [a for a in self._knowing(defence) if a.in_doubt]

    def _knowing(self, defence: str) -> list[Adaptive]:
        return [row.adaptive[defence] for row in self.rows if defence in row.adaptive]
