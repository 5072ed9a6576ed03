"""How likely checks find a corrupt party, as pure functions of numbers; and the inverse questions.

`errors` messages deviate from what the honest parties' shares determine, each message is looked at with probability
`share` (the paper's alpha, section 6), and looking fails with probability at most `soundness`. All logarithms are
taken of what is close to 1, so that nothing is lost for shares such as 2e-9.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, expm1, floor, inf, isfinite, log, log1p

from turncoat.refusal import Refusal

SOUNDNESS = 2.0**-40
"""The soundness error that checks are given where nothing else is said: the usual statistical security parameter."""


def missed(errors: float, share: float, soundness: float = 0.0) -> float:
    """The probability that no check finds any error: (1 - share)^errors + soundness, at most 1; 1 without errors.

    Raises Refusal for a share or a soundness error outside [0, 1], or a number of errors below 0.
    """
    return _missed(unseen(errors, share), soundness)


def detected(errors: float, share: float, soundness: float = 0.0) -> float:
    """1 - `missed`, without loss where that is small."""
    check_share("soundness", soundness)
    return max(0.0, -expm1(unseen(errors, share)) - (soundness if errors else 0.0))


def unseen(errors: float, share: float) -> float:
    """The logarithm of the probability that none of the errors is looked at."""
    check_share("alpha", share)
    if not (errors >= 0 and isfinite(errors)):
        raise Refusal(f"a number of errors is 0 or more, not {errors}")
    if not errors:
        return 0.0
    return errors * log1p(-share) if share < 1 else -inf


def missed_together(groups: Iterable[tuple[float, float]], soundness: float = 0.0) -> float:
    """The same for errors under several shares: pairs `(errors, share)`; soundness counts once (a union bound)."""
    return _missed(sum(unseen(errors, share) for errors, share in groups), soundness)


def _missed(logarithm: float, soundness: float) -> float:
    check_share("soundness", soundness)
    return min(1.0, exp(logarithm) + soundness) if logarithm else 1.0


def share_needed(errors: float, missing: float) -> float:
    """The share of messages to look at so that `errors` errors all go unseen with probability `missing`.

    Raises Refusal for fewer than one error, or a probability that is not between 0 and 1.
    """
    _check_open("the probability of missing all errors", missing)
    if not (errors >= 1 and isfinite(errors)):
        raise Refusal(f"a share to check follows from at least one error, not {errors}")
    return -expm1(log(missing) / errors)


def errors_afforded(share: float, caught: float) -> int | None:
    """The most errors that are detected with a probability of at most `caught`; None if there is no limit.

    Raises Refusal for a share outside [0, 1] or a probability that is not between 0 and 1.
    """
    check_share("alpha", share)
    _check_open("the probability of detection", caught)
    if share == 0:
        return None
    if share == 1:
        return 0
    most = floor(log1p(-caught) / log1p(-share) + 1)  # then down, so that rounding decides nothing
    while most and detected(most, share) > caught:
        most -= 1
    return most


def check_share(name: str, value: float) -> None:
    """Refuses what is no probability."""
    if not (isinstance(value, int | float) and 0 <= value <= 1):
        raise Refusal(f"{name} is a probability: give a number from 0 to 1, not {value}")


def _check_open(what: str, value: float) -> None:
    if not 0 < value < 1:
        raise Refusal(f"{what} must lie between 0 and 1, not {value}")
