"""The cheapest set of checks that a designer found, and what it rests on, as typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from turncoat.results.audit import Honest
from turncoat.results.harms import Harm
from turncoat.results.values import Count, Fraction, Measured, Moment, Number, Settings, Value


class Way(Value):
    """A way in: an attack that reached its goal with errors at these `sites` alone, whatever else was checked.

    `messages` of them deviated in a run, on average; `success` beside that of the honest runs. `in_doubt`: its
    success rises by what the goal asks, which more trials neither showed nor refuted, so that it counts.
    """

    attack: str
    settings: Settings = Field(default_factory=dict)
    harm: Harm
    sites: tuple[str, ...]
    messages: Count
    honest: Measured
    success: Measured
    in_doubt: bool = False


class Held(Value):
    """An attack that did not reach its goal from the sites that the design leaves unchecked.

    It was planned again for them: `sites` are those where it made errors. `seconds` are those of all its trials.
    `noticed`: it did reach its goal, but accuracy shows that, and this was a design against other attacks alone.
    """

    attack: str
    settings: Settings = Field(default_factory=dict)
    harm: Harm
    bar: str
    sites: tuple[str, ...]
    trials: Count = Field(ge=1)
    seconds: Number
    honest: Measured
    success: Measured
    noticed: bool = False


class Unmade(Value):
    """An attack that was not run: against this set, as no way in is left to it (`closed`), or on this job at all."""

    attack: str
    settings: Settings = Field(default_factory=dict)
    harm: Harm
    why: str
    closed: bool = False
    failed: bool = False


class Cost(Value):
    """What the design and full active security cost by one framework's prices.

    In `unit`s a step beyond passive training: `design` that of the sites that are checked, `everything` that of all;
    `least` what a set must cost that meets the same ways, by these prices. `passive` are the bytes of a passive step
    where the unit is bytes.
    """

    framework: str
    about: str
    unit: str
    design: Number
    everything: Number
    least: Number
    passive: Number | None = None


class Design(Value):
    """The cheapest set of checked sites under which every attack that was tried fails.

    `checked` are the sites, `unchecked` the others; of these no attack made errors at `untouched` ones in any run, so
    that nothing is known of them. `asked` are the attacks that were to be stopped, none for all; with `unnoticed`
    only those count that a check of test accuracy misses. `ways` are what the set has to meet; `lone` names for each
    checked site the ways, by number, that come back if it alone is left out. `exact` and `greedy` are what the
    integer program and the greedy method pay in the unit of `costs[0]`. `held` and `unmade` are the attacks against
    the design. `least` is for each threat what a set must cost that stops the ways of that threat alone.
    """

    format: Literal["turncoat.design/1", "turncoat.design/2"] = "turncoat.design/2"
    data: str
    data_label: str
    model: str
    protocol: str
    engine: str
    trials: Count = Field(ge=1)
    minutes: Number = Field(ge=0)
    seed: Count
    honest: Honest
    threats: tuple[Harm, ...]
    unnoticed: bool = False
    asked: tuple[str, ...] = ()
    defence: str
    checked: tuple[str, ...]
    unchecked: tuple[str, ...]
    untouched: tuple[str, ...]
    ways: tuple[Way, ...]
    lone: dict[str, tuple[int, ...]]
    held: tuple[Held, ...]
    unmade: tuple[Unmade, ...]
    costs: tuple[Cost, ...]
    exact: Number
    greedy: Number
    least: dict[str, Number]
    rounds: Count
    attempts: Count
    seconds: Number = Field(ge=0)
    deterrence: Fraction
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    command: str | None = None
    created: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def agree(self) -> bool:
        """Whether the greedy method pays what the integer program does."""
        return abs(self.exact - self.greedy) <= 1e-9 * max(self.exact, 1.0)

    @property
    def saved(self) -> float:
        """The share of the price of full active security that it saves; 0 where nothing costs anything."""
        first = self.costs[0]
        return 1 - first.design / first.everything if first.everything else 0.0

    @property
    def tried(self) -> bool:
        """Whether any attack was run at all."""
        return bool(self.ways or self.held)
