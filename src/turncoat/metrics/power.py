"""Whether a check of test accuracy would notice a change: the power of two one-sided tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from turncoat.metrics.rates import Interval
from turncoat.settings import Settings

ALARMS = 0.05
"""The false-alarm rate of both tests: how often they take an honest model for an attacked one."""


@dataclass(frozen=True)
class Victim(Settings):
    """How those who train test the accuracy of the released model, and what they count as noticing.

    An attack is unnoticed where the chosen `test` raises an alarm with a probability below `power`, by the upper end
    of its interval. Raises Refusal for numbers that no test has.
    """

    records: Annotated[
        int | None,
        Field(ge=1, description="test records that the victim has; all of the test part by default"),
    ] = None
    alarms: Annotated[
        float, Field(gt=0, lt=1, description="how often the test takes an honest model for an attacked one")
    ] = ALARMS
    test: Annotated[
        Literal["unpaired", "paired"],
        Field(
            description="unpaired: accuracy against that expected of honest training; paired: record by record "
            "against an honest model from the same seed"
        ),
    ] = "unpaired"
    power: Annotated[
        float, Field(gt=0, le=1, description="the probability of an alarm below which an attack is unnoticed")
    ] = 0.5


AS_USUAL = Victim()
"""A victim that tests accuracy on the whole test part, unpaired."""


class Noticed(NamedTuple):
    """The probability of an alarm by either test, each with the interval that the change's interval implies."""

    unpaired: Interval
    paired: Interval


def noticed(
    honest: Sequence[NDArray[np.bool_]],
    attacked: Sequence[NDArray[np.bool_]],
    change: Interval,
    victim: Victim = AS_USUAL,
) -> Noticed:
    """The probability that a victim's check of accuracy notices a change, from runs of several trials.

    `honest` and `attacked` say, for each trial, which of the victim's test records (records,) are classified
    correctly; `change` is the accuracy's, attacked minus honest, with its interval over trials. The unpaired
    test compares the released model's accuracy with that expected of honest training, each on as many records
    of its own; the paired test compares it, record by record, with an honest model from the same seed, which a
    victim hardly ever has. Both sound a false alarm as often as the `victim` allows.
    """
    records, expected = victim.records or len(honest[0]), float(np.mean(np.concatenate(honest)))
    alarms = victim.alarms
    differs = float(np.mean(np.concatenate(honest) != np.concatenate(attacked)))

    def over(powers: Sequence[float]) -> Interval:
        how = "carried over from the interval of the change"
        return Interval(powers[0], min(powers), max(powers), len(honest), change.confidence, how)

    changes = (change.mean, change.low, change.high)
    return Noticed(
        over([unpaired(expected, float(np.clip(expected + c, 0, 1)), records, alarms) for c in changes]),
        over([paired(-c, max(differs, abs(c)), records, alarms) for c in changes]),
    )


def unpaired(expected: float, accuracy: float, records: int, alarms: float = ALARMS) -> float:
    """The power of the one-sided test of two shares with pooled variance, each counted on `records` records.

    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (3rd ed., 2003), section 4.2.
    """
    both = (expected + accuracy) / 2
    critical = -float(special.ndtri(alarms)) * np.sqrt(2 * both * (1 - both) / records)
    spread = np.sqrt((expected * (1 - expected) + accuracy * (1 - accuracy)) / records)
    beyond = expected - accuracy - critical
    return float(special.ndtr(beyond / spread)) if spread else float(beyond > 0)


def paired(fall: float, discordant: float, records: int, alarms: float = ALARMS) -> float:
    """The power of the exact one-sided McNemar test on `records` records.

    `fall` is the accuracy lost; `discordant` (at least |fall|) is the share of records that one of the two
    models classifies correctly and the other does not. Under an honest model such a record is as likely lost
    as won, so the alarm sounds where so many losses among them have a probability of at most `alarms`.
    Source: McNemar, Psychometrika 12 (1947).
    """
    if discordant <= 0:
        return 0.0
    mean, far = records * discordant, 10 * np.sqrt(records * discordant) + 10
    # how many records are discordant, as far as that is likely; none sounds no alarm
    found = np.arange(max(1.0, np.floor(mean - far)), min(records, np.ceil(mean + far)) + 1)
    likely = -np.diff(_at_least(found, records, discordant), append=0.0)
    needed = np.ceil(special.bdtrik(1 - alarms, found, 0.5) - 1e-9) + 1  # the fewest losses that alarm
    lost = (discordant + fall) / (2 * discordant)
    alarm = np.where(needed <= found, _at_least(np.minimum(needed, found), found, lost), 0.0)
    return float(np.clip(likely @ alarm, 0, 1))


def _at_least(count: NDArray[np.float64], n: Any, p: float) -> NDArray[np.float64]:
    """The probability of at least `count` (from 1 on) successes in n tries of probability p."""
    found: NDArray[np.float64] = special.betainc(count, n - count + 1, p)
    return found
