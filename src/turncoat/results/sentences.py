"""What a result shows, in phrases that audits and reports share; every number is set against the honest run."""

from __future__ import annotations

from turncoat.results.result import Result
from turncoat.results.values import Measured

MINUS = "\u2212"


def gained(result: Result) -> str:
    """How far an attack got beyond the honest run: its gain with its interval, or that none can be seen."""
    gain, before, after = result.gain, result.honest.success.mean, result.attacked.success.mean
    plain = f"{before:.1%} on the honest model, {after:.1%} under attack"
    if gain is None:
        return f"the {result.success_name} was {plain}"
    if result.trials == 1:
        return f"the {result.success_name} was {plain}, in one trial, which shows no spread"
    if gain.low <= 0 <= gain.high:
        return f"the {result.success_name} changed by no more than trials differ by: {plain}"
    return f"the {result.success_name} moved by {points(gain)}, from {before:.1%} on the honest model to {after:.1%}"


def tampered(result: Result) -> str:
    """How many products an attack tampers with, as `1 tampered product`."""
    return "1 tampered product" if result.errors == 1 else f"{result.errors:,} tampered products"


def notice(result: Result) -> str:
    """The probability that a check of test accuracy notices an attack; "" if it is not known."""
    found = result.noticed
    if found is None:
        return ""
    paired = "paired " if found.test == "paired" else ""
    return (
        f"a {paired}check of accuracy on {found.records:,} test records, with false alarms in "
        f"{100 * found.alarms:g}% of cases, would notice it with a probability of {chance(found.chosen)}"
    )


def both_notice(result: Result) -> str:
    """The same in short, with that of a check record by record against an honest model; "" if not known."""
    found = result.noticed
    if found is None:
        return ""
    return (
        f"a check of accuracy on {found.records:,} test records notices that with a probability of "
        f"{chance(found.unpaired)}, a paired one of {chance(found.paired)}"
    )


def stopped(result: Result) -> str:
    """How often the checks of a defence found an error, and how often they should have; "" without a defence."""
    found = result.defence
    if found is None:
        return ""
    sites = sum(len(names) for names in found.checks.values())
    if found.screens:
        return (
            f"under the defence `{found.defence}`, which checks {sites} sites and screens the opened model by "
            f"{', '.join(found.screens)}, {chance(found.detected)} of {result.trials} attacked runs were found out, "
            f"{result.attacked.aborted} by an abort; of honest ones {chance(found.false_alarms)}"
        )
    return (
        f"under the defence `{found.defence}`, which checks {sites} sites, {result.attacked.aborted} of "
        f"{result.trials} attacked runs were aborted: {chance(found.detected)}, where {found.expected.mean:.3g} "
        f"follows from the {found.messages:,} deviating messages"
    )


def ruin(result: Result) -> str:
    """How many attacked models are ruined; "" if none is."""
    count = result.attacked.ruined
    are = "is" if count == 1 else "are"
    return f"{count} of {result.trials} attacked models {are} ruined by NaN or infinity" if count else ""


def points(measured: Measured) -> str:
    """A difference of fractions in percentage points, with its interval and its sign."""
    values = (measured.mean, measured.low, measured.high)
    mean, low, high = map(signed, values)
    return f"{mean} points ({low} to {high})"


def signed(fraction: float, digits: int = 2) -> str:
    """A difference in percentage points with its sign; what rounds to nothing has none."""
    text = f"{100 * fraction:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", MINUS)


def chance(measured: Measured) -> str:
    """A probability with its interval, in whole percents: `6% (5 to 9%)`."""
    return f"{measured.mean:.0%} ({100 * measured.low:.0f} to {measured.high:.0%})"
