"""What the checks of a defence found in the attacked runs of a result."""

from __future__ import annotations

from pydantic import Field

from turncoat.results.values import Count, Fraction, Measured, Value


class Found(Value):
    """Where the first error of an aborted run was found: the step, from 0, and the site."""

    step: Count
    site: str


class Defended(Value):
    """A defence, and what it found in runs whose errors were not planned for it.

    `checks` has the sites that are checked at all, by the words for how they are. `detected` is the share of attacked
    runs that were aborted, `expected` the probability of that by the number of deviating `messages` in each run (see
    `metrics.detection`), as a mean over runs; `false_alarms` the share of aborted honest runs. `deterrence` is the
    least probability with which a single wrong message is found, whichever it is. `first`: where each aborted run's
    first error was found.
    """

    defence: str
    checks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    detected: Measured
    expected: Measured
    false_alarms: Measured
    messages: Count
    deterrence: Fraction
    first: tuple[Found, ...] = ()
