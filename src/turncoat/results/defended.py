"""What the checks of a defence found in the attacked runs of a result."""

from __future__ import annotations

from pydantic import Field

from turncoat.results.values import Count, Fraction, Measured, Number, Value


class Found(Value):
    """Where the first error of an aborted run was found: the step, from 0, and the site."""

    step: Count
    site: str


class Screened(Value):
    """A screen of the opened model: its threshold, and the share of attacked and of honest models that it flags.

    None where no model was released. The threshold comes from so many honest `models` (0: it was given), of which
    `rise` says by how much a model's number must rise for an alarm with a probability of 80 %.
    """

    threshold: Number
    alarms: Measured | None = None
    false_alarms: Measured | None = None
    models: Count = 0
    rise: Number | None = None


class Defended(Value):
    """A defence, and what it found in runs whose errors were not planned for it.

    `checks` has the sites that are checked at all, by the words for how they are. `detected` is the share of attacked
    runs that were aborted, or whose model a screen flags, `false_alarms` that of honest ones; `expected` is the
    probability of an abort by the number of deviating `messages` in each run (see `metrics.detection`), as a mean
    over runs. `deterrence` is the least probability with which a single wrong message is found, whichever it is.
    `first`: where each aborted run's first error was found. `screens` are those of the opened model, by name.
    `epsilon` at `delta` is the privacy of a record that its noise gives towards a party that keeps to the protocol
    (see `metrics.privacy`); None without noise.
    """

    defence: str
    checks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    detected: Measured
    expected: Measured
    false_alarms: Measured
    messages: Count
    deterrence: Fraction
    first: tuple[Found, ...] = ()
    screens: dict[str, Screened] = Field(default_factory=dict)
    epsilon: Number | None = None
    delta: Number | None = None
